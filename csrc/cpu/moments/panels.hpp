#pragma once
#include "core/carver.hpp"
#include "cpu/tasks.hpp"
#include "ops/moments.hpp"

// The memory of a call: two panels of float64, a row for each channel.
namespace ef {

// Tiles of any level read whole numbers of 4 and of 6 rows.
inline int64_t moments_rows(int64_t channels) { return (channels + 11) / 12 * 12; }

// Of the field x that has most.
inline int64_t most_channels(const MomentsArgs& a) {
  int64_t p = 0;
  for (const MovedField& m : a.moved) p = std::max(p, m.x.size[1]);
  return p;
}

// Cells of a panel, 128, 256 or 512: both panels stay in the second cache, four of their rows in the first.
inline int64_t moments_cells(const MomentsArgs& a) {
  const int64_t rows = moments_rows(most_channels(a)) + moments_rows(a.y.size[1]);
  const int64_t fit = (int64_t{1} << 15) / std::max<int64_t>(rows, 1);
  return fit >= 512 ? 512 : fit >= 256 ? 256 : 128;
}

// Numbers from one row to the next: a line more than the cells, for rows a power of two apart would share the same
// lines of the caches.
constexpr int64_t moments_pitch(int64_t cells) { return cells + 8; }

struct MomentsPanels {
  Carver carver;
  double *x, *y;

  static size_t bytes(const MomentsArgs& a) { return MomentsPanels(a, nullptr).carver.bytes(); }

  MomentsPanels(const MomentsArgs& a, void* memory) : carver(memory) {
    const int64_t pitch = moments_pitch(moments_cells(a));
    x = carver.take<double>(moments_rows(most_channels(a)) * pitch);
    y = carver.take<double>(moments_rows(a.y.size[1]) * pitch);
  }
};

}  // namespace ef
