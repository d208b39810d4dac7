#pragma once
#include "cpu/pose_argmax/group.hpp"
#include "cpu/pose_argmax/products.hpp"
#include "cpu/pose_argmax/windows.hpp"

// Windows times templates, each window read where it stands in the field.
EF_LEVEL_BEGIN

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
      *error = certain(sum_factor(p_.kw * p_.c + 2, p_.kh) * length, length, g_.longest);
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
    const WindowShape shape{p_.kh, p_.kw, p_.c, p_.w * p_.cp, p_.cp};
    const float* windows[kRows];
    for (int j = 0; j < kRows; ++j) {
      const int64_t row = std::min(r + j, last - 1), i = row / p_.entries;
      const Corner at = windows_.corner(i, row % p_.entries);
      windows[j] = g_.field_of(i) + (at.y * p_.w + at.x) * p_.cp;
    }
    const float* panels[kWindowGroups];
    for (int g = 0; g < kWindowGroups; ++g)
      panels[g] = panel_of(g_.a.panels.direct, std::min(v + g, vectors_ - 1), shape.numbers());
    Values<float> total[kRows][kWindowGroups];
    multiply_windows<kRows, kWindowGroups>(windows, shape, panels, total);
    for (int j = 0; j < kRows && r + j < last; ++j) {
      const int64_t i = (r + j) / p_.entries;
      for (int g = 0; g < kWindowGroups && v + g < vectors_; ++g) {
        const float* offset = g_.offset_of(i) + (v + g) * kLanes<float>;
        sink(i, (r + j) % p_.entries, v + g, shifted ? total[j][g] + load(offset) : total[j][g]);
      }
    }
  }

  const PoseGroup& g_;
  const PosePlan& p_;
  const Windows windows_;
  int64_t vectors_, share_;
};

EF_LEVEL_END
