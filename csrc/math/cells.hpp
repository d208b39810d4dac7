#pragma once
#include <cstdint>

#include "core/macros.hpp"

// Where a pixel stands among the cells. Cell c is centred at pixel c * cell + (cell - 1) / 2.
// Pixels between the centres of cells b - 1 and b form block b: they all vote for these two cells,
// with weights that depend only on their place j = 0 .. cell - 1 within the block.
namespace ef {

EF_HD inline int64_t block_begin(int64_t block, int64_t cell) {
  return (block - 1) * cell + cell / 2;
}

// Weight of cell b for the j-th pixel of block b; cell b - 1 gets the rest.
template <class T>
EF_HD inline T block_weight(int64_t j, int64_t cell) {
  return static_cast<T>(2 * j + (cell % 2 == 0 ? 1 : 0)) / static_cast<T>(2 * cell);
}

// Number of cells along an axis of `size` pixels: the last cell is at least half inside the image.
EF_HD inline int64_t cell_count(int64_t size, int64_t cell) { return (size + cell / 2) / cell; }

// voc-dpm: size / cell rounded half up. The outermost cells are computed but not returned.
EF_HD inline int64_t dpm_cell_count(int64_t size, int64_t cell) {
  return (2 * size + cell) / (2 * cell);
}

}  // namespace ef
