#pragma once
#include "core/carver.hpp"
#include "cpu/cells.hpp"
#include "cpu/parallel.hpp"

// Fields as the kernels read them. Those that do not lie in cells are copied, some images at a time.
EF_LEVEL_BEGIN

// How far apart cells are in memory of ours. Not a multiple of 1 KiB: neighbours would share few sets of
// the cache.
template <class T>
int64_t pitch_of(int64_t channels) {
  const int64_t pitch = std::max<int64_t>(whole_vectors<T>(channels), kLanes<T>);
  return pitch * static_cast<int64_t>(sizeof(T)) % 1024 ? pitch : pitch + kLanes<T>;
}

template <class T>
class StagedField {
 public:
  StagedField(const View<const T, 4>& field, bool direct, int64_t images, Carver& carver)
      : field_(field),
        direct_(direct),
        pitch_(pitch_of<T>(field.size[1])),
        cells_(field.size[2] * field.size[3]),
        copy_(carver.take<T>(direct ? 0 : images * cells_ * pitch_)) {}

  void stage(int64_t first, int64_t count, int threads) {
    first_ = first;
    if (direct_) return;
    // Whole cache lines for each task where planes are copied.
    const int64_t task = std::max<int64_t>(kTaskNumbers / (pitch_ * kSide) * kSide, kSide),
                  tasks = (cells_ + task - 1) / task;
    parallel_for(count * tasks, threads, [&](int64_t t, int) {
      const int64_t i = t / tasks, cell = t % tasks * task;
      take(field_, first + i, cell, std::min(task, cells_ - cell),
           copy_ + (i * cells_ + cell) * pitch_, {1, pitch_});
    });
  }
  Cells<const T> image(int64_t i) const {
    if (direct_) return cells_of(field_, i);
    return {copy_ + (i - first_) * cells_ * pitch_, pitch_};
  }

 private:
  static constexpr int64_t kTaskNumbers = int64_t{1} << 15, kSide = 16;

  View<const T, 4> field_;
  bool direct_;
  int64_t pitch_, cells_, first_ = 0;
  T* copy_;
};

EF_LEVEL_END
