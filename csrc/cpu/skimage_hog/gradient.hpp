#pragma once
#include <cmath>

#include "cpu/pixel_rows.hpp"

// Gradients: of a vector of pixels in float32, for what is clear, and of one pixel as skimage has them.
EF_LEVEL_BEGIN

// Of one channel. diagonal: |x| - |y|, 0 only where the exact difference is.
struct Gradients {
  Values<float> x, y, length2, diagonal;
};

template <bool kDiagonal>
EF_INLINE Gradients gradients_at(const Rows<float>& r, int64_t x) {
  Gradients g{difference<float>(r.here + x + 1, r.here + x - 1),
              difference<float>(r.below + x, r.above + x),
              {},
              {}};
  g.length2 = g.x * g.x + g.y * g.y;
  if (kDiagonal) g.diagonal = magnitude_of<float>(g.x) - magnitude_of<float>(g.y);
  return g;
}

template <bool kDiagonal>
EF_INLINE Gradients gradients_at(const Rows<double>& r, int64_t x) {
  Values<double> dx[2], dy[2], diagonal[2];
  for (int half = 0; half < 2; ++half, x += kLanes<double>) {
    dx[half] = difference<double>(r.here + x + 1, r.here + x - 1);
    dy[half] = difference<double>(r.below + x, r.above + x);
    if (kDiagonal) diagonal[half] = magnitude_of<double>(dx[half]) - magnitude_of<double>(dy[half]);
    // What is not 0 must not become 0 in float32, where 0 is a tie.
    const Values<double> least = all(1e-40), zero{};
    dy[half] += dy[half] == zero ? zero : least;
    if (kDiagonal) diagonal[half] += diagonal[half] == zero ? zero : least;
  }
  Gradients g{joined(dx[0], dx[1]), joined(dy[0], dy[1]), {}, {}};
  g.length2 = g.x * g.x + g.y * g.y;
  if (kDiagonal) g.diagonal = joined(diagonal[0], diagonal[1]);
  return g;
}

// Two lengths, squared, closer than this share of them are compared by hypot.
constexpr float kUnsureLength = 1e-6f;

// Whether lengths are equal of which these are parts. Where double is rounded to float32 that is known only of
// parts between which it makes no difference.
template <class T>
EF_INLINE Bits<float> alike(Values<float> a, Values<float> b) {
  return sizeof(T) == sizeof(float) ? magnitude_of<float>(a) == magnitude_of<float>(b) : a == b;
}

// The gradient of the strongest channel, the first one where they are equal. Where two that are not equal
// are too close to tell, or not numbers, `unsure` has its sign bit set. kColours: the number of
// channels, 0: any. kWhole: differences are integers, whose squares are exact.
template <int kColours, bool kWhole, bool kDiagonal, class T>
EF_INLINE Gradients strongest_gradients(const Rows<T>& r, int64_t x, int64_t colours,
                                        Bits<float>* unsure) {
  Gradients best = gradients_at<kDiagonal>(r, x);
  for (int64_t c = 1; c < (kColours > 0 ? kColours : colours); ++c) {
    const Gradients next = gradients_at<kDiagonal>(r, x + c * r.channel);
    const Values<float> longer = next.length2 - best.length2,
                        margin = kWhole ? Values<float>{} : best.length2 * kUnsureLength;
    const Bits<float> apart = magnitude_of<float>(longer) > margin;
    Bits<float> equal = alike<T>(next.x, best.x) & alike<T>(next.y, best.y);
    if (kDiagonal) equal &= alike<T>(next.diagonal, best.diagonal);
    *unsure |= ~(apart | equal);
    const Bits<float> take = longer > Values<float>{};
    best.x = take ? next.x : best.x;
    best.y = take ? next.y : best.y;
    best.length2 = take ? next.length2 : best.length2;
    if (kDiagonal) best.diagonal = take ? next.diagonal : best.diagonal;
  }
  return best;
}

// One pixel, in the image's own arithmetic. `row_inside`, `column_inside`: it has neighbours on both
// sides.
template <class T>
struct PixelGradient {
  double x = 0, y = 0, length;

  PixelGradient(const Rows<T>& r, int64_t at, int64_t colours, bool row_inside,
                bool column_inside) {
    T strongest = -1;
    for (int64_t c = 0; c < colours; ++c, at += r.channel) {
      const T gx = column_inside ? r.here[at + 1] - r.here[at - 1] : T(0);
      const T gy = row_inside ? r.below[at] - r.above[at] : T(0);
      const T size = colours > 1 ? std::hypot(gx, gy) : T(0);
      // As argmax has it: the first of the largest, or the first NaN.
      if (!(size > strongest) && size == size) continue;
      strongest = size;
      x = static_cast<double>(gx);
      y = static_cast<double>(gy);
      if (size != size) break;
    }
    length = x * x + y * y;
    length = length > 1e-200 && length < 1e200 ? std::sqrt(length) : std::hypot(x, y);
  }
};

EF_LEVEL_END
