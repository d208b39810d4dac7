#pragma once
#include "cpu/hog/plan.hpp"
#include "math/block_norm.hpp"

// One row of cells: energies, block lengths, clipping, output. Cell c of a row stands at index c
// + 1.
EF_LEVEL_BEGIN

// Undirected bins (rows 2n .. 3n - 1) and the energy of each cell, with the edge cells repeated
// outside.
template <class T>
void fold_cells(const HogPlan& p, T* cells, T* energy) {
  const int64_t n = p.n, columns = p.columns, pitch = p.pitch;
  T* EF_RESTRICT e = energy + 1;
  for (int64_t x = 0; x < columns; ++x) e[x] = 0;
  for (int64_t k = 0; k < n; ++k) {
    const T* EF_RESTRICT a = cells + k * pitch + 1;
    const T* EF_RESTRICT b = cells + (k + n) * pitch + 1;
    T* EF_RESTRICT both = cells + (k + 2 * n) * pitch + 1;
    for (int64_t x = 0; x < columns; ++x) {
      both[x] = a[x] + b[x];
      e[x] += both[x] * both[x];
    }
  }
  energy[0] = energy[1];
  energy[columns + 1] = energy[columns];
}

// inverse[c], c = 0 .. columns: the block whose right column is c and left column c - 1.
template <class T>
void block_inverses(const HogPlan& p, const T* upper, const T* lower, T* EF_RESTRICT inverse) {
  for (int64_t c = 0; c <= p.columns; ++c)
    inverse[c] = inverse_length(upper[c] + upper[c + 1] + (lower[c] + lower[c + 1]));
}

// The four blocks of each cell, in the order of the variant's textures.
template <class T>
struct Blocks {
  const T* inverse[4];
  Blocks(const T* above, const T* below, bool last_first) {
    const T* in_order[4] = {above, above + 1, below, below + 1};   // TL TR BL BR
    const T* dpm_order[4] = {below + 1, above + 1, below, above};  // BR TR BL TL
    for (int q = 0; q < 4; ++q) inverse[q] = last_first ? dpm_order[q] : in_order[q];
  }
};

// out[x] = half the sum of the four clipped values; adds the clipped values to texture[q] where
// asked.
template <class T, bool kTexture>
void four_blocks(const T* EF_RESTRICT value, const Blocks<T>& blocks, int64_t columns,
                 T* EF_RESTRICT out, T* const* texture) {
  const T *EF_RESTRICT i0 = blocks.inverse[0], *EF_RESTRICT i1 = blocks.inverse[1],
                       *EF_RESTRICT i2 = blocks.inverse[2], *EF_RESTRICT i3 = blocks.inverse[3];
  T *EF_RESTRICT t0 = texture[0], *EF_RESTRICT t1 = texture[1], *EF_RESTRICT t2 = texture[2],
                 *EF_RESTRICT t3 = texture[3];
  for (int64_t x = 0; x < columns; ++x) {
    const T a = clipped(value[x], i0[x]), b = clipped(value[x], i1[x]),
            c = clipped(value[x], i2[x]), d = clipped(value[x], i3[x]);
    out[x] = T(0.5) * (a + b + (c + d));
    if (kTexture) {
      t0[x] += a;
      t1[x] += b;
      t2[x] += c;
      t3[x] += d;
    }
  }
}

template <class T>
void normalise_dalal_triggs(const HogPlan& p, const T* cells, const Blocks<T>& blocks, T* out) {
  for (int q = 0; q < 4; ++q) {
    const T* EF_RESTRICT inverse = blocks.inverse[q];
    for (int64_t k = 0; k < p.n; ++k) {
      const T* EF_RESTRICT value = cells + (k + 2 * p.n) * p.pitch + 1;
      T* EF_RESTRICT to = out + (q * p.n + k) * p.pitch;
      for (int64_t x = 0; x < p.columns; ++x) to[x] = clipped(value[x], inverse[x]);
    }
  }
}

template <class T>
void normalise_row(const HogPlan& p, HogVariant variant, const T* cells, const T* above,
                   const T* below, T* out) {
  const bool dpm = variant == HogVariant::dpm;
  const Blocks<T> blocks(above, below, dpm);
  if (variant == HogVariant::dalal_triggs) return normalise_dalal_triggs(p, cells, blocks, out);
  const int64_t n = p.n;
  T* texture[4];
  for (int q = 0; q < 4; ++q) {
    texture[q] = out + (3 * n + q) * p.pitch;
    for (int64_t x = 0; x < p.columns; ++x) texture[q][x] = 0;
  }
  for (int64_t k = 0; k < 3 * n; ++k) {
    const T* value = cells + k * p.pitch + 1;
    if (dpm == (k < 2 * n)) {  // textures sum directed bins in dpm, undirected bins in uoctti
      four_blocks<T, true>(value, blocks, p.columns, out + k * p.pitch, texture);
    } else {
      four_blocks<T, false>(value, blocks, p.columns, out + k * p.pitch, texture);
    }
  }
  const T scale = static_cast<T>(dpm ? kTextureDpm : kTextureUoctti);
  for (int q = 0; q < 4; ++q)
    for (int64_t x = 0; x < p.columns; ++x) texture[q][x] *= scale;
}

template <class T>
void store_row(const HogPlan& p, const T* row, const View<T, 4>& out, int64_t i, int64_t r) {
  row += p.dropped;
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
