#pragma once
#include "cpu/cells.hpp"

// Where a result goes, whatever its layout.
EF_LEVEL_BEGIN

// Image i of a result, or a part of it: cell `origin` is the first one of the view.
template <class T>
struct Target {
  View<T, 4> view;
  int64_t i, origin = 0;

  // Where channel 0 of `count` cells stands, if these are neighbours in memory; else null.
  T* neighbours(int64_t cell, int64_t count) const {
    const CellOrder<T> order(view);
    const int64_t x = (cell - origin) % view.size[3];
    const bool one_run = order.even || x + count <= view.size[3];
    return one_run && order.step == 1 ? view.at(i, 0, (cell - origin) / view.size[3], x) : nullptr;
  }
  // Where cell after cell stands, if they lie so.
  bool in_cells() const { return lies_in_cells(view); }
  Cells<T> cells(int64_t first) const {
    const Cells<T> all = cells_of(view, i);
    return {all.at(first - origin), all.step};
  }
  void take(const T* from, MatrixStride stride, int64_t first, int64_t count) const {
    give(from, stride, view, i, first - origin, count);
  }
};

EF_LEVEL_END
