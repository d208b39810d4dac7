#pragma once
#include "cpu/pose_argmax/screens.hpp"
#include "cpu/pose_argmax/windows.hpp"

// The route for banks that are nearly combinations of few templates: the products of the field with an orthonormal
// basis, mixed to scores, and the length of what the basis leaves of the window times what it leaves of the
// template. The table holds upper bounds of scores.
EF_LEVEL_BEGIN

template <class Products>
class LowRankScreen {
 public:
  LowRankScreen(const PoseGroup& group, int threads, void* memory = nullptr)
      : g_(group),
        p_(group.p),
        rank_(group.a.panels.rank),
        windows_(group),
        products_(group, rank_ / kPoseBlock, threads, memory),
        carver_(memory ? static_cast<char*>(memory) + products_.bytes() : nullptr) {
    const int64_t most = products_.most_entries();
    kept_ = carver_.template take<Place>(most);
    error_ = carver_.take<double>(most);
  }
  size_t bytes() const { return products_.bytes() + carver_.bytes(); }
  int64_t tasks() const { return products_.tasks(); }

  template <class Visit>
  void ranges(int64_t task, const Visit& visit) const {
    products_.ranges(task, visit);
  }

  void run(int64_t task) {
    products_.run(task, false, [&](int64_t i, int64_t entry, int64_t vector, Values<float> scores) {
      store(g_.projection_of(i, entry) + vector * kLanes<float>, scores);
    });
    int64_t count = 0;
    ranges(task, [&](int64_t i, int64_t begin, int64_t end) {
      products_.errors(i, begin, end, error_);
      for (int64_t e = begin; e < end; ++e) {
        const Window w = windows_.at(i, e);
        if (w.output < 0) continue;
        kept_[count++] = {i, e};
        measure(i, e, w, error_[e - begin]);
      }
    });
    for (int64_t k = 0; k < count;)
      with_window_rows(count - k, [&](auto rows) {
        for (int64_t v = 0; v < vectors(); v += kWindowGroups) mix<rows>(k, count, v);
        k += rows;
      });
  }

 private:
  struct Place {
    int64_t image, entry;
  };

  int64_t vectors() const { return p_.blocks * kParts; }

  // What the basis leaves of a window, and the margin that is the same for all poses: docs/exact-argmax.md,
  // "Low rank".
  void measure(int64_t i, int64_t e, const Window& w, double error) {
    const PosePanels& panels = g_.a.panels;
    Values<float> sum = {};
    const float* y = g_.projection_of(i, e);
    for (int64_t r = 0; r < rank_; r += kLanes<float>)
      sum = product_plus(load(y + r), load(y + r), sum);
    const double length = length_in(g_.energy_of(i), p_, w.y, w.x, p_.kh, p_.kw);
    const double projected = std::sqrt(static_cast<double>(sum_of(sum)));
    const double root = std::sqrt(static_cast<double>(rank_));
    const double slip = error * root * (1 + panels.departure) + panels.departure * length;
    const double sure = std::max(projected * (1 - 1e-4) - slip, 0.0);
    const double beyond = std::sqrt(std::max(length * length - sure * sure, 0.0));
    g_.beyond_of(i, e) = static_cast<float>(beyond * (1 + 1e-6));
    const double mixed = panels.mix_length * projected * (1 + 1e-4);
    g_.margin_of(i, e) =
        certain(sum_factor(kPoseBlock + 2, rank_ / kPoseBlock) * (mixed + g_.longest * length) +
                    panels.mix_length * error * root * (1 + panels.departure) +
                    panels.leak * length + 6 * kUnit * g_.offset_length[i] + g_.exact_margin(i),
                length, g_.longest);
  }

  template <int kRows>
  void mix(int64_t k, int64_t count, int64_t v) {
    const WindowShape shape{rank_ / kPoseBlock, 1, kPoseBlock, kPoseBlock, 0};
    const PosePanels& panels = g_.a.panels;
    const float* rows[kRows];
    for (int j = 0; j < kRows; ++j) {
      const Place at = kept_[std::min(k + j, count - 1)];
      rows[j] = g_.projection_of(at.image, at.entry);
    }
    const float* of_poses[kWindowGroups];
    for (int g = 0; g < kWindowGroups; ++g)
      of_poses[g] = panel_of(panels.mix, std::min(v + g, vectors() - 1), rank_);
    Values<float> total[kRows][kWindowGroups];
    multiply_windows<FloatProducts, kRows, kWindowGroups>(rows, shape, of_poses, total);
    for (int g = 0; g < kWindowGroups && v + g < vectors(); ++g) {
      const int64_t at = (v + g) * kLanes<float>;
      const Values<float> rest = load(panels.residual + at);
      for (int j = 0; j < kRows && k + j < count; ++j) {
        const Place of = kept_[k + j];
        const Values<float> beyond = all(g_.beyond_of(of.image, of.entry));
        const Values<float> score = total[j][g] + load(g_.offset_of(of.image) + at);
        offer(g_.entry_of(of.image, of.entry), v + g, product_plus(rest, beyond, score));
      }
    }
  }

  const PoseGroup& g_;
  const PosePlan& p_;
  int64_t rank_;
  const Windows windows_;
  Products products_;
  Carver carver_;
  Place* kept_;
  double* error_;
};

EF_LEVEL_END
