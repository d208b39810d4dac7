#pragma once
#include "cpu/cells.hpp"

// What output cells read: one source cell where it lies, or a blend of several.
EF_LEVEL_BEGIN

template <class T>
struct Source {
  Cells<const T> field;
  const T* zero;         // a cell of zeros, for what lies outside
  const int64_t* index;  // null: every cell reads itself
  const T* weight;       // null: 1 / taps
  int64_t taps, channels;

  bool plain() const { return taps == 1 && !weight; }  // cells are read where they lie
  const T* of(int64_t source) const {
    return __builtin_expect(source < 0, 0) ? zero : field.at(source);
  }
  const T* cell(int64_t p) const { return index ? of(index[p]) : field.at(p); }
  T uniform() const { return weight ? T(0) : T(1) / static_cast<T>(taps); }
};

// to[c] = sum_t weight[t] x[c, index[t]], on top of what `to` holds where `more`. Writes whole vectors.
// Without weights all are `uniform`.
template <class T, int kTaps>
EF_INLINE void blend_taps(const Source<T>& s, const int64_t* index, const T* weight, T uniform,
                          bool more, T* to) {
  const T* from[kTaps];
  Values<T> share[kTaps];
#pragma GCC unroll 4
  for (int t = 0; t < kTaps; ++t) {
    from[t] = s.of(index[t]);
    share[t] = all(weight ? weight[t] : uniform);
  }
  int64_t c = 0;
  for (; c + kLanes<T> <= s.channels; c += kLanes<T>) {
    Values<T> sum = more ? load(to + c) : Values<T>{};
#pragma GCC unroll 4
    for (int t = 0; t < kTaps; ++t) sum = product_plus(share[t], load(from[t] + c), sum);
    store(to + c, sum);
  }
  if (c == s.channels) return;
  const First<T> rest(s.channels - c);
  Values<T> sum = more ? load(to + c) : Values<T>{};
#pragma GCC unroll 4
  for (int t = 0; t < kTaps; ++t) sum = product_plus(share[t], rest.load(from[t] + c), sum);
  store(to + c, sum);
}

template <class T>
EF_INLINE void blend(const Source<T>& s, int64_t cell, T* to) {
  const int64_t* index = s.index + cell * s.taps;
  const T* weight = s.weight ? s.weight + cell * s.taps : nullptr;
  const T uniform = s.uniform();
  int64_t t = 0;
  for (; t + 4 <= s.taps; t += 4)
    blend_taps<T, 4>(s, index + t, weight ? weight + t : nullptr, uniform, t > 0, to);
  for (; t < s.taps; ++t)
    blend_taps<T, 1>(s, index + t, weight ? weight + t : nullptr, uniform, t > 0, to);
}

// Where the `count` cells from `first` on stand once they are gathered; blends go to the buffer, `pitch`
// numbers apart.
template <class T>
EF_INLINE void point(const Source<T>& s, int64_t first, int64_t count, T* buffer, int64_t pitch,
                     const T** to) {
  if (s.plain()) {
    for (int64_t j = 0; j < count; ++j) to[j] = s.cell(first + j);
    return;
  }
  for (int64_t j = 0; j < count; ++j, buffer += pitch) {
    blend(s, first + j, buffer);
    to[j] = buffer;
  }
}

// The same for a plain source's cells (dy, dx) away on a field of H x W.
template <class T>
void point_away(const Source<T>& s, int64_t H, int64_t W, int64_t first, int64_t count, int64_t dy,
                int64_t dx, const T** to) {
  int64_t y = first / W + dy, x = first % W + dx;
  for (int64_t j = 0; j < count; ++j, ++x) {
    if (x == W + dx) x = dx, ++y;
    const bool inside = y >= 0 && y < H && x >= 0 && x < W;
    to[j] = inside ? s.cell(y * W + x) : s.zero;
  }
}

EF_LEVEL_END
