#pragma once
#include "cpu/feature_transform/source.hpp"
#include "cpu/feature_transform/staged.hpp"
#include "ops/feature_transform.hpp"

// The gathered field of each image, as a source: where one cell is read from several places by a filter,
// blends are made once, beforehand.
EF_LEVEL_BEGIN

template <class T>
class Gathered {
 public:
  // H * W cells; `images` of them at a time.
  Gathered(const FeatureTransformArgs& a, int64_t cells, int64_t images, Carver& carver)
      : a_(a),
        cells_(cells),
        x_(a.x.cast<const T>(), lies_in_cells(a.x.cast<const T>()), images, carver),
        pitch_(pitch_of<T>(a.x.size[1])),
        zero_(carver.take<T>(pitch_)),
        blends_(carver.take<T>(beforehand(a) ? images * cells * pitch_ : 0)) {}

  // Images that are worth being staged together.
  static int64_t images_of(const FeatureTransformArgs& a, int64_t cells) {
    const bool direct = lies_in_cells(a.x.cast<const T>());
    const int64_t pitch = pitch_of<T>(a.x.size[1]),
                  staged = direct ? 0 : a.x.size[2] * a.x.size[3] * pitch,
                  numbers = staged + (beforehand(a) ? cells * pitch : 0);
    if (!numbers) return std::max<int64_t>(a.x.size[0], 1);
    return std::clamp<int64_t>(kStaged / numbers, 1, std::max<int64_t>(a.x.size[0], 1));
  }

  void stage(int64_t first, int64_t count) {
    std::fill_n(zero_, pitch_, T(0));
    x_.stage(first, count, a_.threads);
    first_ = first;
    if (!beforehand(a_)) return;
    const int64_t task = std::max<int64_t>(kTaskNumbers / pitch_, 1),
                  tasks = (cells_ + task - 1) / task;
    parallel_for(count * tasks, a_.threads, [&](int64_t t, int) {
      const int64_t i = t / tasks, begin = t % tasks * task, end = std::min(begin + task, cells_);
      const Source<T> from = ungathered(first + i);
      for (int64_t cell = begin; cell < end; ++cell)
        blend(from, cell, blends_ + (i * cells_ + cell) * pitch_);
    });
  }

  // As x and index give it.
  Source<T> ungathered(int64_t i) const {
    return {x_.image(i), zero_, a_.index, static_cast<const T*>(a_.weight), a_.taps, a_.x.size[1]};
  }
  Source<T> image(int64_t i) const {
    if (!beforehand(a_)) return ungathered(i);
    return {{blends_ + (i - first_) * cells_ * pitch_, pitch_},
            zero_,
            nullptr,
            nullptr,
            1,
            a_.x.size[1]};
  }

 private:
  static constexpr int64_t kStaged = int64_t{1} << 18, kTaskNumbers = int64_t{1} << 14;
  static bool beforehand(const FeatureTransformArgs& a) {
    return a.mix.m > 1 && (a.taps > 1 || a.weight);
  }

  FeatureTransformArgs a_;
  int64_t cells_;
  StagedField<T> x_;
  int64_t pitch_;
  T *zero_, *blends_;
  int64_t first_ = 0;
};

EF_LEVEL_END
