#pragma once
#include "cpu/pose_argmax/group.hpp"
#include "cpu/pose_argmax/products.hpp"
#include "cpu/pose_argmax/windows.hpp"

// Windows times templates, each window read where it stands in the field.
EF_LEVEL_BEGIN

// What is multiplied, and what the sums say about the scores.
struct FloatWindows : FloatProducts {
  static const float* field(const PoseGroup& g, int64_t i) { return g.field_of(i); }
  static const float* panels(const PosePanels& panels) { return panels.direct; }
  static int64_t of_cell(int64_t channels) { return channels; }
  static double error(const PoseGroup& g, int64_t, Corner, double length) {
    return certain(sum_factor(g.p.kw * g.p.c + 2, g.p.kh) * length, length, g.longest);
  }
  static EF_INLINE Values<float> score(const PoseGroup&, int64_t, int64_t, Sum sum) { return sum; }
};

#if defined(__AVX512VNNI__)
// Multiples of a step: docs/exact-argmax.md, "Coarse direct route".
struct CoarseWindows : PairProducts {
  static const int32_t* field(const PoseGroup& g, int64_t i) {
    return reinterpret_cast<const int32_t*>(g.coarse_of(i));
  }
  static const int32_t* panels(const PosePanels& panels) {
    return reinterpret_cast<const int32_t*>(panels.coarse);
  }
  static int64_t of_cell(int64_t channels) { return (channels + 1) / 2; }
  static double error(const PoseGroup& g, int64_t i, Corner at, double length) {
    const double left = length_in(g.left_of(i), g.p, at.y, at.x, g.p.kh, g.p.kw);
    const double off = left + kSlack * 2 * kUnit * length;
    const double slip = g.a.panels.coarse_error / g.longest;
    const double rounding = kSlack * 4 * kUnit * (length + off);
    return certain(slip * length + (1 + slip) * (off + rounding), length, g.longest);
  }
  static EF_INLINE Values<float> score(const PoseGroup& g, int64_t i, int64_t vector, Sum sum) {
    const Values<float> steps = load(g.a.panels.coarse_step + vector * kLanes<float>);
    return __builtin_convertvector(sum, Values<float>) * g.step_of(i) * steps;
  }
};
#endif

template <class Of>
class WindowProducts {
 public:
  // Of the poses of the direct panel: those of the bank, or those of the basis.
  WindowProducts(const PoseGroup& group, int64_t blocks, int threads, void* = nullptr)
      : g_(group),
        p_(group.p),
        windows_(group),
        vectors_(blocks * kParts),
        share_(share_of(count(), threads)) {}
  size_t bytes() const { return 0; }
  int64_t tasks() const { return (count() + share_ - 1) / share_; }
  int64_t most_entries() const { return kMost; }

  template <class Visit>
  void ranges(int64_t task, const Visit& visit) const {
    for (int64_t r = task * share_; r < end(task);) {
      const int64_t i = r / p_.entries, stop = std::min(end(task), (i + 1) * p_.entries);
      visit(i, r - i * p_.entries, stop - i * p_.entries);
      r = stop;
    }
  }

  void errors(int64_t i, int64_t begin, int64_t end, double* error) const {
    for (int64_t e = begin; e < end; ++e, ++error) {
      const Corner at = windows_.corner(i, e);
      const double length = length_in(g_.energy_of(i), p_, at.y, at.x, p_.kh, p_.kw);
      *error = Of::error(g_, i, at, length);
    }
  }
  double offset_error() const { return 3 * kUnit; }

  template <class Sink>
  void run(int64_t task, bool shifted, const Sink& sink) const {
    for (int64_t v = 0; v < vectors_; v += kWindowGroups)
      for (int64_t r = task * share_; r < end(task);)
        with_window_rows(end(task) - r, [&](auto rows) {
          multiply<rows>(v, r, end(task), shifted, sink);
          r += rows;
        });
  }

 private:
  static constexpr int64_t kMost = 8 * kWindowRows;

  int64_t count() const { return g_.count * p_.entries; }
  int64_t end(int64_t task) const { return std::min((task + 1) * share_, count()); }

  // Windows of a task: whole units of rows, and something for every thread.
  static int64_t share_of(int64_t count, int threads) {
    const int64_t unit = kWindowRows / 3, each = (count + threads - 1) / threads;
    return std::clamp((each + unit - 1) / unit * unit, unit, kMost);
  }

  template <int kRows, class Sink>
  void multiply(int64_t v, int64_t r, int64_t last, bool shifted, const Sink& sink) const {
    using Number = typename Of::Number;
    const int64_t cell = Of::of_cell(p_.cp);
    const WindowShape shape{p_.kh, p_.kw, Of::of_cell(p_.c), p_.w * cell, cell};
    const Number* windows[kRows];
    for (int j = 0; j < kRows; ++j) {
      const int64_t row = std::min(r + j, last - 1), i = row / p_.entries;
      const Corner at = windows_.corner(i, row % p_.entries);
      windows[j] = Of::field(g_, i) + (at.y * p_.w + at.x) * cell;
    }
    const Number* panels[kWindowGroups];
    for (int g = 0; g < kWindowGroups; ++g)
      panels[g] = panel_of(Of::panels(g_.a.panels), std::min(v + g, vectors_ - 1), shape.numbers());
    typename Of::Sum total[kRows][kWindowGroups];
    multiply_windows<Of, kRows, kWindowGroups>(windows, shape, panels, total);
    for (int j = 0; j < kRows && r + j < last; ++j) {
      const int64_t i = (r + j) / p_.entries;
      for (int g = 0; g < kWindowGroups && v + g < vectors_; ++g) {
        const float* offset = g_.offset_of(i) + (v + g) * kLanes<float>;
        const Values<float> score = Of::score(g_, i, v + g, total[j][g]);
        sink(i, (r + j) % p_.entries, v + g, shifted ? score + load(offset) : score);
      }
    }
  }

  const PoseGroup& g_;
  const PosePlan& p_;
  const Windows windows_;
  int64_t vectors_, share_;
};

EF_LEVEL_END
