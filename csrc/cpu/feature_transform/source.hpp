#pragma once
#include "cpu/feature_transform/field.hpp"

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
  const T* of(int64_t source) const { return source < 0 ? zero : field.at(source); }
  const T* cell(int64_t p) const { return index ? of(index[p]) : field.at(p); }
  T share(int64_t e) const { return weight ? weight[e] : T(1) / static_cast<T>(taps); }
};

// to[c] = sum_t share[t] from[t][c], on top of what `to` holds where `more`. Writes whole vectors.
template <class T, int kTaps>
EF_INLINE void blend_taps(const T* const* from, const T* share, int64_t channels, bool more,
                          T* to) {
  Values<T> weight[kTaps];
  for (int t = 0; t < kTaps; ++t) weight[t] = all(share[t]);
  int64_t c = 0;
  for (; c + kLanes<T> <= channels; c += kLanes<T>) {
    Values<T> sum = more ? load(to + c) : Values<T>{};
    for (int t = 0; t < kTaps; ++t) sum = product_plus(weight[t], load(from[t] + c), sum);
    store(to + c, sum);
  }
  if (c == channels) return;
  const First<T> rest(channels - c);
  Values<T> sum = more ? load(to + c) : Values<T>{};
  for (int t = 0; t < kTaps; ++t) sum = product_plus(weight[t], rest.load(from[t] + c), sum);
  store(to + c, sum);
}

template <class T>
EF_INLINE void blend(const Source<T>& s, int64_t cell, T* to) {
  for (int64_t t = 0; t < s.taps; t += 4) {
    const int64_t count = std::min<int64_t>(s.taps - t, 4), e = cell * s.taps + t;
    const T* from[4];
    T share[4];
    for (int64_t l = 0; l < count; ++l) from[l] = s.of(s.index[e + l]), share[l] = s.share(e + l);
    if (count == 4) {
      blend_taps<T, 4>(from, share, s.channels, t > 0, to);
    } else if (count == 3) {
      blend_taps<T, 3>(from, share, s.channels, t > 0, to);
    } else if (count == 2) {
      blend_taps<T, 2>(from, share, s.channels, t > 0, to);
    } else {
      blend_taps<T, 1>(from, share, s.channels, t > 0, to);
    }
  }
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
