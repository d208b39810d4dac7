#pragma once
#include "cpu/feature_transform/source.hpp"

// Gathered cells channel by channel, for sums that take one channel of many cells at a time.
EF_LEVEL_BEGIN

// A field with a border of m / 2 zero cells: a shift of (dy, dx) cells is one offset for all of them.
struct Planes {
  int64_t border, pitch, plane;
  Planes(int64_t rows, int64_t columns, int64_t m)
      : border(m / 2), pitch(columns + 2 * border), plane(pitch * (rows + 2 * border)) {}
  int64_t at(int64_t c, int64_t y, int64_t x) const {
    return c * plane + (y + border) * pitch + x + border;
  }
  // Of column (c, dy, dx) of a mix from the place of the output cell.
  int64_t offset(int64_t m, int64_t column) const {
    const int64_t dx = column % m, dy = column / m % m;
    return column / (m * m) * plane + (dy - border) * pitch + dx - border;
  }
};

// `count` cells from `first` on, channel by channel: channel c at to + c * plane.
template <class T>
void gather_planes(const Source<T>& s, int64_t first, int64_t count, T* buffer, int64_t pitch,
                   T* to, int64_t plane) {
  const T* cells[kLanes<T>];
  for (int64_t j = 0; j < count; j += kLanes<T>) {
    const int64_t some = std::min<int64_t>(count - j, kLanes<T>);
    point(s, first + j, some, buffer, pitch, cells);
    std::fill(cells + some, cells + kLanes<T>, cells[some - 1]);
    transpose_rows(cells, some, s.channels, to + j, plane);
  }
}

EF_LEVEL_END
