#pragma once
#include <algorithm>
#include <cmath>

#include "cpu/cells.hpp"
#include "cpu/pose_argmax/plan.hpp"

// The kernel's copy of an image's field: cell after cell, its channels side by side and filled up with zeros.
EF_LEVEL_BEGIN

inline void copy_field(const View<const float, 4>& from, int64_t image, const PosePlan& p,
                       float* EF_RESTRICT to) {
  for (int64_t cell = 0; cell < p.cells(); ++cell)
    for (int64_t c = p.c; c < p.cp; ++c) to[cell * p.cp + c] = 0;
  take(from, image, 0, p.cells(), to, {1, p.cp});
}

// The mean of every channel, for the transform works on what is left without it: that is shorter, and rounding goes
// by length. False where there is a NaN or an infinity.
inline bool channel_means(const float* field, const PosePlan& p, float* EF_RESTRICT mean) {
  Bits<float> largest = {};
  const Bits<float> magnitude = 0x7fffffff - Bits<float>{};
  for (int64_t c = 0; c < p.cp; c += kLanes<float>) {
    Values<float> sum = {};
    for (int64_t cell = 0; cell < p.cells(); ++cell) {
      const Values<float> v = load(field + cell * p.cp + c);
      const Bits<float> bits = (Bits<float>)v & magnitude;
      largest = bits > largest ? bits : largest;
      sum += v;
    }
    store(mean + c, sum / static_cast<float>(p.cells()));
  }
  bool finite = true;
  for (int l = 0; l < kLanes<float>; ++l) finite = finite && largest[l] < 0x7f800000;
  for (int64_t c = 0; c < p.cp; ++c)  // a sum of huge numbers overflows; any centre is right
    if (!(std::abs(mean[c]) < 1e30f)) mean[c] = 0;
  return finite;
}

// The squared length of every cell from `mean`, or from 0 where that is null.
inline void cell_energies(const float* field, const float* mean, const PosePlan& p,
                          float* EF_RESTRICT energy) {
  for (int64_t cell = 0; cell < p.cells(); ++cell) {
    Values<float> sum = {};
    for (int64_t c = 0; c < p.cp; c += kLanes<float>) {
      const Values<float> v =
          load(field + cell * p.cp + c) - (mean ? load(mean + c) : Values<float>{});
      sum = product_plus(v, v, sum);
    }
    energy[cell] = sum_of(sum);
  }
}

// The coarsest step whose multiples come within half a step of every number: no window of `length` is longer than
// kPairLength steps then, and no number larger than kPairLargest. 0 where there is none.
inline float coarse_step(const float* field, const PosePlan& p, double length) {
  Values<float> largest = {};
  for (int64_t k = 0; k < p.cells() * p.cp; k += kLanes<float>)
    largest = larger(largest, magnitude_of<float>(load(field + k)));
  double most = 0;
  for (int l = 0; l < kLanes<float>; ++l) most = std::max(most, static_cast<double>(largest[l]));
  const double half_steps = .51 * std::sqrt(static_cast<double>(p.kh * p.kw * p.c));
  const double step =
      std::max(length / (kPairLength - half_steps), most / kPairLargest) * (1 + 1e-6);
  return half_steps < kPairLength / 2 && step > 1e-30 && step < 1e30 ? static_cast<float>(step) : 0;
}

// The nearest multiples of the step, and for each cell the squared length of what they leave.
#if defined(__AVX512VNNI__)
inline void round_field(const float* field, const PosePlan& p, float step, int16_t* EF_RESTRICT to,
                        float* EF_RESTRICT left) {
  const float inverse = step > 0 ? 1 / step : 0;
  for (int64_t cell = 0; cell < p.cells(); ++cell) {
    Values<float> sum = {};
    for (int64_t c = 0; c < p.cp; c += kLanes<float>, field += kLanes<float>, to += kLanes<float>) {
      const Values<float> x = load(field), rounded = store_rounded(to, x * inverse);
      const Values<float> rest = x - rounded * step;
      sum = product_plus(rest, rest, sum);
    }
    left[cell] = sum_of(sum);
  }
}
#else
inline void round_field(const float*, const PosePlan&, float, int16_t*, float*) {}
#endif

// The length of the field in a rectangle that may reach beyond it, not below what exact arithmetic gives.
inline double length_in(const float* energy, const PosePlan& p, int64_t y, int64_t x,
                        int64_t height, int64_t width) {
  double part[4] = {};  // so that few additions wait for one another
  const int64_t columns = std::min(width, p.w - x);
  for (int64_t row = y; row < std::min(y + height, p.h); ++row) {
    const float* from = energy + row * p.w + x;
    int64_t column = 0;
    for (; column + 4 <= columns; column += 4)
      for (int k = 0; k < 4; ++k) part[k] += static_cast<double>(from[column + k]);
    for (; column < columns; ++column) part[0] += static_cast<double>(from[column]);
  }
  const double sum = (part[0] + part[1]) + (part[2] + part[3]);
  // float32 sums of up to a thousand squares stay within 6e-5; those of numbers below 1e-19 are lost.
  return std::sqrt(sum) * 1.0001 + 1e-19 * std::sqrt(static_cast<double>(height * width * p.cp));
}

EF_LEVEL_END
