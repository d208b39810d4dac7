#pragma once
#include "cpu/hog/plan.hpp"
#include "cpu/lanes.hpp"
#include "cpu/shuffles.hpp"
#include "math/block_norm.hpp"

// One row of cells: energies, block lengths, clipping, output. Cell c of a row stands at c + 1. Loops
// run in whole vectors, past the last cell.
EF_LEVEL_BEGIN

// The energy of each cell, with the edge cells repeated outside.
template <class T>
void cell_energies(const HogPlan& p, const T* EF_RESTRICT cells, T* EF_RESTRICT energy) {
  for (int64_t x = 1; x <= p.columns; x += kLanes<T>) {
    Values<T> sum{};
    for (int64_t k = 0; k < p.n; ++k) {
      const Values<T> both = load(cells + k * p.pitch + x) + load(cells + (k + p.n) * p.pitch + x);
      sum += both * both;
    }
    store(energy + x, sum);
  }
  energy[0] = energy[1];
  energy[p.columns + 1] = energy[p.columns];
}

// inverse[c], c = 0 .. columns: the block whose right column is c and left column c - 1.
template <class T>
void block_inverses(const HogPlan& p, const T* upper, const T* lower, T* EF_RESTRICT inverse) {
  const Values<T> one = all<T>(1), epsilon = all<T>(T(kBlockEpsilon));
  for (int64_t c = 0; c <= p.columns; c += kLanes<T>) {
    const Values<T> left = load(upper + c) + load(lower + c),
                    right = load(upper + c + 1) + load(lower + c + 1);
    store(inverse + c, one / root(left + right + epsilon));
  }
}

// Where the finished channels of a row of cells go: channel d, cell x to to[d * plane + x].
template <class T>
struct Planes {
  T* to;
  int64_t plane;
  bool stream;  // past the caches; whole vectors at their multiples
};

// The values of one vector of cells in its four blocks, clipped.
template <class T>
struct Clipped {
  Values<T> block[4];
  EF_INLINE Clipped(Values<T> value, const Values<T>* inverse) {
    for (int q = 0; q < 4; ++q) block[q] = smaller(all<T>(T(kClip)), value * inverse[q]);
  }
  EF_INLINE Values<T> half_sum() const {
    return ((block[0] + block[1]) + (block[2] + block[3])) * T(0.5);
  }
};

// Blocks TL TR BL BR of the vector of cells at x, in the order of the variant's textures.
template <HogVariant kVariant, class T>
EF_INLINE void inverses_at(const T* above, const T* below, int64_t x, Values<T>* inverse) {
  const Values<T> tl = load(above + x), tr = load(above + x + 1), bl = load(below + x),
                  br = load(below + x + 1);
  const bool dpm = kVariant == HogVariant::dpm;
  inverse[0] = dpm ? br : tl;
  inverse[1] = tr;
  inverse[2] = bl;
  inverse[3] = dpm ? tl : br;
}

template <bool kStream, class T>
EF_INLINE void put(T* to, Values<T> v) {
  kStream ? stream(to, v) : store(to, v);
}

template <HogVariant kVariant, bool kStream, class T>
EF_INLINE void normalise_vector(const HogPlan& p, const T* cells, const Values<T>* inverse, T* to,
                                int64_t plane) {
  const int64_t n = p.n;
  if (kVariant == HogVariant::dalal_triggs) {
    for (int64_t k = 0; k < n; ++k) {
      const Clipped<T> both(load(cells + k * p.pitch) + load(cells + (k + n) * p.pitch), inverse);
      for (int q = 0; q < 4; ++q) put<kStream, T>(to + (q * n + k) * plane, both.block[q]);
    }
    return;
  }
  constexpr bool kDpm = kVariant == HogVariant::dpm;  // textures sum directed bins
  Values<T> texture[4] = {};
  for (int64_t k = 0; k < n; ++k) {
    const Values<T> a = load(cells + k * p.pitch), b = load(cells + (k + n) * p.pitch);
    const Clipped<T> one(a, inverse), other(b, inverse), both(a + b, inverse);
    put<kStream, T>(to + k * plane, one.half_sum());
    put<kStream, T>(to + (k + n) * plane, other.half_sum());
    put<kStream, T>(to + (k + 2 * n) * plane, both.half_sum());
    for (int q = 0; q < 4; ++q) texture[q] += kDpm ? one.block[q] + other.block[q] : both.block[q];
  }
  const T scale = static_cast<T>(kDpm ? kTextureDpm : kTextureUoctti);
  for (int q = 0; q < 4; ++q) put<kStream, T>(to + (3 * n + q) * plane, texture[q] * scale);
}

