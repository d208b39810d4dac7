#pragma once
#include <cstring>
#include <type_traits>

#include "cpu/lanes.hpp"
#include "ops/pose_argmax.hpp"

// The two matrix products: windows times templates, and tiles times templates at one frequency. Lanes are poses; the
// numbers of the field are spread over them one by one.
EF_LEVEL_BEGIN

#if defined(__AVX512F__)
constexpr int kWindowRows = 12,
              kWindowGroups = 2;  // 24 sums hide the latency and leave room for the operands
constexpr int kTileRows = 4, kTileGroups = 2;  // 3 sums each
#elif defined(__AVX2__)
constexpr int kWindowRows = 6, kWindowGroups = 2;
constexpr int kTileRows = 4, kTileGroups = 1;
#else
constexpr int kWindowRows = 6, kWindowGroups = 2;
constexpr int kTileRows = 4, kTileGroups = 1;
#endif

// Calls body with the number of rows of the next block, as a constant, for `rows` windows that are left.
template <class Body>
EF_INLINE void with_window_rows(int64_t rows, const Body& body) {
  constexpr int unit = kWindowRows / 3;
  if (rows > 2 * unit) return body(std::integral_constant<int, 3 * unit>{});
  if (rows > unit) return body(std::integral_constant<int, 2 * unit>{});
  body(std::integral_constant<int, unit>{});
}

// A window is `rows` rows of `cells` cells of `channels` numbers, or pairs of numbers.
struct WindowShape {
  int64_t rows, cells, channels, row_stride, cell_stride;
  int64_t numbers() const { return rows * cells * channels; }
};

// What is multiplied: floats, or pairs of 16-bit integers, whose products and sums are exact.
struct FloatProducts {
  using Number = float;
  using Sum = Values<float>;
  static EF_INLINE Sum plus(Sum x, Sum w, Sum sum) { return product_plus(x, w, sum); }
};
#if defined(__AVX512VNNI__)
struct PairProducts {
  using Number = int32_t;
  using Sum = Bits<float>;
  static EF_INLINE Sum plus(Sum x, Sum w, Sum sum) { return pair_products_plus(x, w, sum); }
};
#endif

// total[j][v] = sum of window j times a vector of templates. Every row has sums of its own, so that no chain of
// additions is longer than a row and the number of rows.
template <class Products, int kRows, int kGroups>
EF_INLINE void multiply_windows(const typename Products::Number* const* windows,
                                const WindowShape& s,
                                const typename Products::Number* const* panels,
                                typename Products::Sum (&total)[kRows][kGroups]) {
  using Sum = typename Products::Sum;
  for (int j = 0; j < kRows; ++j)
    for (int v = 0; v < kGroups; ++v) total[j][v] = Sum{};
  int64_t k = 0;
  for (int64_t row = 0; row < s.rows; ++row) {
    Sum sum[kRows][kGroups] = {};
    for (int64_t cell = 0; cell < s.cells; ++cell) {
      const int64_t at = row * s.row_stride + cell * s.cell_stride;
      for (int64_t c = 0; c < s.channels; ++c, k += kPoseBlock) {
        Sum w[kGroups];
#pragma GCC unroll 4
        for (int v = 0; v < kGroups; ++v) std::memcpy(&w[v], panels[v] + k, sizeof(Sum));
#pragma GCC unroll 12
        for (int j = 0; j < kRows; ++j) {
          const Sum x = windows[j][at + c] - Sum{};
#pragma GCC unroll 4
          for (int v = 0; v < kGroups; ++v) sum[j][v] = Products::plus(x, w[v], sum[j][v]);
        }
      }
    }
    for (int j = 0; j < kRows; ++j)
      for (int v = 0; v < kGroups; ++v) total[j][v] += sum[j][v];
  }
}

template <int kGroups>
EF_INLINE void add_products(float x, const Values<float>* w, Values<float>* sum) {
  const Values<float> spread = all(x);
#pragma GCC unroll 2
  for (int v = 0; v < kGroups; ++v) sum[v] = product_plus(spread, w[v], sum[v]);
}

// re + i im = sum_c x_c w_c with three products instead of four: w_r (x_r + x_i), x_r (w_i - w_r), x_i (w_r + w_i).
// x: real parts, imaginary parts and their sums of a tile, `plane` numbers each. w: a vector of real parts,
// kPoseBlock further on the imaginary ones, channel after channel. `ahead` fetches what stands behind w, which the
// next frequency needs.
template <int kRows, int kGroups>
EF_INLINE void multiply_tiles(const float* x, int64_t tile_stride, int64_t plane,
                              const float* const* w, int64_t channels, bool ahead,
                              Values<float> (&re)[kRows][kGroups],
                              Values<float> (&im)[kRows][kGroups]) {
  Values<float> both[kRows][kGroups] = {};
#pragma GCC unroll 4
  for (int j = 0; j < kRows; ++j)
#pragma GCC unroll 2
    for (int v = 0; v < kGroups; ++v) re[j][v] = im[j][v] = Values<float>{};
#pragma GCC unroll 2
  for (int64_t c = 0; c < channels; ++c) {
    Values<float> real[kGroups], less[kGroups], more[kGroups];
#pragma GCC unroll 2
    for (int v = 0; v < kGroups; ++v) {
      real[v] = load(w[v] + c * 2 * kPoseBlock);
      const Values<float> imaginary = load(w[v] + c * 2 * kPoseBlock + kPoseBlock);
      if (ahead) {
        __builtin_prefetch(w[v] + (channels + c) * 2 * kPoseBlock);
        __builtin_prefetch(w[v] + (channels + c) * 2 * kPoseBlock + kPoseBlock);
      }
      less[v] = imaginary - real[v];
      more[v] = real[v] + imaginary;
    }
    // One number of the field at a time: sums, templates and that fill the registers.
    const float* at = x + c;
#pragma GCC unroll 4
    for (int j = 0; j < kRows; ++j) {
      add_products<kGroups>(at[j * tile_stride], less, im[j]);
      add_products<kGroups>(at[j * tile_stride + plane], more, re[j]);
      add_products<kGroups>(at[j * tile_stride + 2 * plane], real, both[j]);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < kRows; ++j)
#pragma GCC unroll 2
    for (int v = 0; v < kGroups; ++v) {
      re[j][v] = both[j][v] - re[j][v];
      im[j][v] = both[j][v] + im[j][v];
    }
}

EF_LEVEL_END
