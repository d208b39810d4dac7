#pragma once
#include <algorithm>

#include "core/carver.hpp"
#include "cpu/partial.hpp"

// What a mix is: m x m filters of `in` channels for `out` channels on H x W cells, dense or sparse.
EF_LEVEL_BEGIN

struct MixShape {
  int64_t in, out, H, W, m;
  int64_t window() const { return m * m; }
  int64_t columns() const { return in * window(); }
  // The same filters the other way round, for gradients.
  MixShape turned() const { return {out, in, H, W, m}; }
};

// Output channel o, input channel i, shift s = dy * m + dx.
template <class T>
struct DenseValues {
  const T* values;
  int64_t out_step, in_step, shift_step;

  static DenseValues of(const T* values, const MixShape& s) {
    return {values, s.columns(), s.window(), 1};
  }
  // Its transpose: shifts go the opposite way.
  DenseValues turned(const MixShape& s) const {
    return {values + (s.window() - 1) * shift_step, in_step, out_step, -shift_step};
  }
};

// Rows of (column, value); a column is input channel * window + shift.
template <class T>
struct SparseValues {
  const T* values;
  const int64_t* column;
  const int64_t* row_begin;
  int64_t count(int64_t row) const { return row_begin[row + 1] - row_begin[row]; }
};

// A sparse mix' transpose, in rows that are ordered by the output channel of the original.
template <class T>
class TurnedValues {
 public:
  TurnedValues(const MixShape& s, int64_t count, Carver& carver)
      : values_(carver.take<T>(count)),
        column_(carver.take<int64_t>(count)),
        row_begin_(carver.take<int64_t>(s.in + 2)) {}

  SparseValues<T> fill(const SparseValues<T>& mix, const MixShape& s) {
    const int64_t window = s.window(), count = mix.row_begin[s.out];
    int64_t* next = row_begin_ + 1;  // the row's begin, until its values have come
    std::fill_n(row_begin_, s.in + 2, int64_t{0});
    for (int64_t e = 0; e < count; ++e) ++next[mix.column[e] / window + 1];
    for (int64_t i = 0; i < s.in; ++i) next[i + 1] += next[i];
    for (int64_t o = 0; o < s.out; ++o) {
      for (int64_t e = mix.row_begin[o]; e < mix.row_begin[o + 1]; ++e) {
        const int64_t to = next[mix.column[e] / window]++;
        column_[to] = o * window + (window - 1 - mix.column[e] % window);
        values_[to] = mix.values[e];
      }
    }
    return {values_, column_, row_begin_};
  }

 private:
  T* values_;
  int64_t *column_, *row_begin_;
};

EF_LEVEL_END