// A row of cells, in whole vectors. Rows of fewer cells than lanes are written past their end; of
// others the last vector overlaps the one before it.
template <HogVariant kVariant, bool kStream, class T>
void normalise_row(const HogPlan& p, const T* cells, const T* above, const T* below,
                   const Planes<T>& out) {
  const int64_t count = p.out_columns, last = std::max<int64_t>(count - kLanes<T>, 0);
  for (int64_t start = 0; start < count; start += kLanes<T>) {
    const int64_t x = std::min(start, last) + p.dropped;
    Values<T> inverse[4];
    inverses_at<kVariant>(above, below, x, inverse);
    normalise_vector<kVariant, kStream>(p, cells + x + 1, inverse, out.to + x - p.dropped,
                                        out.plane);
  }
}

template <class T>
void normalise_row(const HogPlan& p, HogVariant variant, const T* cells, const T* above,
                   const T* below, const Planes<T>& out) {
  constexpr auto kUoctti = HogVariant::uoctti, kDalalTriggs = HogVariant::dalal_triggs,
                 kDpm = HogVariant::dpm;
  constexpr decltype(&normalise_row<kUoctti, false, T>) rows[2][3] = {
      {normalise_row<kUoctti, false, T>, normalise_row<kDalalTriggs, false, T>,
       normalise_row<kDpm, false, T>},
      {normalise_row<kUoctti, true, T>, normalise_row<kDalalTriggs, true, T>,
       normalise_row<kDpm, true, T>}};
  rows[out.stream][static_cast<int>(variant)](p, cells, above, below, out);
}

// Copies a finished row [whole lines of channels][pitch] to cells whose channels are neighbours, in squares;
// the cells' padding gets the row's.
template <class T>
void store_cells(const HogPlan& p, const T* row, T* to, int64_t cell_stride) {
  constexpr int lanes = kLanes<T>;
  for (int64_t d = 0; d < whole_lines(p.out_channels); d += lanes) {
    for (int64_t x = 0; x < p.out_columns; x += lanes) {
      Values<T> square[lanes];
      for (int i = 0; i < lanes; ++i) square[i] = load(row + (d + i) * p.pitch + x);
      transpose<T>(square);
      const int64_t cells = std::min<int64_t>(lanes, p.out_columns - x);
      for (int64_t i = 0; i < cells; ++i) store(to + (x + i) * cell_stride + d, square[i]);
    }
  }
}

// Copies a finished row [channels][pitch] to an output of any strides.
template <class T>
void store_row(const HogPlan& p, const T* row, const View<T, 4>& out, int64_t i, int64_t r) {
  if (out.stride[1] == 1) {
    for (int64_t x = 0; x < p.out_columns; ++x) {
      T* EF_RESTRICT to = out.at(i, 0, r, x);
      for (int64_t d = 0; d < p.out_channels; ++d) to[d] = row[d * p.pitch + x];
    }
    return;
  }
  for (int64_t d = 0; d < p.out_channels; ++d) {
    T* EF_RESTRICT to = out.at(i, d, r, 0);
    const T* EF_RESTRICT from = row + d * p.pitch;
    const int64_t step = out.stride[3];
    for (int64_t x = 0; x < p.out_columns; ++x) to[x * step] = from[x];
  }
}

EF_LEVEL_END
