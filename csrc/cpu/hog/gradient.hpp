#pragma once
#include "cpu/hog/plan.hpp"
#include "math/gradient.hpp"

// One pixel row of one strip: image rows in T, gradient of the strongest channel and its length.
// Every loop runs over x without a dependence, so the compiler turns it into vector code. Rows are
// restrict parameters: GCC takes no notice of restrict on local pointers.
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

// The gradient of a channel in T, and as the decisions see it.
template <class T>
struct Gradient {
  T dx, dy;
  float fx, fy, length2;
};

// above, here, below: rows from the left neighbour of the pixel on.
template <class T>
inline Gradient<T> gradient_of(const T* above, const T* here, const T* below) {
  const T dx = here[2] - here[0], dy = below[1] - above[1];
  const float fx = static_cast<float>(dx), fy = static_cast<float>(dy);
  return {dx, dy, fx, fy, squared_length(fx, fy)};
}

template <class T>
inline Gradient<T> stronger_of(const Gradient<T>& best, const Gradient<T>& next) {
  const bool take = stronger(next.length2, best.length2);
  return {take ? next.dx : best.dx, take ? next.dy : best.dy, take ? next.fx : best.fx,
          take ? next.fy : best.fy, take ? next.length2 : best.length2};
}

// kColours > 0: the number of channels, so that their loop unrolls and the strongest is found in
// registers. (Selected from and written to the same row, it would become a store behind a branch.)
// Nothing is written to exact_gx, exact_gy when T is float.
template <int kColours, class T>
void strongest_of(const T* EF_RESTRICT above, const T* EF_RESTRICT here, const T* EF_RESTRICT below,
                  int64_t strip, int64_t colours, int64_t count, float* EF_RESTRICT gx,
                  float* EF_RESTRICT gy, float* EF_RESTRICT length2, T* EF_RESTRICT exact_gx,
                  T* EF_RESTRICT exact_gy) {
  for (int64_t x = 0; x < count; ++x) {
    Gradient<T> best = gradient_of(above + x, here + x, below + x);
    for (int64_t c = 1; c < (kColours > 0 ? kColours : colours); ++c) {
      const int64_t skip = c * strip + x;
      best = stronger_of(best, gradient_of(above + skip, here + skip, below + skip));
    }
    gx[x] = best.fx;
    gy[x] = best.fy;
    length2[x] = best.length2;
    if (sizeof(T) != sizeof(float)) {
      exact_gx[x] = best.dx;
      exact_gy[x] = best.dy;
    }
  }
}

// above, here, below: rows from the first pixel's left neighbour on, for every channel.
template <class T>
void strongest_gradient(const HogPlan& p, const T* above, const T* here, const T* below,
                        int64_t count, const HogScratch<T>& s) {
  constexpr decltype(&strongest_of<0, T>) by_colours[] = {strongest_of<0, T>, strongest_of<1, T>,
                                                          strongest_of<2, T>, strongest_of<3, T>,
                                                          strongest_of<4, T>};
  by_colours[p.colours <= 4 ? p.colours : 0](above, here, below, p.strip_pixels(), p.colours, count,
                                             s.gx, s.gy, s.length2, s.exact_gx, s.exact_gy);
}

template <class T>
void lengths(const T* EF_RESTRICT gx, const T* EF_RESTRICT gy, int64_t count, T* EF_RESTRICT out) {
  for (int64_t x = 0; x < count; ++x) out[x] = std::sqrt(gx[x] * gx[x] + gy[x] * gy[x]);
}

EF_LEVEL_END
