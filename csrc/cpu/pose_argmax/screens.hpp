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

EF_LEVEL_END
