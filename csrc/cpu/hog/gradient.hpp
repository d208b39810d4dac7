#pragma once
#include "cpu/hog/plan.hpp"
#include "math/gradient.hpp"
#include "math/orientation.hpp"

// One pixel row of one strip: image rows in T, gradient of the strongest channel, bins and votes.
// Every loop runs over x without a dependence, so the compiler turns it into vector code.
EF_LEVEL_BEGIN

// Copies pixels [begin, end) of one row of every channel.
template <class In, class T>
void load_row(const HogPlan& p, const View<const In, 4>& image, int64_t i, int64_t y, int64_t begin,
              int64_t end, T* out) {
  const int64_t strip = p.strip_pixels(), step = image.stride[3], count = end - begin;
  for (int64_t c = 0; c < p.colours; ++c, out += strip) {
    const In* EF_RESTRICT from = image.at(i, c, y, begin);
    T* EF_RESTRICT to = out;
    if (step == 1) {
      for (int64_t x = 0; x < count; ++x) to[x] = static_cast<T>(from[x]);
    } else {
      for (int64_t x = 0; x < count; ++x) to[x] = static_cast<T>(from[x * step]);
    }
  }
}

// above, here, below: rows from the first pixel's left neighbour on. Writes `count` gradients from
// `start` on.
template <class T>
void strongest_gradient(const HogPlan& p, const T* above, const T* here, const T* below,
                        int64_t start, int64_t count, const HogScratch<T>& s) {
  constexpr bool kSame = sizeof(T) == sizeof(float);
  const int64_t strip = p.strip_pixels();
  float* EF_RESTRICT gx = s.gx + start;
  float* EF_RESTRICT gy = s.gy + start;
  float* EF_RESTRICT length2 = s.length2 + start;
  T* exact_gx = s.exact_gx + start;
  T* exact_gy = s.exact_gy + start;
  for (int64_t c = 0; c < p.colours; ++c, above += strip, here += strip, below += strip) {
    const T* EF_RESTRICT up = above + 1;
    const T* EF_RESTRICT mid = here;
    const T* EF_RESTRICT down = below + 1;
    for (int64_t x = 0; x < count; ++x) {
      const T dx = mid[x + 2] - mid[x], dy = down[x] - up[x];
      const float fx = static_cast<float>(dx), fy = static_cast<float>(dy);
      const float l2 = squared_length(fx, fy);
      const bool take = c == 0 || stronger(l2, length2[x]);
      length2[x] = take ? l2 : length2[x];
      gx[x] = take ? fx : gx[x];
      gy[x] = take ? fy : gy[x];
      if (!kSame) {
        exact_gx[x] = take ? dx : exact_gx[x];
        exact_gy[x] = take ? dy : exact_gy[x];
      }
    }
  }
}

template <class T>
void lengths(const T* EF_RESTRICT gx, const T* EF_RESTRICT gy, int64_t count, T* EF_RESTRICT out) {
  for (int64_t x = 0; x < count; ++x) out[x] = std::sqrt(gx[x] * gx[x] + gy[x] * gy[x]);
}

// Boundaries passed by each folded gradient. kN > 0: the number of orientations, so that the loop
// unrolls.
template <int kN>
void boundaries_passed(const float* EF_RESTRICT gx, const float* EF_RESTRICT gy, int64_t count,
                       const OrientationTable& t, int32_t* EF_RESTRICT passed) {
  if (kN > 0) {
    for (int64_t i = 0; i < count; ++i) {
      const float x = folded_x(gx[i], gy[i]), y = folded_y(gy[i]);
      int32_t sum = 0;
      for (int k = 0; k < kN; ++k) sum += beyond(x, y, t.boundary_x[k], t.boundary_y[k]) ? 1 : 0;
      passed[i] = sum;
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) passed[i] = 0;
  for (int k = 0; k < t.n; ++k) {
    const float bx = t.boundary_x[k], by = t.boundary_y[k];
    for (int64_t i = 0; i < count; ++i)
      passed[i] += beyond(folded_x(gx[i], gy[i]), folded_y(gy[i]), bx, by) ? 1 : 0;
  }
}

inline void passed_by(const float* gx, const float* gy, int64_t count, const OrientationTable& t,
                      int32_t* passed) {
  if (t.n == 9) {
    boundaries_passed<9>(gx, gy, count, t, passed);
  } else {
    boundaries_passed<0>(gx, gy, count, t, passed);
  }
}

inline void directed_bins(const float* EF_RESTRICT gy, int64_t count, int n,
                          int32_t* EF_RESTRICT passed) {
  for (int64_t i = 0; i < count; ++i) passed[i] = directed_bin(passed[i], gy[i], n);
}

// vote[0] holds the gradient lengths and is split between the two bins.
template <class T>
void split_votes(const HogScratch<T>& s, int64_t offset, int64_t count, const OrientationTable& t) {
  const float* EF_RESTRICT gx = s.gx + offset;
  const float* EF_RESTRICT gy = s.gy + offset;
  const int32_t* EF_RESTRICT passed = s.bin[0] + offset;
  int32_t* EF_RESTRICT second = s.bin[1] + offset;
  T* EF_RESTRICT first_vote = s.vote[0] + offset;
  T* EF_RESTRICT second_vote = s.vote[1] + offset;
  const int n = t.n;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t k = passed[i];
    int side;
    const T share = second_share<T>(folded_x(gx[i], gy[i]), folded_y(gy[i]), t.centre_x[k],
                                    t.centre_y[k], n, &side);
    second_vote[i] = first_vote[i] * share;
    first_vote[i] -= second_vote[i];
    second[i] = directed_bin(k + side, gy[i], n);
  }
}

EF_LEVEL_END
