#pragma once
#include <cmath>

#include "core/macros.hpp"

// Orientation bins. Bin k of 2n is centred at the direction k * 180/n degrees (x to the right, y
// down). A direction is folded into the half plane y >= 0 and then compared with the n boundaries
// between neighbouring bins, by products in float32 that must not be fused: every CPU level, the
// GPU and the NumPy oracle then take the same bin. On a boundary the lower bin wins.
namespace ef {

constexpr int kMaxOrientations = 128;

struct OrientationTable {
  int n;                                                             // orientations in a half turn
  float boundary_x[kMaxOrientations], boundary_y[kMaxOrientations];  // between bin k and bin k + 1
  float centre_x[kMaxOrientations + 1], centre_y[kMaxOrientations + 1];
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
  double u[kMaxOrientations + 1], v[kMaxOrientations + 1];
  for (int k = 0; k <= n; ++k) {
    unit_vector(k, n, &u[k], &v[k]);
    t.centre_x[k] = static_cast<float>(u[k]);
    t.centre_y[k] = static_cast<float>(v[k]);
    u[k] = std::round(u[k] * 1e4) / 1e4;
    v[k] = std::round(v[k] * 1e4) / 1e4;
  }
  for (int k = 0; k < n; ++k) {
    double x = v[k + 1] - v[k], y = u[k] - u[k + 1];
    if (!four_digits) unit_vector(2 * k + 1, 2 * n, &x, &y);
    t.boundary_x[k] = static_cast<float>(x);
    t.boundary_y[k] = static_cast<float>(y);
  }
  return t;
}

// Whether direction (x, y), y >= 0, lies beyond the boundary (bx, by).
EF_HD inline bool beyond(float x, float y, float bx, float by) { return y * bx > x * by; }

// (gx, gy) folded into the half plane y >= 0.
EF_HD inline float folded_x(float gx, float gy) { return gy < 0 ? -gx : gx; }
EF_HD inline float folded_y(float gy) { return gy < 0 ? -gy : gy; }

// The bin, 0..2n-1, from a bin -1..n+1 of the folded half plane.
EF_HD inline int directed_bin(int folded, float gy, int n) {
  const int bin = gy < 0 ? folded + n : folded;
  const int below = bin < 0 ? bin + 2 * n : bin;
  return below >= 2 * n ? below - 2 * n : below;
}

EF_HD inline int orientation_bin(float gx, float gy, const OrientationTable& t) {
  const float x = folded_x(gx, gy), y = folded_y(gy);
  int passed = 0;
  for (int k = 0; k < t.n; ++k) passed += beyond(x, y, t.boundary_x[k], t.boundary_y[k]);
  return directed_bin(passed, gy, t.n);
}

// Angle in radians of a cosine in [0, 1]: 2 asin(sqrt((1 - c) / 2)), where 1 - c is exact.
EF_HD inline double angle_of_cosine(double c) { return std::acos(c); }
EF_HD inline float angle_of_cosine(float c) {
  // Polynomial for asin(sqrt z) / sqrt z on 0 <= z <= 0.5, relative error below 1e-7 (Chebyshev
  // fit).
  const float z = (1.0f - c) * 0.5f;
  float p = 0.11113052f;
  p = p * z - 0.092602208f;
  p = p * z + 0.07724338f;
  p = p * z + 0.016160972f;
  p = p * z + 0.046578538f;
  p = p * z + 0.074873216f;
  p = p * z + 0.16666979f;
  p = p * z + 1.0f;
  return 2.0f * std::sqrt(z) * p;
}

// Bilinear assignment: the share of the vote that goes to the second-nearest bin, and on which side
// it lies (+1: the next bin, -1: the one before; in the folded half plane).
template <class T>
struct SecondVote {
  T share;
  int side;
};

// (x, y): the folded gradient; length: the root of its squared_length(); (cx, cy): the centre of its
// bin. The cosine between gradient and bin centre is a float32 quotient of unfused products, as in
// VLFeat, and so part of the definition; a gradient that points exactly at a centre leaves nothing
// for a second bin.
template <class T>
EF_HD inline SecondVote<T> second_vote(float x, float y, float length, float cx, float cy, int n) {
  const float along = x * cx + y * cy;
  const float across = y * cx - x * cy;
  const float quotient = along / (length > 1e-30f ? length : 1e-30f);
  const float cosine = quotient < 1.0f ? (quotient > 0.0f ? quotient : 0.0f) : 1.0f;
  const T angle = across == 0.0f ? T(0) : angle_of_cosine(static_cast<T>(cosine));
  return {angle * static_cast<T>(n / 3.14159265358979323846), across > 0.0f ? 1 : -1};
}

}  // namespace ef
