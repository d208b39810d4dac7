#pragma once
#include "cpu/hog/plan.hpp"
#include "cpu/pixel_rows.hpp"

// The gradient of one vector of pixels: of the strongest channel, and as the decisions see it.
EF_LEVEL_BEGIN

// T as in the sums. fx, fy, length2: rounded to float32, unfused, by which channel and bin are chosen.
template <class T>
struct Gradient {
  Values<T> dx, dy, fx, fy, length2;
  Bits<T> channel;
};

template <class T, class In>
EF_INLINE Gradient<T> gradient_of(const Rows<In>& r, int64_t x) {
  Gradient<T> g;
  g.dx = difference<T>(r.here + x + 1, r.here + x - 1);
  g.dy = difference<T>(r.below + x, r.above + x);
  g.fx = narrowed(g.dx);
  g.fy = narrowed(g.dy);
  g.length2 = narrowed(narrowed(g.fx * g.fx) + narrowed(g.fy * g.fy));
  return g;
}

// A later channel has to be longer: the first one wins ties. kColours: the number of channels, 0: any.
template <int kColours, class T, class In>
EF_INLINE Gradient<T> strongest_gradient(const Rows<In>& r, int64_t x, int64_t colours) {
  Gradient<T> best = gradient_of<T>(r, x);
  best.channel = Bits<T>{};
  for (int64_t c = 1; c < (kColours > 0 ? kColours : colours); ++c) {
    const Gradient<T> next = gradient_of<T>(r, x + c * r.channel);
    const Bits<T> take = next.length2 > best.length2;
    best.dx = take ? next.dx : best.dx;
    best.dy = take ? next.dy : best.dy;
    best.fx = take ? next.fx : best.fx;
    best.fy = take ? next.fy : best.fy;
    best.length2 = take ? next.length2 : best.length2;
    best.channel = take ? Bits<T>{} + static_cast<Bit<T>>(c) : best.channel;
  }
  return best;
}

template <class T>
EF_INLINE Values<T> length_of(const Gradient<T>& g) {
  if (sizeof(T) == sizeof(float)) return root(g.length2);
  return root(g.dx * g.dx + g.dy * g.dy);
}

EF_LEVEL_END
