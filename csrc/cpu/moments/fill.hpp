#pragma once
#include "cpu/lanes.hpp"
#include "cpu/moments/panels.hpp"

// Cells of fields as rows of a panel: one row for each channel, images one after the other.
EF_LEVEL_BEGIN

// Where the used cells of a field come from.
struct CellSource {
  const int64_t* index;
  const float* weight;
  int64_t sources;
};

// `count` cells of kChannels channels: where they lie, and where their rows are.
struct CellRun {
  const float* field;
  int64_t channel_stride, count;
  double* row;
  int64_t pitch;
};

EF_INLINE void widen_cells(const float* field, int64_t count, double* row) {
  int64_t k = 0;
  for (; k + kLanes<double> <= count; k += kLanes<double>) store(row + k, widened(field + k));
  for (; k < count; ++k) row[k] = static_cast<double>(field[k]);
}

template <int kChannels>
EF_INLINE void move_cells(const CellRun& r, const int64_t* index) {
  for (int64_t k = 0; k < r.count; ++k) {
    const float* cell = r.field + index[k];
#pragma GCC unroll 4
    for (int c = 0; c < kChannels; ++c)
      r.row[c * r.pitch + k] = static_cast<double>(cell[c * r.channel_stride]);
  }
}

template <int kChannels>
EF_INLINE void sample_cells(const CellRun& r, const int64_t* index, const float* weight,
                            int64_t sources) {
  for (int64_t k = 0; k < r.count; ++k, index += sources, weight += sources) {
    float sum[kChannels] = {};
#pragma GCC unroll 4
    for (int64_t s = 0; s < sources; ++s)
#pragma GCC unroll 4
      for (int c = 0; c < kChannels; ++c)
        sum[c] += weight[s] * r.field[index[s] + c * r.channel_stride];
#pragma GCC unroll 4
    for (int c = 0; c < kChannels; ++c) r.row[c * r.pitch + k] = static_cast<double>(sum[c]);
  }
}

// Used cells from the `first` on.
template <int kChannels>
EF_INLINE void take_cells(const CellRun& r, const CellSource& from, int64_t first) {
  if (!from.index) {
    for (int c = 0; c < kChannels; ++c)
      widen_cells(r.field + c * r.channel_stride + first, r.count, r.row + c * r.pitch);
    return;
  }
  const int64_t* index = from.index + first * from.sources;
  if (!from.weight) return move_cells<kChannels>(r, index);
  const float* weight = from.weight + first * from.sources;
  if (from.sources == 4) return sample_cells<kChannels>(r, index, weight, 4);  // bilinear
  sample_cells<kChannels>(r, index, weight, from.sources);
}

// The same of all channels of an image. Several channels share one reading of the index.
inline void fill_image(CellRun r, int64_t channels, const CellSource& from, int64_t first) {
  constexpr int kTogether = 4;
  int64_t c = 0;
  for (; c + kTogether <= channels; c += kTogether) {
    take_cells<kTogether>(r, from, first);
    r.field += kTogether * r.channel_stride;
    r.row += kTogether * r.pitch;
  }
  for (; c < channels; ++c, r.field += r.channel_stride, r.row += r.pitch)
    take_cells<1>(r, from, first);
}

// Columns [first, last) of all images' used cells; zeros up to four whole vectors. Returns the width.
inline int64_t fill_panel(const View<const float, 2>& field, const CellSource& from, int64_t count,
                          int64_t first, int64_t last, double* panel, int64_t pitch) {
  constexpr int64_t kFour = 4 * kLanes<double>;
  const int64_t channels = field.size[1], used = last - first;
  const int64_t width = (used + kFour - 1) / kFour * kFour;
  for (int64_t at = first; at < last;) {
    const int64_t image = at / count, cell = at % count;
    const int64_t run = std::min(last - at, count - cell);
    fill_image({field.at(image), field.stride[1], run, panel + (at - first), pitch}, channels, from,
               cell);
    at += run;
  }
  for (int64_t c = 0; used < width && c < channels; ++c)
    std::fill(panel + c * pitch + used, panel + c * pitch + width, 0.0);
  return width;
}

EF_LEVEL_END
