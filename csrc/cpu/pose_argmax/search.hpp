#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "cpu/pose_argmax/exact.hpp"
#include "cpu/pose_argmax/mix.hpp"
#include "cpu/pose_argmax/windows.hpp"

// Image mode: best first. A heap holds windows, lanes of a window and scored poses, each under the highest score
// that it can have; what comes out on top scored is the next of the ranking, and what comes out unscored is
// opened. Scores are computed some at a time, which can be a few more than the answers need.
EF_LEVEL_BEGIN

class Search {
 public:
  explicit Search(const PoseGroup& group) : a_(group.a), p_(group.p), g_(group), windows_(group) {}

  // Returns how many exact scores that took; -1 where it would have been more than the call allows.
  int64_t run(int64_t i) {
    image_ = i;
    const auto push = [this](int64_t entry, int64_t pose, double score) {
      push_scored(entry, pose, score);
    };
    ExactScorer<float, decltype(push)> scorer(g_, push);
    fill();
    int64_t found = 0;
    while (found < a_.top_k && more(scorer)) {
      const Item top = pop(clusters_first() ? clusters_ : heap_);
      if (top.ranked.score < a_.threshold) break;
      if (top.kind == kEmpty) push_empty(top.ranked, top.rank + 1);
      if (suppressed(top)) continue;
      if (top.scored()) {
        if (repeated(top.ranked, found)) continue;
        taken_.push_back(top.ranked);
        write(found++, top.ranked);
      } else {
        if (scorer.scored > a_.budget) return -1;
        open(top, scorer);
      }
    }
    for (; found < a_.top_k; ++found) write(found, {});
    return scorer.scored;
  }

 private:
  enum Kind : int8_t { kClusters, kWindow, kLaneBest, kLaneRest, kScored, kEmpty };
  struct Item {
    ScoredPose ranked;  // its score is a bound unless scored()
    int64_t entry;
    Kind kind;
    int8_t lane;
    int64_t rank = 0;  // of the pose among those of an empty window
    bool scored() const { return kind >= kScored; }
  };
  // Bounds come before scores that equal them: what they hold may have a lower pose.
  struct Later {
    bool operator()(const Item& a, const Item& b) const {
      if (a.ranked.score != b.ranked.score) return a.ranked.score < b.ranked.score;
      if (a.scored() != b.scored()) return a.scored();
      return beats(b.ranked, a.ranked);
    }
  };

  static Item pop(std::vector<Item>& heap) {
    std::pop_heap(heap.begin(), heap.end(), Later{});
    const Item top = heap.back();
    heap.pop_back();
    return top;
  }
  bool clusters_first() const {
    return !clusters_.empty() && (heap_.empty() || Later{}(heap_.front(), clusters_.front()));
  }

  // Scores are computed some at a time: not before one of them may be the next of the ranking, or spare opening
  // clusters.
  template <class Scorer>
  bool more(Scorer& scorer) {
    const bool open = !heap_.empty() && !heap_.front().scored() && !clusters_first() &&
                      heap_.front().ranked.score >= a_.threshold;
    if (!open) scorer.flush();
    return !heap_.empty() || !clusters_.empty();
  }

  // At most this score: infinity where nothing is certain.
  double bound(float screened, int64_t entry) const {
    const double at_most = static_cast<double>(screened) + g_.margin_of(image_, entry);
    return std::isnan(at_most) ? std::numeric_limits<double>::infinity() : at_most;
  }

  void push(const Item& item) {
    if (item.ranked.score < std::max(a_.threshold, least_)) return;
    heap_.push_back(item);
    std::push_heap(heap_.begin(), heap_.end(), Later{});
  }

  void fill() {
    heap_.clear();
    clusters_.clear();
    taken_.clear();
    scores_.clear();
    added_.clear();
    least_ = kNoScore;
    for (int64_t e = 0; e < p_.entries; ++e) {
      const Window w = windows_.at(image_, e);
      if (w.output < 0) continue;
      if (windows_.empty(image_, w)) {
        push_empty({kNoScore, -1, w.y, w.x}, 0);
        continue;
      }
      const Item item = window(e, w.y, w.x, g_.clustered() ? kClusters : kWindow);
      if (item.ranked.score < a_.threshold) continue;
      (g_.clustered() ? clusters_ : heap_).push_back(item);
    }
    std::make_heap(heap_.begin(), heap_.end(), Later{});
    std::make_heap(clusters_.begin(), clusters_.end(), Later{});
  }

  Item window(int64_t e, int64_t y, int64_t x, Kind kind) const {
    const Entry entry{g_.entry_of(image_, e)};
    return {{bound(entry.highest(), e), -1, y, x}, e, kind, 0};
  }

