#pragma once
#include "cpu/pose_argmax/exhaustive.hpp"
#include "cpu/pose_argmax/mix.hpp"
#include "cpu/pose_argmax/windows.hpp"

// Location mode: from the table to the best pose of each window.
EF_LEVEL_BEGIN

class Locate {
 public:
  explicit Locate(const PoseGroup& group) : a_(group.a), p_(group.p), g_(group), windows_(group) {}

  // Entries begin .. end - 1 of image i. Returns how many exact scores that took.
  int64_t run(int64_t i, int64_t begin, int64_t end) const {
    return g_.widened() ? run<double>(i, begin, end) : run<float>(i, begin, end);
  }

  // What every window of image i holds unless an entry says otherwise.
  void clear(int64_t i) const {
    std::fill_n(a_.score + (g_.first + i) * p_.windows, p_.windows, static_cast<float>(kNoScore));
    std::fill_n(a_.pose + (g_.first + i) * p_.windows, p_.windows, int64_t{-1});
  }

 private:
  static constexpr int64_t kBatch = 64, kSpread = 32;

  template <class Number>
  int64_t run(int64_t i, int64_t begin, int64_t end) const {
    ScoredPose best[kBatch];
    const auto take = [&best](int64_t slot, int64_t pose, double score) {
      const ScoredPose found{score, pose, 0, 0};
      if (beats(found, best[slot])) best[slot] = found;
    };
    ExactScorer<Number, decltype(take)> scorer(g_, take);
    for (; begin < end; begin += kBatch) {
      const int64_t count = std::min(end - begin, kBatch);
      Window window[kBatch];
      for (int64_t e = 0; e < count; ++e) {
        window[e] = windows_.at(i, begin + e);
        best[e] = {};
        if (window[e].output >= 0) add_highest(i, begin + e, window[e], e, scorer);
      }
      scorer.flush();
      const Number* open[kBatch];
      int64_t slot_of[kBatch], opened = 0;
      for (int64_t e = 0; e < count; ++e) {
        if (window[e].output < 0) continue;
        if (all_open(i, begin + e, window[e], best[e])) {
          open[opened] = scorer.window(i, window[e].y, window[e].x);
          slot_of[opened++] = e;
        } else {
          add_others(i, begin + e, window[e], e, scorer, best[e]);
        }
      }
      scorer.flush();
      exact_all<Number>(g_, open, opened, [&](int64_t k, int64_t pose, double sum) {
        take(slot_of[k], pose, g_.shifted(sum, i, pose));
      });
      scorer.scored += opened * (p_.poses - 1);  // one of them was scored before
      for (int64_t e = 0; e < count; ++e) write(i, window[e].output, best[e]);
    }
    return scorer.scored;
  }

  static int highest_lane(const Entry& entry) {
    return __builtin_ctz(entry.best_from(entry.highest()));
  }

  // The copies that fill up the last block stand for the last pose.
  int64_t pose_of(const Entry& entry, int lane) const {
    return std::min(entry.pose(lane), p_.poses - 1);
  }

  template <class Scorer>
  void add_highest(int64_t i, int64_t e, const Window& w, int64_t slot, Scorer& scorer) const {
    const Entry entry{g_.entry_of(i, e)};
    scorer.add(i, w.y, w.x, pose_of(entry, highest_lane(entry)), slot);
  }

  // Whether so many poses may still beat the exact score of the highest that all are scored, in blocks.
  bool all_open(int64_t i, int64_t e, const Window& w, const ScoredPose& best) const {
    const Entry entry{g_.entry_of(i, e)};
    const uint32_t open = entry.second_from(rounded_down(best.score - g_.margin_of(i, e)));
    return __builtin_popcount(open) > kPoseBlock / 2 && !a_.panels.rank && !windows_.empty(i, w);
  }

  // Poses that may still beat the exact score of the highest; NaN and infinity leave everything open.
  template <class Scorer>
  void add_others(int64_t i, int64_t e, const Window& w, int64_t slot, Scorer& scorer,
                  ScoredPose& best) const {
    const Entry entry{g_.entry_of(i, e)};
    const float least = rounded_down(best.score - g_.margin_of(i, e));
    const int64_t first = best.pose;
    const uint32_t open = entry.second_from(least);
    if (open && windows_.empty(i, w)) return take_any(i, best);
    if (open && a_.panels.rank) return add_bounded(i, e, w, slot, scorer, best);
    uint32_t lanes = (entry.best_from(least) | open) & ~(1u << highest_lane(entry) & ~open);
    for (; lanes; lanes &= lanes - 1) {
      const int l = __builtin_ctz(lanes);
      if (open >> l & 1) {
        for (int64_t g = l; g < p_.poses; g += kPoseBlock)
          if (g != first) scorer.add(i, w.y, w.x, g, slot);
      } else if (entry.pose(l) < p_.poses) {
        scorer.add(i, w.y, w.x, entry.pose(l), slot);
      }
    }
  }

  // Low rank bounds the poses one by one. Those that pass are summed in float32, which costs a fifth of an exact score.
  template <class Scorer>
  void add_bounded(int64_t i, int64_t e, const Window& w, int64_t slot, Scorer& scorer,
                   const ScoredPose& best) const {
    const int64_t row = p_.kw * p_.cp, first = best.pose;
    const double score = best.score, least = score - g_.margin_of(i, e);
    const double length = length_in(g_.energy_of(i), p_, w.y, w.x, p_.kh, p_.kw) +
                          (g_.centred ? g_.mean_length(i) : 0);
    const double factor = quick_factor(p_.kh, row) * length;
    const float* window = g_.field_of(i) + (w.y * p_.w + w.x) * p_.cp;
    float upper[kSpread * kPoseBlock];
    for (int64_t block = 0; block < p_.blocks; block += kSpread) {
      const int64_t blocks = std::min<int64_t>(kSpread, p_.blocks - block),
                    from = block * kPoseBlock;
      mix_blocks(g_, {i, e}, block, blocks, upper);
      for (int64_t k = 0; k < blocks * kPoseBlock && from + k < p_.poses; ++k) {
        const int64_t g = from + k;
        if (upper[k] < least || g == first) continue;
        const double sum = g_.shifted(
            quick_sum(window, a_.panels.templates + g * p_.kh * row, p_.kh, row, p_.w * p_.cp), i,
            g);
        if (!(sum + factor * a_.panels.norm[g] + g_.exact_margin(i) < score))
          scorer.add(i, w.y, w.x, g, slot);
      }
    }
  }

  // Of an empty window: what is added to the sums decides.
  void take_any(int64_t i, ScoredPose& best) const {
    for (int64_t g = 0; g < p_.poses; ++g) {
      const ScoredPose found{g_.shifted(0, i, g), g, 0, 0};
      if (beats(found, best)) best = found;
    }
  }

  void write(int64_t i, int64_t output, const ScoredPose& best) const {
    if (output < 0 || best.pose < 0 || best.score < a_.threshold) return;
    const int64_t at = (g_.first + i) * p_.windows + output;
    a_.score[at] = static_cast<float>(best.score);
    a_.pose[at] = best.pose;
  }

  const PoseArgmaxArgs& a_;
  const PosePlan& p_;
  const PoseGroup& g_;
  const Windows windows_;
};

EF_LEVEL_END
