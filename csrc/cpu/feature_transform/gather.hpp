#pragma once
#include <cstring>

#include "core/macros.hpp"
#include "cpu/feature_transform/plan.hpp"

// Reading the sources of output cells, and the reverse. A plane is first copied to contiguous
// memory with one more cell, a zero, which stands for all sources outside: the gather is then a
// plain indexed load.
EF_LEVEL_BEGIN

// Tap t of a cell stands at t * cells + cell: its source in the copied plane, and its weight (null
// when all are 1 / k).
template <class T>
struct Taps {
  const int64_t* place;
  const T* weight;
  int64_t k, cells, sources;

  T uniform() const { return T(1) / static_cast<T>(k); }
  T of(int64_t e) const { return weight ? weight[e] : uniform(); }
  bool outside(int64_t e) const { return place[e] == sources; }
};

// The tables of one call: cells * k sources, and as many weights.
template <class T>
class TapMemory {
 public:
  TapMemory(Carver& carver, const TransformPlan& p)
      : place_(carver.take<int64_t>(p.cells() * p.taps)),
        weight_(carver.take<T>(p.cells() * p.taps)) {}

  Taps<T> fill(const FeatureTransformArgs& a, const TransformPlan& p) const {
    const T* given = static_cast<const T*>(a.weight);
    const int64_t cells = p.cells(), k = p.taps, sources = p.h * p.w;
    for (int64_t t = 0; t < k; ++t) {
      for (int64_t cell = 0; cell < cells; ++cell) {
        const int64_t source = a.index[cell * k + t];
        place_[t * cells + cell] = source < 0 ? sources : source;
        if (given) weight_[t * cells + cell] = given[cell * k + t];
      }
    }
    return {place_, given ? weight_ : nullptr, k, cells, sources};
  }

 private:
  int64_t* place_;
  T* weight_;
};

template <class T>
void copy_plane(const View<const T, 4>& x, int64_t i, int64_t c, T* EF_RESTRICT to) {
  const int64_t h = x.size[2], w = x.size[3], step = x.stride[3];
  for (int64_t y = 0; y < h; ++y, to += w) {
    const T* EF_RESTRICT from = x.at(i, c, y);
    if (step == 1) {
      std::memcpy(to, from, sizeof(T) * w);
    } else {
      for (int64_t j = 0; j < w; ++j) to[j] = from[j * step];
    }
  }
  *to = 0;
}

// `count` cells from `cell` on.
template <class T>
void gather_row(const T* EF_RESTRICT plane, const Taps<T>& taps, int64_t cell, int64_t count,
                T* EF_RESTRICT to) {
  const T uniform = taps.uniform();
  for (int64_t t = 0; t < taps.k; ++t) {
    const int64_t* EF_RESTRICT place = taps.place + t * taps.cells + cell;
    const T* EF_RESTRICT weight = taps.weight ? taps.weight + t * taps.cells + cell : nullptr;
    if (t == 0 && weight) {
      for (int64_t x = 0; x < count; ++x) to[x] = weight[x] * plane[place[x]];
    } else if (t == 0) {
      for (int64_t x = 0; x < count; ++x) to[x] = uniform * plane[place[x]];
    } else if (weight) {
      for (int64_t x = 0; x < count; ++x) to[x] += weight[x] * plane[place[x]];
    } else {
      for (int64_t x = 0; x < count; ++x) to[x] += uniform * plane[place[x]];
    }
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

// plane[source] += weight * gathered[cell], tap after tap; what goes outside ends in the last cell.
template <class T>
void scatter_plane(const T* gathered, const Taps<T>& taps, T* plane) {
  for (int64_t t = 0; t < taps.k; ++t)
    for (int64_t cell = 0; cell < taps.cells; ++cell)
      plane[taps.place[t * taps.cells + cell]] += taps.of(t * taps.cells + cell) * gathered[cell];
}

EF_LEVEL_END
