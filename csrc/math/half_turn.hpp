#pragma once
#include <cmath>
#include <vector>

// The bins of skimage.feature.hog: n of them share the half turn from 0 to 180 degrees, and a direction
// is in bin k when it has reached k of the boundaries 1 .. n - 1. Boundary k stands at 180 / n * k
// degrees, in double, never above the multiple of 45 that it may stand for. skimage compares them with
//
//     angle = arctan2(y, x) * (180 / pi) % 180
//
// in double, whose last bits depend on who computes arctan2. Directions at least kUnsureAngle away from
// every boundary, and those that lie on one exactly (multiples of 45 degrees), are decided here without
// it; the others are not.
namespace ef {

constexpr double kUnsureAngle = 4e-15;  // radians; arctan2, product and remainder err by 2e-15
constexpr double kTiniest = 1e-290;     // shorter gradients have lost digits

struct HalfTurn {
  explicit HalfTurn(int n) : n(n), flat((n - 1) / 4), quarter((n - 1) / 2) {
    for (int k = 0; k < n; ++k) {
      const double angle = 180.0 / n * k * (3.14159265358979323846 / 180);
      cosine.push_back(std::cos(angle));
      sine.push_back(std::sin(angle));
    }
    for (int k = 1; k <= quarter; ++k) {
      if (4 * k < n) slope.push_back(static_cast<float>(sine[k] / cosine[k]));
      if (4 * k > n) slope.push_back(static_cast<float>(-cosine[k] / sine[k]));
    }
  }
  bool has_diagonal() const { return n % 4 == 0; }
  bool has_vertical() const { return n % 2 == 0; }

  int n;
  // Boundaries between 0 and 45 and between 0 and 90 degrees, without 45 and 90 themselves.
  int flat, quarter;
  // Of these boundaries, the flat ones first: a direction of the first quadrant is beyond when
  // slope x - y < 0, or slope y + x < 0 for the steep ones, within rounding.
  std::vector<float> slope;
  std::vector<double> cosine, sine;
};

// The bin of a gradient, or -1: undecided.
inline int half_turn_bin(double x, double y, const HalfTurn& t) {
  if (y < 0) x = -x, y = -y;
  const double length = std::abs(x) + y;
  if (length == 0) return 0;
  if (!(length >= kTiniest && length <= 1 / kTiniest)) return -1;
  if (y == 0) return 0;
  if (y <= kUnsureAngle * length) return -1;
  const int tie = x == 0 && t.has_vertical()    ? t.n / 2
                  : x == y && t.has_diagonal()  ? t.n / 4
                  : x == -y && t.has_diagonal() ? t.n / 4 * 3
                                                : 0;
  if (tie) return tie;
  int reached = 0;
  for (int k = 1; k < t.n; ++k) {
    const double beyond = y * t.cosine[k] - x * t.sine[k];
    if (std::abs(beyond) <= kUnsureAngle * length) return -1;
    reached += beyond > 0;
  }
  return reached;
}

}  // namespace ef
