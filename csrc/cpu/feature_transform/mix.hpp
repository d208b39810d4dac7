#pragma once
#include "core/macros.hpp"
#include "cpu/feature_transform/plan.hpp"

// The channel mix as rows of (offset into a padded field, value): dense rows share their offsets.
EF_LEVEL_BEGIN

template <class T>
struct MixRows {
  const T* values;
  const int64_t* row_begin;  // null: rows of `columns` values
  const int64_t* offset;     // per value, or per column when dense
  int64_t columns;

  const T* row_values(int64_t r) const { return values + begin(r); }
  const int64_t* row_offsets(int64_t r) const { return row_begin ? offset + row_begin[r] : offset; }
  int64_t begin(int64_t r) const { return row_begin ? row_begin[r] : r * columns; }
  int64_t length(int64_t r) const { return row_begin ? row_begin[r + 1] - row_begin[r] : columns; }
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

// out[x] = start + sum_e value[e] field[offset[e] + x] for one row of cells.
template <class T>
void mix_row(const T* EF_RESTRICT values, const int64_t* EF_RESTRICT offsets, int64_t count,
             const T* field, T start, int64_t width, int64_t step, T* out) {
  for (int64_t x0 = 0; x0 < width; x0 += kTile) {
    T sum[kTile];
    for (int64_t j = 0; j < kTile; ++j) sum[j] = start;
    for (int64_t e = 0; e < count; ++e) {
      const T value = values[e];
      const T* EF_RESTRICT from = field + offsets[e] + x0;
      for (int64_t j = 0; j < kTile; ++j) sum[j] += value * from[j];
    }
    const int64_t used = std::min(kTile, width - x0);
    for (int64_t j = 0; j < used; ++j) out[(x0 + j) * step] = sum[j];
  }
}

EF_LEVEL_END