  // From clusters to poses: of the window and of those that come next, as many as are mixed together.
  void open_clusters(const Item& first) {
    Item items[kWindowRows] = {first};
    int64_t count = 1;
    while (count < kWindowRows && !clusters_.empty() &&
           clusters_.front().ranked.score >= std::max(a_.threshold, least_)) {
      items[count] = pop(clusters_);
      if (!suppressed(items[count])) ++count;
    }
    Place places[kWindowRows];
    for (int64_t k = 0; k < count; ++k) {
      places[k] = {image_, items[k].entry};
      clear_entries(g_.entry_of(image_, items[k].entry), 1);
    }
    mix_poses(g_, places, count);
    for (int64_t k = 0; k < count; ++k)
      push(window(items[k].entry, items[k].ranked.y, items[k].ranked.x, kWindow));
  }

  template <class Scorer>
  void open(const Item& item, Scorer& scorer) {
    const Entry entry{g_.entry_of(image_, item.entry)};
    const ScoredPose& at = item.ranked;
    switch (item.kind) {
      case kClusters:
        return open_clusters(item);
      case kWindow:
        for (int l = 0; l < kPoseBlock; ++l) {
          const int64_t pose = entry.pose(l);
          if (pose < p_.poses)
            push({{bound(entry.best(l), item.entry), pose, at.y, at.x},
                  item.entry,
                  kLaneBest,
                  static_cast<int8_t>(l)});
          push({{bound(entry.second(l), item.entry), -1, at.y, at.x},
                item.entry,
                kLaneRest,
                static_cast<int8_t>(l)});
        }
        return;
      case kLaneBest:
        return scorer.add(image_, at.y, at.x, at.pose, item.entry);
      default:
        if (a_.panels.rank) return open_rest(item);
        for (int64_t g = item.lane; g < p_.poses; g += kPoseBlock)
          if (g != entry.pose(item.lane)) scorer.add(image_, at.y, at.x, g, item.entry);
    }
  }

  // Low rank: every pose has a bound of its own.
  void open_rest(const Item& item) {
    const Entry entry{g_.entry_of(image_, item.entry)};
    for (int64_t g = item.lane; g < p_.poses; g += kPoseBlock)
      if (g != entry.pose(item.lane))
        push({{g_.upper(image_, item.entry, g), g, item.ranked.y, item.ranked.x},
              item.entry,
              kLaneBest,
              item.lane});
  }

  // An empty window has what is added to the sums as scores, in the same order everywhere: one at a time is enough.
  void push_empty(ScoredPose at, int64_t rank) {
    if (rank == p_.poses) return;
    if (added_.empty()) {
      for (int64_t g = 0; g < p_.poses; ++g) added_.push_back({g_.shifted(0, image_, g), g, 0, 0});
      std::sort(added_.begin(), added_.end(), beats);
    }
    at.score = added_[rank].score;
    at.pose = added_[rank].pose;
    push({at, 0, kEmpty, 0, rank});
  }

  void push_scored(int64_t entry, int64_t pose, double score) {
    const Window w = windows_.at(image_, entry);
    if (score < std::max(a_.threshold, least_)) return;
    push({{score, pose, w.y, w.x}, entry, kScored, 0});
    if (a_.suppression >= 0 || p_.scattered) return;
    // Without suppression nothing below the top_k best scores so far is wanted.
    scores_.push_back(score);
    std::push_heap(scores_.begin(), scores_.end(), std::greater<>{});
    if (static_cast<int64_t>(scores_.size()) <= a_.top_k) return;
    std::pop_heap(scores_.begin(), scores_.end(), std::greater<>{});
    scores_.pop_back();
    least_ = scores_.front();
  }

  bool suppressed(const Item& item) const {
    if (a_.suppression < 0) return false;
    for (const ScoredPose& t : taken_) {
      const int64_t away = std::max(std::abs(t.y - item.ranked.y), std::abs(t.x - item.ranked.x));
      if (static_cast<double>(away) > a_.suppression) continue;
      if (!a_.neighbours) return true;
      if (item.ranked.pose >= 0 && item.kind != kLaneRest &&
          a_.neighbours[t.pose * p_.poses + item.ranked.pose])
        return true;
    }
    return false;
  }

  // A window that was given twice comes twice.
  bool repeated(const ScoredPose& s, int64_t found) const {
    if (!p_.scattered || !found) return false;
    const ScoredPose& last = taken_.back();
    return last.pose == s.pose && last.y == s.y && last.x == s.x;
  }

  void write(int64_t k, const ScoredPose& s) const {
    const int64_t at = (g_.first + image_) * a_.top_k + k;
    a_.score[at] = static_cast<float>(s.score);
    a_.pose[at] = s.pose;
    a_.y[at] = s.y;
    a_.x[at] = s.x;
  }

  const PoseArgmaxArgs& a_;
  const PosePlan& p_;
  const PoseGroup& g_;
  const Windows windows_;
  int64_t image_ = 0;
  double least_ = kNoScore;  // scores below this are not wanted
  std::vector<Item> heap_, clusters_;
  std::vector<ScoredPose> taken_, added_;
  std::vector<double> scores_;  // the top_k best
};

EF_LEVEL_END
