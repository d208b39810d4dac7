#pragma once
#include <cmath>

#include "core/macros.hpp"

// Orientation bins. Bin k of 2n is centred at the direction k * 180/n degrees (x to the right, y
// down). A direction is folded into the half plane y >= 0 and compared with the boundaries between
// neighbouring bins; on a boundary the lower bin wins. Left of the vertical the boundaries are the
// mirror images of those on the right, so that n / 2 of them, rounded down, say everything: each by
// its slope, a float32 of at most 1 that multiplies |x| or |y|. The comparison is exact: every CPU
// level, the GPU and the NumPy oracle take the same bin.
namespace ef {

constexpr int kMaxOrientations = 128;

struct OrientationTable {
  int n;        // orientations in a half turn
  int quarter;  // boundaries strictly between 0 and 90 degrees
  int flat;     // those of at most 45 degrees, which come first: half of them, rounded up
  // Direction (x, y) of the first quadrant lies beyond boundary k when slope x < y (k < flat) or
  // x < slope y.
  float slope[kMaxOrientations / 2];
  float centre_x[kMaxOrientations + 1], centre_y[kMaxOrientations + 1];
  double bins_per_radian;
};

// The unit vector at 180 * num / den degrees, for 0 <= num <= den. Reflected from the first octant,
// so that mirrored directions have mirrored coordinates to the last bit.
inline void unit_vector(int num, int den, double* x, double* y) {
  if (2 * num > den) {
    unit_vector(den - num, den, x, y);
    *x = -*x;
  } else if (4 * num > den) {
    unit_vector(den - 2 * num, 2 * den, y, x);
  } else {
    const double angle = 3.14159265358979323846 * num / den;
    *x = std::cos(angle);
    *y = std::sin(angle);
  }
}

// `four_digits`: boundaries as they follow from bin centres rounded to four decimals, which is how
// voc-dpm and dlib write them.
inline OrientationTable make_orientation_table(int n, bool four_digits) {
  OrientationTable t{};
  t.n = n;
  t.bins_per_radian = n / 3.14159265358979323846;
  double u[kMaxOrientations + 1], v[kMaxOrientations + 1];
  for (int k = 0; k <= n; ++k) {
    unit_vector(k, n, &u[k], &v[k]);
    t.centre_x[k] = static_cast<float>(u[k]);
    t.centre_y[k] = static_cast<float>(v[k]);
    u[k] = std::round(u[k] * 1e4) / 1e4;
    v[k] = std::round(v[k] * 1e4) / 1e4;
  }
  t.quarter = n / 2;
  t.flat = (t.quarter + 1) / 2;
  for (int k = 0; k < t.quarter; ++k) {
    double x = v[k + 1] - v[k], y = u[k] - u[k + 1];
    if (!four_digits) unit_vector(2 * k + 1, 2 * n, &x, &y);
    t.slope[k] = static_cast<float>(k < t.flat ? y / x : x / y);
  }
  return t;
}

// (gx, gy) folded into the half plane y >= 0.
EF_HD inline float folded_x(float gx, float gy) { return gy < 0 ? -gx : gx; }
EF_HD inline float folded_y(float gy) { return gy < 0 ? -gy : gy; }

// The bin, 0..2n-1, from a bin -1..n+1 of the folded half plane.
EF_HD inline int directed_bin(int folded, float gy, int n) {
  const int bin = gy < 0 ? folded + n : folded;
  const int below = bin < 0 ? bin + 2 * n : bin;
  return below >= 2 * n ? below - 2 * n : below;
}

// Bin 0..n of the direction (x, y), y >= 0. Products of floats are exact in double.
EF_HD inline int folded_bin(float x, float y, const OrientationTable& t) {
  const double across = x < 0 ? -x : x;
  int beyond = 0, on = 0;
  for (int k = 0; k < t.quarter; ++k) {
    const double excess = k < t.flat ? y - t.slope[k] * across : double(t.slope[k]) * y - across;
    beyond += excess > 0;
    on += excess == 0 && x < 0;
  }
  return x < 0 ? t.n - beyond - on : beyond;
}

EF_HD inline int orientation_bin(float gx, float gy, const OrientationTable& t) {
  return directed_bin(folded_bin(folded_x(gx, gy), folded_y(gy), t), gy, t.n);
}

// 2 asin(sqrt z) / sqrt z for 0 <= z <= 0.5 as a polynomial, highest power first; relative error below
// 1e-7 (Chebyshev fit).
constexpr int kAsinTerms = 8;
EF_HD inline float asin_term(int k) {
  constexpr float terms[kAsinTerms] = {0.22226106f,  -0.185204416f, 0.15448676f, 0.032321944f,
                                       0.093157076f, 0.149746432f,  0.33333958f, 2.0f};
  return terms[k];
}

// Angle in radians of a cosine in [0, 1]: 2 asin(sqrt((1 - c) / 2)), where 1 - c is exact.
EF_HD inline double angle_of_cosine(double c) { return std::acos(c); }
EF_HD inline float angle_of_cosine(float c) {
  const float z = (1.0f - c) * 0.5f;
  float p = asin_term(0);
  for (int k = 1; k < kAsinTerms; ++k) p = p * z + asin_term(k);
  return std::sqrt(z) * p;
}

}  // namespace ef
