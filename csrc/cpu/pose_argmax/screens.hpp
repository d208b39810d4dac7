#pragma once
#include "cpu/pose_argmax/tiles.hpp"
#include "cpu/pose_argmax/window_products.hpp"

// A route fills the table of a group, task by task, and says how far its scores can be off. This one computes the
// scores of all poses, by tiles or by windows.
EF_LEVEL_BEGIN

template <class Products>
class FullScreen {
 public:
  FullScreen(const PoseGroup& group, int threads, void* memory = nullptr)
      : g_(group), products_(group, group.p.blocks, threads, memory) {}
  size_t bytes() const { return products_.bytes(); }
  int64_t tasks() const { return products_.tasks(); }

  template <class Visit>
  void ranges(int64_t task, const Visit& visit) const {
    products_.ranges(task, visit);
  }

  void run(int64_t task) {
    ranges(task, [&](int64_t i, int64_t begin, int64_t end) {
      double* margin = &g_.margin_of(i, begin);
      products_.errors(i, begin, end, margin);
      const double added = products_.offset_error() * g_.offset_length[i] + g_.exact_margin(i);
      for (int64_t e = 0; e < end - begin; ++e) margin[e] = margin[e] * g_.longest + added;
    });
    products_.run(task, true, [&](int64_t i, int64_t entry, int64_t vector, Values<float> scores) {
      offer(g_.entry_of(i, entry), vector, scores);
    });
  }

 private:
  const PoseGroup& g_;
  Products products_;
};

#if defined(__AVX512VNNI__)
// By windows in integers first; where that leaves many poses in reach, in floats.
class CoarseScreen {
 public:
  CoarseScreen(const PoseGroup& group, int threads, void* = nullptr)
      : g_(group), coarse_(group, threads), fine_(group, threads) {}
  size_t bytes() const { return 0; }
  int64_t tasks() const { return coarse_.tasks(); }

  template <class Visit>
  void ranges(int64_t task, const Visit& visit) const {
    coarse_.ranges(task, visit);
  }

  void run(int64_t task) {
    coarse_.run(task);
    int64_t left = 0, windows = 0;
    ranges(task, [&](int64_t i, int64_t begin, int64_t end) {
      windows += end - begin;
      for (int64_t e = begin; e < end; ++e) left += in_reach(i, e);
    });
    if (left <= windows * g_.p.poses / kLargestShare) return;
    ranges(task, [&](int64_t i, int64_t begin, int64_t end) {
      clear_entries(g_.entry_of(i, begin), end - begin);
    });
    fine_.run(task);
  }

 private:
  // At most one pose in this many may be left: an exact score takes about as long as the float32 ones of six poses.
  static constexpr int64_t kLargestShare = 8;

  int64_t in_reach(int64_t i, int64_t e) const {
    const Entry entry{g_.entry_of(i, e)};
    const float least = rounded_down(entry.highest() - 2 * g_.margin_of(i, e));
    const uint32_t open = entry.second_from(least);
    return __builtin_popcount(open) * g_.p.blocks +
           __builtin_popcount(entry.best_from(least) & ~open);
  }

  const PoseGroup& g_;
  FullScreen<WindowProducts<CoarseWindows>> coarse_;
  FullScreen<WindowProducts<FloatWindows>> fine_;
};
#endif

EF_LEVEL_END
