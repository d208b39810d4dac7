#pragma once
#include "cpu/cells.hpp"
#include "cpu/feature_transform/mix.hpp"

// A sparse mix of few channels: a cell fits two vectors, and one permutation of them fetches what all
// rows need for their n-th value. For levels that permute two vectors at once.
EF_LEVEL_BEGIN

#if defined(__AVX512F__)
constexpr bool kPermutes = true;
// Lanes of two vectors; 0 where the mask's bit is not set.
EF_INLINE Values<float> pick(uint32_t mask, Values<float> a, Bits<float> lane, Values<float> b) {
  return _mm512_maskz_permutex2var_ps(static_cast<__mmask16>(mask), a, (__m512i)lane, b);
}
EF_INLINE Values<double> pick(uint32_t mask, Values<double> a, Bits<double> lane,
                              Values<double> b) {
  return _mm512_maskz_permutex2var_pd(static_cast<__mmask8>(mask), a, (__m512i)lane, b);
}
#else
constexpr bool kPermutes = false;
template <class V, class B>
EF_INLINE V pick(uint32_t, V a, B, V) {
  return a;
}
#endif

template <class T>
class PermuteMix {
 public:
  static constexpr int kGroup = 4;       // cells that share the loads of the tables
  static constexpr int64_t kDepth = 16;  // values of a row, at most

  static bool fits(const MixShape& s) { return kPermutes && s.m == 1 && s.in <= 2 * kLanes<T>; }

  PermuteMix(const MixShape& s, Carver& carver)
      : shape_(s),
        slots_(carver.take<Slot>(fits(s) ? blocks() * kDepth : 0)),
        bias_(carver.take<T>(fits(s) ? blocks() * 2 * kLanes<T> : 0)) {}

  // False where row by row is less work: that handles a vector of cells at a time, but has to transpose
  // them.
  bool prepare(const SparseValues<T>& mix, const T* bias) {
    if (!fits(shape_)) return false;
    depth_ = 0;
    for (int64_t o = 0; o < shape_.out; ++o) depth_ = std::max(depth_, mix.count(o));
    const int64_t by_rows = mix.row_begin[shape_.out] / kLanes<T> + (shape_.in + shape_.out) / 2;
    if (depth_ > kDepth || 2 * depth_ * blocks() > by_rows + 8) return false;
    std::fill_n(slots_, blocks() * depth_, Slot{});
    std::fill_n(bias_, blocks() * 2 * kLanes<T>, T(0));
    if (bias) std::copy_n(bias, shape_.out, bias_);
    for (int64_t o = 0; o < shape_.out; ++o) {
      const int64_t place = o % (2 * kLanes<T>), v = place / kLanes<T>, l = place % kLanes<T>;
      for (int64_t e = 0; e < mix.count(o); ++e) {
        Slot& slot = slots_[o / (2 * kLanes<T>)*depth_ + e];
        slot.mask[v] |= 1u << l;
        slot.lane[v][l] = static_cast<Bit<T>>(mix.column[mix.row_begin[o] + e]);
        slot.value[v][l] = mix.values[mix.row_begin[o] + e];
      }
    }
    return true;
  }

  void run(const T* const* cells, int64_t count, Cells<T> out) const {
    for (int64_t j = 0; j < count; j += kGroup)
      mix_group(cells + j, std::min<int64_t>(count - j, kGroup), {out.at(j), out.step});
  }

 private:
  struct Slot {
    Bit<T> lane[2][kLanes<T>];
    T value[2][kLanes<T>];
    uint32_t mask[2];
  };

  int64_t blocks() const { return (shape_.out + 2 * kLanes<T> - 1) / (2 * kLanes<T>); }

  // The pointers behind the last cell repeat it.
  void mix_group(const T* const* cells, int64_t count, Cells<T> out) const {
    const First<T> low(std::min<int64_t>(shape_.in, kLanes<T>)),
        high(std::max<int64_t>(shape_.in - kLanes<T>, 0));
    Values<T> x[kGroup][2];
    for (int j = 0; j < kGroup; ++j) {
      x[j][0] = low.load(cells[j]);
      x[j][1] = high.load(cells[j] + kLanes<T>);
    }
    for (int64_t o = 0, block = 0; o < shape_.out; o += 2 * kLanes<T>, ++block) {
      Values<T> y[kGroup][2];
      for (int j = 0; j < kGroup; ++j)
        for (int v = 0; v < 2; ++v) y[j][v] = load(bias_ + o + v * kLanes<T>);
      const Slot* slot = slots_ + block * depth_;
      for (int64_t e = 0; e < depth_; ++e, ++slot) {
        for (int v = 0; v < 2; ++v) {
          const Bits<T> lane = load(slot->lane[v]);
          const Values<T> value = load(slot->value[v]);
          for (int j = 0; j < kGroup; ++j)
            y[j][v] = product_plus(value, pick(slot->mask[v], x[j][0], lane, x[j][1]), y[j][v]);
        }
      }
      const First<T> first(std::min<int64_t>(shape_.out - o, kLanes<T>)),
          second(std::clamp<int64_t>(shape_.out - o - kLanes<T>, 0, kLanes<T>));
#pragma GCC unroll 4  // numbers that are indexed by a variable would leave their registers
      for (int j = 0; j < kGroup; ++j) {
        if (j >= count) break;
        first.store(out.at(j) + o, y[j][0]);
        second.store(out.at(j) + o + kLanes<T>, y[j][1]);
      }
    }
  }

  MixShape shape_;
  int64_t depth_ = 0;
  Slot* slots_;
  T* bias_;
};

EF_LEVEL_END
