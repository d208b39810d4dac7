#pragma once
#include "core/view.hpp"
#include "cpu/copy.hpp"

// Fields in any layout, and fields in cells: the channels of a cell are neighbours, and so the cell is
// read and written in vectors.
EF_LEVEL_BEGIN

template <class T>
struct Cells {
  T* data;
  int64_t step;
  T* at(int64_t cell) const { return data + cell * step; }
};

// How far apart neighbouring cells are, where all are equally far.
template <class T>
struct CellOrder {
  int64_t step;
  bool even;
  explicit CellOrder(const View<T, 4>& v)
      : step(v.size[3] > 1 ? v.stride[3] : v.stride[2]),
        even(v.size[2] <= 1 || v.size[3] <= 1 || v.stride[2] == v.size[3] * v.stride[3]) {}
};

template <class T>
bool lies_in_cells(const View<T, 4>& v) {
  return CellOrder<T>(v).even && (v.size[1] <= 1 || v.stride[1] == 1);
}
template <class T>
Cells<T> cells_of(const View<T, 4>& v, int64_t i) {
  return {v.at(i), CellOrder<T>(v).step};
}

// Calls run(first cell's place, its distance to the next one, offset from `first`, count) for the runs
// of evenly spaced cells that make up `count` cells of image i.
template <class T, class Run>
EF_INLINE void for_runs(const View<T, 4>& v, int64_t i, int64_t first, int64_t count,
                        const Run& run) {
  const CellOrder<T> order(v);
  if (order.even) return run(v.at(i) + first * order.step, order.step, int64_t{0}, count);
  for (int64_t done = 0; done < count;) {
    const int64_t y = (first + done) / v.size[3], x = (first + done) % v.size[3];
    const int64_t length = std::min(v.size[3] - x, count - done);
    run(v.at(i, 0, y, x), v.stride[3], done, length);
    done += length;
  }
}

// Copies `count` cells from `first` on; element (channel, cell) of the copy has the strides of `to_stride`.
template <class T>
void take(const View<const T, 4>& v, int64_t i, int64_t first, int64_t count, T* to,
          MatrixStride to_stride) {
  for_runs(v, i, first, count, [&](const T* from, int64_t step, int64_t at, int64_t length) {
    copy_matrix(from, {v.stride[1], step}, to + at * to_stride.column, to_stride, v.size[1],
                length);
  });
}
template <class T>
void give(const T* from, MatrixStride from_stride, const View<T, 4>& v, int64_t i, int64_t first,
          int64_t count) {
  for_runs(v, i, first, count, [&](T* to, int64_t step, int64_t at, int64_t length) {
    copy_matrix(from + at * from_stride.column, from_stride, to, {v.stride[1], step}, v.size[1],
                length);
  });
}

EF_LEVEL_END
