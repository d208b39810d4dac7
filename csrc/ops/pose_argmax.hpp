#pragma once
#include <cstddef>

#include "core/view.hpp"

// The best of many templates on every window of a feature field, or the best windows and templates of a field.
//
// Computes     score(g, y, x) = sum_{dy, dx, c} templates[g, c, dy, dx] features[c, y + dy, x + dx]
//                               + bias[g] + prior[g], a float64 number in the order of math/pose_score.hpp.
//              Every answer and every reported score is that of this number. A route only finds, in float32, which
//              poses can be the best: it bounds its own rounding, and what the bound leaves open is scored exactly.
// Shapes       features (n, c, h, w), any strides; g templates of (c, kh, kw); bias (g) or null; prior (n or 1, g)
//              or null; mask (n or 1, H', W') or null, H' = h - kh + 1; positions (n or 1, count, 2) of (y, x) or
//              null: then only these windows are scored.
// Location     the best pose of every window: score and pose (n, H' W') or (n, count).
// Image        the top_k best (pose, y, x) of every image in the order of beats(): score, pose, y, x (n, top_k).
//              With suppression >= 0 one is passed over when a better one that was taken lies within that many
//              cells both ways (and, where neighbours is given, neighbours[taken, this] is not 0).
// Nothing      masked windows, scores below the threshold, and places of top_k left over: score -infinity, -1.
// Ties         lowest pose, then y, then x.
// Aliasing     outputs overlap nothing.
// Empty input  n = 0: nothing is done. g = 0 and H' or W' < 1 are the caller's error.
// Errors       std::invalid_argument for a NaN or an infinity anywhere, naming the image or the pose, and for positions
//              outside. Outputs may have been written by then.
// Determinism  the same answer on every route, level and number of threads.
// Workspace    pose_argmax_workspace() bytes, uninitialised; image mode also allocates what its search opens.
// Source       Lenc & Vedaldi 2015, section 3.4. docs/exact-argmax.md derives the bounds.
namespace ef {

enum class PoseRoute : int { direct = 0, fft = 1, low_rank = 2 };

constexpr int kPoseBlock = 16;  // poses that stand side by side in panels, at every CPU level
// No sum of products of 16-bit integers leaves 32 bits where both sides are at most so long (Cauchy and Schwarz).
constexpr double kPairLength = 46000, kPairLargest = 32767;

// A bank in the forms that its route reads. Blocks are filled up with copies of the last pose, channels with zeros to
// cp, a multiple of 16.
struct PosePanels {
  PoseRoute route;
  const float* templates;  // (g, kh, kw, cp)
  const double* norm;      // (g) lengths
  const double* sums;      // (g, c) of the cells of a channel
  const float* direct;     // (blocks, kh, kw, c, 16): of the templates, or of the basis
  // (blocks, tile^2 / 2 + 2, c, 2, 16): conjugate DFT / tile^2 of the templates, or of the basis. The frequency along x
  // counts slowest and goes to tile / 2; that along y to tile - 1, to tile / 2 where the one along x is 0 or tile / 2.
  // Real parts stand before imaginary ones.
  const float* spectrum;
  int64_t tile;  // 16 or 32
  // Low rank: template = mix times basis + the rest.
  const float* mix;       // (blocks, rank, 16), rank a multiple of 16
  const float* residual;  // (blocks, 16): length of the rest, in the basis' complement
  double leak;            // the largest length of the rest in the span of the basis
  double departure;       // Frobenius distance of the basis from an orthonormal one
  double mix_length;      // of the longest row of mix, and of the longest centre
  int64_t rank;
  // Low rank, or cluster_blocks 0: clusters of poses whose rows of mix are near a centre. A pose's cluster (g); the
  // centres (cluster_blocks, rank, 16), their largest distance from a row and the largest residual (cluster_blocks, 16).
  const int64_t* cluster;
  const float* centres;
  const float* cluster_radius;
  const float* cluster_residual;
  int64_t cluster_blocks;
  // Direct, or null: (blocks, kh, kw, (c + 1) / 2, 16, 2), the nearest multiples of a step of its own for each pose, of a
  // length of at most kPairLength steps and numbers of at most kPairLargest.
  const int16_t* coarse;
  const float* coarse_step;  // (blocks, 16)
  double coarse_error;       // the largest length of a template less its multiples
};

struct PoseArgmaxArgs {
  View<const float, 4> features;
  int64_t poses, kh, kw;
  PosePanels panels;
  const float* bias;
  const float* prior;
  int64_t prior_stride;  // between images; 0: one for all
  const uint8_t* mask;
  int64_t mask_stride;
  const int64_t* positions;
  int64_t positions_stride, positions_count;
  bool over_image;
  int64_t top_k;
  double suppression;         // < 0: none
  const uint8_t* neighbours;  // (g, g) or null
  double threshold;           // -infinity: none
  float* score;
  int64_t* pose;
  int64_t* y;  // image mode
  int64_t* x;
  int64_t budget;  // image mode: an image that takes more exact scores is given up
  int64_t*
      rescored;  // (n): exact scores that were computed; -1: given up, its outputs mean nothing
  void* workspace;
  int threads;
};

size_t pose_argmax_workspace(const PoseArgmaxArgs& args);
void pose_argmax_cpu(const PoseArgmaxArgs& args);

}  // namespace ef
