#pragma once
#include <cstring>

#include "core/macros.hpp"
#include "cpu/feature_transform/plan.hpp"

// Reading the sources of output cells, and the reverse.
EF_LEVEL_BEGIN

// place[cell * k + t]: offset of the source within a plane, -1 outside. weight: null when all are 1
// / k.
template <class T>
struct Taps {
  const int64_t* place;
  const T* weight;
  int64_t k;

  T of(int64_t e) const { return weight ? weight[e] : T(1) / static_cast<T>(k); }
};

// Offsets for a plane with these strides; `memory` holds cells * k of them.
template <class T>
Taps<T> place_taps(const FeatureTransformArgs& a, const TransformPlan& p, int64_t row_stride,
                   int64_t column_stride, int64_t* memory) {
  const Taps<T> taps{memory, static_cast<const T*>(a.weight), p.taps};
  if (column_stride == 1 && row_stride == p.w) return {a.index, taps.weight, taps.k};
  for (int64_t e = 0; e < p.cells() * p.taps; ++e) {
    const int64_t source = a.index[e];
    memory[e] = source < 0 ? -1 : source / p.w * row_stride + source % p.w * column_stride;
  }
  return taps;
}

// `count` cells from `cell` on.
template <class T>
void gather_row(const T* plane, const Taps<T>& taps, int64_t cell, int64_t count,
                T* EF_RESTRICT to) {
  const int64_t k = taps.k;
  const int64_t* EF_RESTRICT place = taps.place + cell * k;
  if (k == 1 && !taps.weight) {
    for (int64_t x = 0; x < count; ++x) to[x] = place[x] < 0 ? T(0) : plane[place[x]];
    return;
  }
  for (int64_t x = 0; x < count; ++x) {
    T sum = 0;
    for (int64_t t = 0; t < k; ++t)
      if (place[x * k + t] >= 0) sum += taps.of((cell + x) * k + t) * plane[place[x * k + t]];
    to[x] = sum;
  }
}

// Rows first .. last - 1 of one channel's gathered plane with their border; zeros where that lies
// outside 0 .. H - 1.
template <class T>
void gather_plane(const TransformPlan& p, const T* plane, const Taps<T>& taps, int64_t first,
                  int64_t last, const PaddedField& f, int64_t channel, T* field) {
  if (f.border) std::memset(field + channel * f.plane, 0, sizeof(T) * f.plane);
  const int64_t begin = std::max<int64_t>(first - f.border, 0),
                end = std::min(last + f.border, p.H);
  for (int64_t y = begin; y < end; ++y)
    gather_row(plane, taps, y * p.W, p.W, field + f.at(channel, y - first, 0));
}

// plane[source] += weight * gathered[cell], cell after cell.
template <class T>
void scatter_plane(const TransformPlan& p, const T* gathered, const Taps<T>& taps, T* plane) {
  for (int64_t cell = 0; cell < p.cells(); ++cell)
    for (int64_t e = cell * taps.k; e < (cell + 1) * taps.k; ++e)
      if (taps.place[e] >= 0) plane[taps.place[e]] += taps.of(e) * gathered[cell];
}

EF_LEVEL_END
