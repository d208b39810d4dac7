#pragma once
#include <cstring>

#include "core/macros.hpp"
#include "cpu/feature_transform/plan.hpp"

// Reading the sources of output cells, and the reverse.
EF_LEVEL_BEGIN

template <class T>
struct Taps {
  const int64_t* index;
  const T* weight;  // null: 1 / k
  int64_t k, w;
  int64_t row_stride, column_stride;  // of the plane that is read or written

  T of(int64_t cell, int64_t t) const {
    return weight ? weight[cell * k + t] : T(1) / static_cast<T>(k);
  }
  bool inside(int64_t cell, int64_t t) const { return index[cell * k + t] >= 0; }
  int64_t place(int64_t cell, int64_t t) const {
    const int64_t source = index[cell * k + t];
    return source / w * row_stride + source % w * column_stride;
  }
};

// Rows first .. last - 1 of one channel's gathered plane, and zeros where they lie outside 0 .. H
// - 1.
template <class T>
void gather_plane(const TransformPlan& p, const T* plane, const Taps<T>& taps, int64_t first,
                  int64_t last, const PaddedField& f, int64_t channel, T* field) {
  std::memset(field + channel * f.plane, 0, sizeof(T) * f.plane);
  for (int64_t y = std::max<int64_t>(first - f.border, 0); y < std::min(last + f.border, p.H);
       ++y) {
    T* EF_RESTRICT to = field + f.at(channel, y - first, 0);
    for (int64_t x = 0; x < p.W; ++x) {
      const int64_t cell = y * p.W + x;
      T sum = 0;
      for (int64_t t = 0; t < p.taps; ++t)
        if (taps.inside(cell, t)) sum += taps.of(cell, t) * plane[taps.place(cell, t)];
      to[x] = sum;
    }
  }
}

// plane[source] += weight * gathered[cell], cell after cell.
template <class T>
void scatter_plane(const TransformPlan& p, const T* gathered, const Taps<T>& taps, T* plane) {
  for (int64_t cell = 0; cell < p.H * p.W; ++cell)
    for (int64_t t = 0; t < p.taps; ++t)
      if (taps.inside(cell, t)) plane[taps.place(cell, t)] += taps.of(cell, t) * gathered[cell];
}

EF_LEVEL_END
