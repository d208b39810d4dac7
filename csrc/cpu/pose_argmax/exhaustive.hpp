#pragma once
#include "cpu/pose_argmax/exact.hpp"

// Exact scores of all poses on some windows: where so much is open that windows and poses are worth multiplying in
// blocks, which read each number once for several sums.
EF_LEVEL_BEGIN

// Windows and poses of a block, each with its own partial sums: what the registers hold.
constexpr int kExactBlock = kLanes<double> == kPartialSums ? 4 : 2;

// sums[i][j] of window i and template j, as exact_sums() computes them.
template <class Number>
void exact_block(const Number* const* windows, const float* const* templates, int64_t rows,
                 int64_t row, int64_t row_stride, double (&sums)[kExactBlock][kExactBlock]) {
  Values<double> partial[kExactBlock][kExactBlock][kSumVectors] = {};
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t k = 0; k < row; k += kPartialSums)
#pragma GCC unroll 4
      for (int v = 0; v < kSumVectors; ++v) {
        const int64_t at = k + v * kLanes<double>;
        Values<double> w[kExactBlock];
#pragma GCC unroll 4
        for (int j = 0; j < kExactBlock; ++j) w[j] = widened(templates[j] + y * row + at);
#pragma GCC unroll 4
        for (int i = 0; i < kExactBlock; ++i) {
          const Values<double> x = widened(windows[i] + y * row_stride + at);
#pragma GCC unroll 4
          for (int j = 0; j < kExactBlock; ++j)
            partial[i][j][v] = product_plus(x, w[j], partial[i][j][v]);
        }
      }
  for (int i = 0; i < kExactBlock; ++i)
    for (int j = 0; j < kExactBlock; ++j) sums[i][j] = sum_of_vectors(partial[i][j]);
}

// sink(window, pose, sum) for all poses and each of `count` windows, given by where they begin.
template <class Number, class Sink>
void exact_all(const PoseGroup& group, const Number* const* windows, int64_t count,
               const Sink& sink) {
  const PosePlan& p = group.p;
  const int64_t row = p.kw * p.cp;
  if (count == 0) return;
  for (int64_t g = 0; g < p.poses; g += kExactBlock) {
    const float* templates[kExactBlock];
    for (int64_t j = 0; j < kExactBlock; ++j)
      templates[j] = group.a.panels.templates + std::min(g + j, p.poses - 1) * p.kh * row;
    for (int64_t k = 0; k < count; k += kExactBlock) {
      const Number* block[kExactBlock];
      for (int64_t i = 0; i < kExactBlock; ++i) block[i] = windows[std::min(k + i, count - 1)];
      double sums[kExactBlock][kExactBlock];
      exact_block(block, templates, p.kh, row, p.w * p.cp, sums);
      for (int64_t i = 0; i < kExactBlock && k + i < count; ++i)
        for (int64_t j = 0; j < kExactBlock && g + j < p.poses; ++j) sink(k + i, g + j, sums[i][j]);
    }
  }
}

EF_LEVEL_END
