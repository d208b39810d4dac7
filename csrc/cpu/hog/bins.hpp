#pragma once
#include "cpu/hog/gradient.hpp"
#include "cpu/shuffles.hpp"
#include "math/orientation.hpp"

// Orientation bins and votes of one vector of pixels.
EF_LEVEL_BEGIN

// A gradient folded into the half plane y >= 0; y has the sign of x.
template <class T>
struct Folded {
  Values<T> x, y;
  Bits<T> turned;  // -1 where it was in the other half plane
};

template <class T>
EF_INLINE Folded<T> folded(Values<T> fx, Values<T> fy) {
  const Bits<T> sign = sign_bits<T>(fy);
  Folded<T> f;
  f.x = (Values<T>)((Bits<T>)fx ^ sign) + Values<T>{};  // -0 becomes 0, which lies on the right
  f.y = (Values<T>)(((Bits<T>)fy ^ sign) | sign_bits<T>(f.x));
  f.turned = negative<T>(fy);
  return f;
}

// folded_bin() of each lane. Mirrored boundaries have mirrored comparisons: with y as above, the
// sign bit of each difference says "beyond" on either side, and a tie leaves it clear. kN: the number
// of orientations, 0: any.
template <int kN, class T>
EF_INLINE Bits<T> folded_bins(const Folded<T>& f, const OrientationTable& t) {
  const int n = kN ? kN : t.n, quarter = kN ? kN / 2 : t.quarter,
            flat = kN ? (kN / 2 + 1) / 2 : t.flat;
  Bits<T> bin = negative<T>(f.x) & (n - quarter);
  for (int k = 0; k < flat; ++k) bin -= negative<T>(product_less(all<T>(t.slope[k]), f.x, f.y));
  for (int k = flat; k < quarter; ++k)
    bin -= negative<T>(less_product(f.x, all<T>(t.slope[k]), f.y));
  return bin;
}

// Bins 0..2n from bins -1..n of the folded half plane; 2n stands for 0.
template <class T>
EF_INLINE Bits<T> directed_bins(Bits<T> bin, const Folded<T>& f, int n) {
  bin += f.turned & n;
  return bin + ((bin >> 31) & (2 * n));
}

// Bilinear assignment: the share of the vote that goes to the second-nearest bin; whether that is the
// next bin (-1) or the one before (0); how the share grows with the gradient's angle, per radian.
template <class T>
struct Second {
  Values<T> share;
  Bits<T> next;
  Values<T> turn;
};

EF_INLINE Values<float> angles_of(Values<float> cosine) {
  const Values<float> z = (1.0f - cosine) * 0.5f;
  const auto pair = [&](int k) {
    return product_plus(all(asin_term(k)), z, all(asin_term(k + 1)));
  };
  // In pairs: a chain of seven products is slower than what surrounds it.
  const Values<float> z2 = z * z;
  const Values<float> high = product_plus(pair(0), z2, pair(2)),
                      low = product_plus(pair(4), z2, pair(6));
  return root(z) * product_plus(high, z2 * z2, low);
}
EF_INLINE Values<double> angles_of(Values<double> cosine) {
  for (int l = 0; l < kLanes<double>; ++l) cosine[l] = angle_of_cosine(cosine[l]);
  return cosine;
}

// A gradient along the direction of its bin's centre, and across it; the cosine between the two is a
// float32 quotient of unfused products, as in VLFeat, and so part of the definition.
template <class T>
struct Beside {
  Values<T> along, across;
};

template <int kN, class T>
EF_INLINE Beside<T> beside_centre(const Folded<T>& f, Bits<T> bin, const OrientationTable& t) {
  const Values<T> y = magnitude_of<T>(f.y);
  Values<T> cx, cy;
  if ((kN ? kN : t.n) < 16) {
    cx = look_up(t.centre_x, bin);
    cy = look_up(t.centre_y, bin);
  } else {
    for (int l = 0; l < kLanes<T>; ++l) cx[l] = t.centre_x[bin[l]], cy[l] = t.centre_y[bin[l]];
  }
  return {narrowed(narrowed(f.x * cx) + narrowed(y * cy)),
          narrowed(narrowed(y * cx) - narrowed(f.x * cy))};
}

// A gradient that points exactly at a centre leaves nothing for a second bin. length: rounded to
// float32. rate: bins per radian.
template <class T>
EF_INLINE Second<T> second_vote(const Beside<T>& b, Values<T> length, Values<T> rate) {
  const Values<T> zero = {};
  const Values<T> quotient = narrowed(b.along / larger(length, all<T>(1e-30f)));
  const Values<T> cosine = larger(smaller(quotient, all<T>(1)), zero);
  const Values<T> angle = b.across == zero ? zero : angles_of(cosine);
  const Bits<T> next = b.across > zero;
  return {angle * rate, next, b.across == zero ? zero : next ? rate : -rate};
}

EF_LEVEL_END
