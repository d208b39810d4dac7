#pragma once
#include "cpu/feature_transform/mix.hpp"
#include "cpu/feature_transform/planes.hpp"
#include "cpu/feature_transform/target.hpp"

// A sparse mix row by row: each value times a run of cells of its channel. Any number of channels,
// filters of any size.
EF_LEVEL_BEGIN

template <class T>
class SparseMix {
 public:
  static constexpr int kVectors = 4;
  static constexpr int64_t kRun = kVectors * kLanes<T>;  // cells of one pass over the mix

  // Room for one task. planes: gathered cells; blends: a cell for each lane; sums: one run.
  struct Room {
    T *planes, *blends, *sums;
    int64_t pitch;  // of the blends
  };

  // A task gathers whole runs of cells or, where filters reach across, `rows` rows with their border.
  SparseMix(const MixShape& s, int64_t count, int64_t rows, Carver& carver)
      : shape_(s), rows_(rows), offset_(carver.take<int64_t>(count)) {}
  int64_t planes_size() const {
    return shape_.in * (shape_.m == 1 ? kRun : Planes(rows_, shape_.W, shape_.m).plane) + kRun;
  }
  int64_t sums_size() const { return shape_.out * kRun; }

  void prepare(const SparseValues<T>& mix, const T* bias) {
    mix_ = mix;
    bias_ = bias;
    const Planes planes = shape_.m == 1 ? Planes(1, kRun, 1) : Planes(rows_, shape_.W, shape_.m);
    for (int64_t e = 0; e < mix.row_begin[shape_.out]; ++e)
      offset_[e] = planes.offset(shape_.m, mix.column[e]);
  }

  // Cells `first` .. first + count - 1.
  void run_cells(const Source<T>& s, int64_t first, int64_t count, const Room& room,
                 const Target<T>& out) const {
    for (int64_t j = 0; j < count; j += kRun) {
      const int64_t some = std::min(count - j, kRun);
      gather_planes(s, first + j, some, room.blends, room.pitch, room.planes, kRun);
      mix_run(room.planes, first + j, some, room, out);
    }
  }

  // Rows `first` .. first + count - 1 of cells, of a plain source.
  void run_rows(const Source<T>& s, int64_t first, int64_t count, const Room& room,
                const Target<T>& out) const {
    const Planes p(rows_, shape_.W, shape_.m);
    std::memset(room.planes, 0, sizeof(T) * static_cast<size_t>(shape_.in * p.plane));
    const int64_t begin = std::max<int64_t>(first - p.border, 0),
                  end = std::min(first + count + p.border, shape_.H);
    for (int64_t y = begin; y < end; ++y)
      gather_planes<T>(s, y * shape_.W, shape_.W, nullptr, 0, room.planes + p.at(0, y - first, 0),
                       p.plane);
    for (int64_t y = first; y < first + count; ++y)
      for (int64_t x = 0; x < shape_.W; x += kRun)
        mix_run(room.planes + p.at(0, y - first, x), y * shape_.W + x, std::min(shape_.W - x, kRun),
                room, out);
  }

 private:
  // All output channels of `count` cells.
  void mix_run(const T* planes, int64_t cell, int64_t count, const Room& room,
               const Target<T>& out) const {
    T* to = out.neighbours(cell, count);
    const int64_t step = to ? out.view.stride[1] : kRun;
    T* channel = to ? to : room.sums;
    for (int64_t o = 0; o < shape_.out; ++o, channel += step) {
      if (count > kLanes<T>) {
        mix_row<kVectors>(planes, o, count, channel);
      } else {
        mix_row<1>(planes, o, count, channel);
      }
    }
    if (!to) out.take(room.sums, {kRun, 1}, cell, count);
  }

  template <int kWide>
  EF_INLINE void mix_row(const T* planes, int64_t o, int64_t count, T* to) const {
    Values<T> sums[kWide];
    for (int v = 0; v < kWide; ++v) sums[v] = all(bias_ ? bias_[o] : T(0));
    for (int64_t e = mix_.row_begin[o]; e < mix_.row_begin[o + 1]; ++e) {
      const Values<T> value = all(mix_.values[e]);
      const T* from = planes + offset_[e];
      for (int v = 0; v < kWide; ++v)
        sums[v] = product_plus(value, load(from + v * kLanes<T>), sums[v]);
    }
    for (int v = 0; v < kWide; ++v, count -= kLanes<T>) {
      if (count >= kLanes<T>) {
        store(to + v * kLanes<T>, sums[v]);
      } else {
        First<T>(std::max<int64_t>(count, 0)).store(to + v * kLanes<T>, sums[v]);
      }
    }
  }

  MixShape shape_;
  int64_t rows_;
  int64_t* offset_;
  SparseValues<T> mix_{};
  const T* bias_ = nullptr;
};

EF_LEVEL_END
