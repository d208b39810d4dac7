#pragma once
#include <limits>

#include "cpu/skimage_hog/gradient.hpp"
#include "cpu/skimage_hog/plan.hpp"
#include "math/half_turn.hpp"

// What pixels vote: a vector of them in float32, and one by one those whose bin or channel is not clear
// there.
EF_LEVEL_BEGIN

// Closer than this to a boundary, as a share of the gradient, a bin is not clear: gradient, slope
// and product are each rounded by 1e-7 or less.
constexpr float kUnsureShare = 1e-6f;
// Gradients whose squares are float32 numbers with all their digits.
constexpr float kLeastClear = 1e-18f, kMostClear = 1e18f;

EF_INLINE Bits<float> bits_of(float value) { return (Bits<float>)all(value); }

// The smaller of two magnitudes.
EF_INLINE Values<float> nearer(Values<float> a, Values<float> b) {
#if defined(__AVX512DQ__)
  return _mm512_range_ps(a, b, 0b1010);  // of absolute values, with a positive sign
#else
  return smaller(magnitude_of<float>(a), magnitude_of<float>(b));
#endif
}

// v, or infinity where it is 0: ties are clear.
EF_INLINE Values<float> unless_zero(Values<float> v) {
  return v == Values<float>{} ? all(std::numeric_limits<float>::infinity()) : v;
}

struct VectorVotes {
  Values<float> vote;
  Bits<float> bin;
  Bits<float> unsure;  // sign bit set: not clear
};

// kN: the number of orientations, 0: any. kDiagonal: 45 degrees is a boundary. kWhole: gradients are integers.
template <int kColours, int kN, bool kWhole, bool kDiagonal, class T>
EF_INLINE VectorVotes vector_votes(const Rows<T>& rows, int64_t x, int64_t colours,
                                   const HalfTurn& t) {
  const int n = kN ? kN : t.n, flat = kN ? (kN - 1) / 4 : t.flat,
            quarter = kN ? (kN - 1) / 2 : t.quarter, slopes = quarter - static_cast<int>(kDiagonal);
  const float* slope = t.slope.data();
  VectorVotes v{};
  const Gradients g = strongest_gradients<kColours, kWhole, kDiagonal>(rows, x, colours, &v.unsure);
  v.vote = root(g.length2);
  // Folded into the half plane y >= 0, and there into the first quadrant. The vertical goes to the left.
  const Values<float> zero{}, across = magnitude_of<float>(g.x), up = magnitude_of<float>(g.y);
  const Values<float> folded = (Values<float>)((Bits<float>)g.x ^ sign_bits<float>(g.y));
  const Bits<float> left = (folded <= zero) & (up > zero);
  // Of 9 bins no boundary between 0 and 180 degrees comes near the direction of two integers below 256.
  constexpr bool kClear = kWhole && kN == 9;
  Values<float> closest = unless_zero(up);
  if (n % 2 == 0) closest = smaller(closest, unless_zero(across));
  Bits<float> beyond{};
  for (int k = 0; k < flat; ++k) {
    const Values<float> from = product_plus(all(slope[k]), across, -up);
    beyond -= negative<float>(from);
    if (!kClear) closest = nearer(closest, from);
  }
  for (int k = flat; k < slopes; ++k) {
    const Values<float> from = product_plus(all(slope[k]), up, across);
    beyond -= negative<float>(from);
    if (!kClear) closest = nearer(closest, from);
  }
  if (kDiagonal) {  // the upper bin's, on either side
    beyond -= negative<float>(g.diagonal) | ((g.diagonal == zero) & ~left);
    closest = nearer(closest, unless_zero(g.diagonal));
  }
  v.bin = (beyond ^ left) + (left & n);  // left: n - 1 - beyond
  const Values<float> size = across + up;
  if (!kClear) v.unsure |= (Bits<float>)(closest - size * kUnsureShare);
  if (!kWhole) {
    const Bits<float> bits = (Bits<float>)size;  // not negative: ordered as integers are, NaN last
    v.unsure |= (bits_of(kMostClear) - bits) | ((bits - bits_of(kLeastClear)) & -bits);
  }
  return v;
}

EF_LEVEL_END
