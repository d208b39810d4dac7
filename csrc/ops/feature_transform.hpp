#pragma once
#include <cstddef>

#include "core/view.hpp"

// Moves the cells of a feature field and mixes their channels: phi(g x) = M phi(x) for maps M that are a sparse
// permutation of cells followed by a small filter bank.
//
// Computes     gathered[c, p] = sum_t weight[p, t] x[c, index[p, t]]           for every output cell p
//              out[d, p] = bias[d] + sum_{c, dy, dx} mix[d, c, dy, dx] gathered[c, p + (dy, dx) - m / 2]
// Shapes       x (n, c, h, w), any strides; index (H * W, k), source = row * w + column, -1: outside;
//              weight (H * W, k) or null (1 / k); out (n, d, H, W), any strides; bias (d) or null.
//              mix: dense values (d, c * m * m) with column null, or CSR: row_begin (d + 1), column (nnz), values
//              (nnz); a column is (c * m + dy) * m + dx; m is odd. These small arrays are contiguous.
// Outside      a source of -1, and a gathered cell beyond the field, contribute 0; nothing is renormalised.
// Aliasing     outputs must not overlap inputs or workspace.
// Empty input  n = 0, d = 0 or no cells: nothing is written but the gradients of the parameters, which are 0.
// NaN          spreads along the sums that read it; a source of -1 reads nothing. In the gradient of mix a NaN in x
//              may reach every entry of its channel.
// Layout       the order of strides changes no number. Fields whose channels are neighbours (stride 1) in evenly
//              spaced cells are read and written where they lie; others are copied, some images at a time.
// Determinism  each output is one sum in one order, whatever the number of threads; no atomics.
// Errors       std::invalid_argument for an index, column or row_begin out of range, before anything is written.
// Workspace    feature_transform_workspace() bytes, uninitialised.
// Source       Lenc & Vedaldi 2015, sections 2.2 and 3.1: transformation layer.
namespace ef {

struct ChannelMix {
  const void* values;
  const int64_t* column;     // null: dense
  const int64_t* row_begin;  // null: dense
  int64_t count;             // values in all
  int64_t m;
};

struct FeatureTransformArgs {
  View<const void, 4> x;
  Dtype dtype;  // float32 or float64, of x, weight, mix, bias and all outputs
  const int64_t* index;
  const void* weight;
  int64_t taps;  // k
  ChannelMix mix;
  const void* bias;
  View<void, 4> out;
  void* workspace;
  int threads;
};

struct FeatureTransformGradients {
  FeatureTransformArgs forward;  // out is not used
  View<const void, 4> grad_out;  // (n, d, H, W)
  View<void, 4> grad_x;          // each null where it is not wanted
  void* grad_weight;             // (H * W, k)
  void* grad_mix;                // like values
  void* grad_bias;               // (d)
};

size_t feature_transform_workspace(const FeatureTransformArgs& args);
void feature_transform_cpu(const FeatureTransformArgs& args);

size_t feature_transform_backward_workspace(const FeatureTransformGradients& args);
void feature_transform_backward_cpu(const FeatureTransformGradients& args);

}  // namespace ef
