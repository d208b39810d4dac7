#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

// How far the float32 scores of a route can lie from the exact ones. docs/exact-argmax.md derives every number; all
// are in units of the rounding u = 2^-24 and first order in it, which kSlack more than covers.
namespace ef {

constexpr double kUnit = 5.9604644775390625e-8;
constexpr double kSlack = 1.01;
// Products and squares below the smallest float32 are lost, whatever their number.
constexpr double kTiny = 1e-30;

// The transform of 16 numbers: two radix-4 steps of two additions, and a product with a rounded constant between
// them (4 u); of 32: one more product and addition.
inline double dft_roundings(int64_t size) { return size == 16 ? 8 : 13; }

// |error| <= factor * length of the tile * length of the template, for scores by the transform.
inline double fft_factor(int64_t tile, int64_t channels) {
  const double dft = dft_roundings(tile);
  const double field = 1 + dft + 1 + dft;  // centred, along x, pairs of rows taken apart, along y
  const double products = 3.42 * (static_cast<double>(channels) + 3) + 2;
  const double inverse = dft + 2 * (dft + 1);  // along y; along x two rows share a transform
  return kSlack * kUnit * (field + 1 + products + inverse);  // 1: the rounded spectrum
}
// The same for the share that is added to every score of a pose.
inline double fft_offset_factor(int64_t tile) {
  return kSlack * kUnit * (2 + 3 * dft_roundings(tile) + 2);
}

// Sums in chunks of `chunk` products, of which there are `chunks`.
inline double sum_factor(int64_t chunk, int64_t chunks) {
  return kSlack * kUnit * static_cast<double>(chunk + chunks + 1);
}

// The exact score is itself a rounded float64 number: of at most `terms` additions in a row.
inline double exact_factor(int64_t terms) {
  return std::numeric_limits<double>::epsilon() * static_cast<double>(terms / 8 + 8);
}

// `margin`, or infinity where these lengths of a window and of a template might overflow float32 on the way to a
// score.
inline double certain(double margin, double window, double pattern) {
  return window < 1e30 && pattern < 1e30 && window * pattern < 1e36
             ? margin
             : std::numeric_limits<double>::infinity();
}

}  // namespace ef
