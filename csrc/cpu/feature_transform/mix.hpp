#pragma once
#include <cstring>

#include "core/macros.hpp"
#include "cpu/feature_transform/plan.hpp"

// The channel mix as rows of (offset into a padded field, value): dense rows share their offsets.
EF_LEVEL_BEGIN

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64,
              kMixRows = 4;  // 8 sums in flight hide the latency of a fused multiply-add
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kMixRows = 2;
#else
constexpr int kVectorBytes = 16, kMixRows = 1;
#endif

template <class T>
struct MixRows {
  const T* values;
  const int64_t* row_begin;  // null: rows of `columns` values
  const int64_t* offset;     // per value, or per column when dense
  int64_t columns;

  bool dense() const { return !row_begin; }
  const T* row_values(int64_t r) const { return values + begin(r); }
  const int64_t* row_offsets(int64_t r) const { return dense() ? offset : offset + row_begin[r]; }
  int64_t begin(int64_t r) const { return dense() ? r * columns : row_begin[r]; }
  int64_t length(int64_t r) const { return dense() ? columns : row_begin[r + 1] - row_begin[r]; }
};

// Offset of column (c, dy, dx) from the place of the output cell in the gathered field.
inline int64_t column_offset(const PaddedField& f, int64_t m, int64_t column) {
  const int64_t dx = column % m, dy = column / m % m, c = column / (m * m);
  return c * f.plane + (dy - m / 2) * f.pitch + (dx - m / 2);
}

// offset: room for mix.count values (CSR) or c * m * m (dense).
template <class T>
MixRows<T> mix_rows(const ChannelMix& mix, const TransformPlan& p, const PaddedField& f,
                    int64_t* offset) {
  const int64_t columns = p.c * p.window();
  const int64_t count = mix.column ? mix.count : columns;
  for (int64_t e = 0; e < count; ++e)
    offset[e] = column_offset(f, p.m, mix.column ? mix.column[e] : e);
  return {static_cast<const T*>(mix.values), mix.row_begin, offset, columns};
}

// sums[r][j] = start[r] + sum_e values[r * stride + e] field[offsets[e] + j] for kRows rows with
// the same offsets.
template <class T, int kRows>
void mix_tile(const T* EF_RESTRICT values, int64_t stride, const int64_t* EF_RESTRICT offsets,
              int64_t count, const T* field, const T* start, T (*sums)[kTile]) {
  constexpr int kVectors = kTile * sizeof(T) / kVectorBytes;
  typedef T Vector __attribute__((vector_size(kVectorBytes)));
  Vector sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector{} + start[r];
  for (int64_t e = 0; e < count; ++e) {
    const T* from = field + offsets[e];
    for (int v = 0; v < kVectors; ++v) {
      Vector x;
      std::memcpy(&x, from + v * (kVectorBytes / sizeof(T)), sizeof x);
      for (int r = 0; r < kRows; ++r) sum[r][v] += values[r * stride + e] * x;
    }
  }
  for (int r = 0; r < kRows; ++r) std::memcpy(sums[r], sum[r], sizeof sum[r]);
}

// Copies the cells of a tile that are cells of the field (not its border) to rows of `out`.
template <class T>
void store_tile(const T* sums, int64_t begin, const PaddedField& f, int64_t rows,
                int64_t row_stride, int64_t column_stride, T* out) {
  for (int64_t j = 0; j < kTile;) {
    const int64_t y = (begin + j) / f.pitch, x = (begin + j) % f.pitch;
    if (y >= rows) return;
    const int64_t run = std::min(kTile - j, f.pitch - x), used = std::min(run, f.columns - x);
    T* to = out + y * row_stride + x * column_stride;
    for (int64_t i = 0; i < used; ++i) to[i * column_stride] = sums[j + i];
    j += run;
  }
}

// Where channel d, row y, column x of a result stands.
template <class T>
struct Planes {
  T* data;
  int64_t channel_stride, row_stride, column_stride;
};

// All channels of `rows` rows of cells, tile by tile, so that a tile's inputs stay in the
// first-level cache.
template <class T>
void mix_field(const MixRows<T>& mix, int64_t channels, const T* field, const PaddedField& f,
               int64_t rows, const T* bias, const Planes<T>& out) {
  T sums[kMixRows][kTile];
  for (int64_t begin = 0; begin < rows * f.pitch; begin += kTile) {
    const T* from = field + f.at(0, 0, 0) + begin;
    for (int64_t d = 0; d < channels;) {
      T start[kMixRows] = {};
      const int together = mix.dense() && d + kMixRows <= channels ? kMixRows : 1;
      for (int r = 0; r < together && bias; ++r) start[r] = bias[d + r];
      if (together == kMixRows) {
        mix_tile<T, kMixRows>(mix.row_values(d), mix.columns, mix.row_offsets(d), mix.length(d),
                              from, start, sums);
      } else {
        mix_tile<T, 1>(mix.row_values(d), 0, mix.row_offsets(d), mix.length(d), from, start, sums);
      }
      for (int r = 0; r < together; ++r)
        store_tile(sums[r], begin, f, rows, out.row_stride, out.column_stride,
                   out.data + (d + r) * out.channel_stride);
      d += together;
    }
  }
}

EF_LEVEL_END
