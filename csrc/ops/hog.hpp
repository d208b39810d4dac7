#pragma once
#include <cstddef>

#include "core/view.hpp"

// Histogram of oriented gradients.
//
// Computes     for every pixel but the outermost ring: the centred difference of the strongest channel; its
//              length is split between the four nearest cells (bilinearly) and one orientation bin (nearest)
//              or two (bilinear); every cell is then normalised by its four 2 x 2 blocks.
//              uoctti          3 n + 4 channels: 2n directed bins, n undirected bins, 4 textures (the clipped
//                              undirected bins summed per block, blocks TL TR BL BR, times 1 / sqrt 18)
//              dalal_triggs    4 n: the clipped undirected bins for blocks TL TR BL BR
//              dpm             3 n + 4 as in voc-dpm: textures from the directed bins, blocks BR TR BL TL, times
//                              0.2357; bin boundaries from four-digit bin centres; the outermost cells are dropped
// Shapes       image (n, c, h, w) of uint8, float32 or float64, any strides; out (n, d, H, W) of float32, or of
//              float64 for a float64 image, any strides. H, W: hog_shape().
// Borders      outside cells count as copies of the edge cell in the block energies (uoctti, dalal_triggs).
// Padding      with `padded` every cell of the output is memory of its own for d numbers rounded up to a multiple
//              of 16, the channels first and neighbours; the rest is set to 0.
// Aliasing     out must not overlap image or workspace.
// Empty input  n = 0 does nothing; H or W = 0 is the caller's error.
// Ties, NaN    first channel, lower bin (math/orientation.hpp). NaN and infinity spread to the cells of the pixel.
// Determinism  every output is summed in one order, whatever the number of threads. CPU levels agree in every
//              decision and differ in sums by rounding only.
// Workspace    hog_workspace() bytes, uninitialised.
// Source       Dalal & Triggs 2005; Felzenszwalb et al. 2010; VLFeat 0.9.21 vl_hog; voc-dpm features.cc.
namespace ef {

enum class HogVariant : int { uoctti = 0, dalal_triggs = 1, dpm = 2 };

struct HogArgs {
  View<const void, 4> image;
  Dtype image_dtype;
  View<void, 4> out;  // float32, or float64 when the image is
  int64_t cell;
  int orientations;
  HogVariant variant;
  bool bilinear;  // orientation assignment
  bool padded;    // cells of out are padded
  void* workspace;
  int threads;
};

// The gradient of sum(grad_out * out) with respect to the image.
//
// Shapes       grad_out like out, grad_image like image, any strides; float32 or float64 like the image.
// Decisions    channel, bin and clipping are taken as constants: where the field has a kink, one of its one-sided
//              derivatives. Where the image has no gradient (length 0 in the decisions' float32) the derivative is 0.
// Workspace    hog_backward_workspace() bytes, uninitialised.
// Else         as for hog; aliasing, empty input, NaN and determinism too.
struct HogGradients {
  HogArgs forward;  // out and padded are not used
  View<const void, 4> grad_out;
  View<void, 4> grad_image;
};

struct HogShape {
  int64_t channels, height, width;  // of the output; height or width <= 0: the image is too small
};

HogShape hog_shape(int64_t h, int64_t w, int64_t cell, int orientations, HogVariant variant);
size_t hog_workspace(const HogArgs& args);
void hog_cpu(const HogArgs& args);

size_t hog_backward_workspace(const HogGradients& args);
void hog_backward_cpu(const HogGradients& args);

}  // namespace ef
