#pragma once
#include "cpu/pose_argmax/mix.hpp"
#include "cpu/pose_argmax/screens.hpp"
#include "cpu/pose_argmax/windows.hpp"

// The route for banks that are nearly combinations of few templates: the products of the field with an orthonormal
// basis, mixed to scores, and the length of what the basis leaves of the window times what it leaves of the
// template. The table holds upper bounds of scores: of poses, or of clusters of them, which a search then opens.
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
    if (g_.clustered())
      mix_clusters(g_, kept_, count);
    else
      mix_poses(g_, kept_, count);
  }

 private:
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
    // The only upper bound: squares of numbers below 1.1e-19 are lost on the way.
    const double within = projected * (1 + 1e-4) + 1.1e-19 * root;
    const double mixed = panels.mix_length * within;
    g_.within_of(i, e) = static_cast<float>(within);
    g_.margin_of(i, e) =
        certain(sum_factor(rank_ + 4, 1) * (3 * mixed + g_.longest * length) +
                    panels.mix_length * error * root * (1 + panels.departure) +
                    panels.leak * length + 6 * kUnit * g_.offset_length[i] + g_.exact_margin(i),
                length, g_.longest);
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
