#pragma once
#include "cpu/lanes.hpp"
#include "cpu/moments/panels.hpp"

// Products of the rows of panels. Lanes are cells.
EF_LEVEL_BEGIN

// Sums that fill the registers, beside the rows they are made of.
#if defined(__AVX512F__)
constexpr int kLeftRows = 4, kRightRows = 6;
#else
constexpr int kLeftRows = 4, kRightRows = 3;
#endif

template <int64_t kPitch>
EF_INLINE void multiply_rows(const double* left, const double* right, int64_t width,
                             double (&out)[kRightRows][kLeftRows]) {
  Values<double> sum[kRightRows][kLeftRows] = {};
  for (int64_t k = 0; k < width; k += kLanes<double>) {
    Values<double> b[kRightRows];
#pragma GCC unroll 6
    for (int j = 0; j < kRightRows; ++j) b[j] = load(right + j * kPitch + k);
#pragma GCC unroll 4
    for (int i = 0; i < kLeftRows; ++i) {
      const Values<double> a = load(left + i * kPitch + k);
#pragma GCC unroll 6
      for (int j = 0; j < kRightRows; ++j) sum[j][i] = product_plus(a, b[j], sum[j][i]);
    }
  }
#pragma GCC unroll 6
  for (int j = 0; j < kRightRows; ++j) store_sums(sum[j], out[j]);
}

// out[i][j] += the product of row i of one panel and row j of the other; of a panel with itself for j <= i at least.
template <int64_t kPitch>
void add_products(const double* left, int64_t rows, const double* right, int64_t columns,
                  int64_t width, double* out) {
  for (int64_t i = 0; i < rows; i += kLeftRows) {
    const int64_t wanted = left == right ? std::min(columns, i + kLeftRows) : columns;
    for (int64_t j = 0; j < wanted; j += kRightRows) {
      double tile[kRightRows][kLeftRows];
      multiply_rows<kPitch>(left + i * kPitch, right + j * kPitch, width, tile);
      for (int64_t k = 0; k < std::min<int64_t>(kLeftRows, rows - i); ++k)
        for (int64_t l = 0; l < std::min<int64_t>(kRightRows, columns - j); ++l)
          out[(i + k) * columns + j + l] += tile[l][k];
    }
  }
}

// The sums of a row's numbers and of their squares. Four of each at a time: one alone would wait for its own last
// addition.
struct RowSums {
  double sum, squares;

  EF_INLINE RowSums(const double* row, int64_t width) {
    Values<double> s[4] = {}, q[4] = {};
    for (int64_t k = 0; k < width; k += 4 * kLanes<double>)
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) {
        const Values<double> v = load(row + k + u * kLanes<double>);
        s[u] += v;
        q[u] = product_plus(v, v, q[u]);
      }
    sum = sum_of((s[0] + s[1]) + (s[2] + s[3]));
    squares = sum_of((q[0] + q[1]) + (q[2] + q[3]));
  }
};

EF_LEVEL_END
