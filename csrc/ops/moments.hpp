#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/view.hpp"

// What linear maps between fields are solved from: sums over images and cells, for one field y and any number of
// fields x, each with its way of moving cells.
//
// Computes     with x' the moved cells of x, x'[n][c][k] = sum_s weight[k][s] x[n][c][index[k][s]], and y' those
//              cells of y that are used, y'[n][c][k] = y[n][c][cells[k]]: the sums over n and k of y' and y'^2 are
//              added to what sum_y and yy hold, those of x', x' x'^T and x' y'^T to each sum_x, xx and xy.
// Shapes       y (n, q) and every x (n, p) fields, each of contiguous cells; index and weight [count][sources];
//              cells [count]; sum_y and yy [q], sum_x [p], xx [p][p], xy [p][q], contiguous. Without a weight it
//              is 1; without index or cells the first `count` cells are taken as they lie.
// Precision    float32 numbers, sampled in float32; float64 products and sums.
// Aliasing     fields may be the same; the sums and workspace overlap nothing.
// Empty input  no image or no cell adds nothing.
// NaN          and infinities go into the sums they belong to.
// Determinism  sums are taken in the order of images and cells, in panels of as many cells as the channels allow;
//              xx is symmetric to the last bit. CPU levels differ by rounding.
// Threads      one: callers have many layers, one for each of theirs.
// Workspace    moments_workspace() bytes, uninitialised.
// Source       Lenc & Vedaldi 2015, section 3.2: least squares over the cells of a convolutional layer.
namespace ef {

struct MovedField {
  View<const float, 2> x;
  const int64_t* index;
  const float* weight;
  int64_t sources;
  double *sum_x, *xx, *xy;
};

struct MomentsArgs {
  View<const float, 2> y;
  const int64_t* cells;
  int64_t count;
  double *sum_y, *yy;
  std::vector<MovedField> moved;
  void* workspace;
};

size_t moments_workspace(const MomentsArgs& args);
void moments_cpu(const MomentsArgs& args);

}  // namespace ef
