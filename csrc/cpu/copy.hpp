#pragma once
#include <algorithm>

#include "cpu/partial.hpp"
#include "cpu/shuffles.hpp"

// Copies of strided matrices, in vectors where neighbours lie together on both sides.
EF_LEVEL_BEGIN

template <class T>
EF_INLINE void copy_line(const T* EF_RESTRICT from, T* EF_RESTRICT to, int64_t count) {
  int64_t x = 0;
  for (; x + kLanes<T> <= count; x += kLanes<T>) store(to + x, load(from + x));
  if (x < count) {
    const First<T> rest(count - x);
    rest.store(to + x, rest.load(from + x));
  }
}

// to[x * pitch + r] = rows[r][x] for kLanes rows, of which only the first `count` are written: the
// other pointers may repeat one of these.
template <class T>
void transpose_rows(const T* const* rows, int64_t count, int64_t columns, T* to, int64_t pitch) {
  constexpr int lanes = kLanes<T>;
  const First<T> used(count);
  Values<T> square[lanes];
  int64_t x = 0;
  for (; x + lanes <= columns; x += lanes) {
    for (int r = 0; r < lanes; ++r) square[r] = load(rows[r] + x);
    transpose<T>(square);
    if (count == lanes) {
      for (int r = 0; r < lanes; ++r) store(to + (x + r) * pitch, square[r]);
    } else {
      for (int r = 0; r < lanes; ++r) used.store(to + (x + r) * pitch, square[r]);
    }
  }
  if (x == columns) return;
  const First<T> rest(columns - x);
  for (int r = 0; r < lanes; ++r) square[r] = rest.load(rows[r] + x);
  transpose<T>(square);
  for (int r = 0; x + r < columns; ++r) used.store(to + (x + r) * pitch, square[r]);
}

template <class T>
void copy_transposed(const T* from, int64_t from_row, T* to, int64_t to_column, int64_t rows,
                     int64_t columns) {
  const T* row[kLanes<T>];
  for (int64_t r = 0; r < rows; r += kLanes<T>) {
    const int64_t count = std::min<int64_t>(rows - r, kLanes<T>);
    for (int64_t l = 0; l < kLanes<T>; ++l) row[l] = from + (r + std::min(l, count - 1)) * from_row;
    transpose_rows(row, count, columns, to + r, to_column);
  }
}

// Element (r, x) stands r * row + x * column numbers behind the first one.
struct MatrixStride {
  int64_t row, column;
  MatrixStride turned() const { return {column, row}; }
};

template <class T>
void copy_matrix(const T* from, MatrixStride f, T* to, MatrixStride t, int64_t rows,
                 int64_t columns) {
  if (f.row == 1 && (f.column != 1 || t.row == 1)) {  // its columns are its lines
    f = f.turned(), t = t.turned();
    std::swap(rows, columns);
  }
  if (f.column == 1 && t.column == 1) {
    for (int64_t r = 0; r < rows; ++r) copy_line(from + r * f.row, to + r * t.row, columns);
  } else if (f.column == 1 && t.row == 1) {
    copy_transposed(from, f.row, to, t.column, rows, columns);
  } else {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t x = 0; x < columns; ++x)
        to[r * t.row + x * t.column] = from[r * f.row + x * f.column];
  }
}

EF_LEVEL_END
