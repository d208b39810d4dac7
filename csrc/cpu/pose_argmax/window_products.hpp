#pragma once
#include "cpu/pose_argmax/group.hpp"
#include "cpu/pose_argmax/products.hpp"
#include "cpu/pose_argmax/windows.hpp"

// Windows times templates, each window read where it stands in the field.
EF_LEVEL_BEGIN

class WindowProducts {
 public:
  // Of the poses of the direct panel: those of the bank, or those of the basis.
  WindowProducts(const PoseGroup& group, int64_t blocks, int, void* = nullptr)
      : g_(group), p_(group.p), windows_(group), vectors_(blocks * kParts) {}
  size_t bytes() const { return 0; }
  int64_t tasks() const { return (count() + kWindows - 1) / kWindows; }
  int64_t most_entries() const { return kWindows; }

  template <class Visit>
  void ranges(int64_t task, const Visit& visit) const {
    for (int64_t r = task * kWindows; r < end(task);) {
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
      for (int64_t r = task * kWindows; r < end(task); r += kWindowRows)
        multiply(v, r, end(task), shifted, sink);
  }

 private:
  static constexpr int64_t kWindows = 8 * kWindowRows;

  int64_t count() const { return g_.count * p_.entries; }
  int64_t end(int64_t task) const { return std::min((task + 1) * kWindows, count()); }

  template <class Sink>
  void multiply(int64_t v, int64_t r, int64_t last, bool shifted, const Sink& sink) const {
    const WindowShape shape{p_.kh, p_.kw, p_.c, p_.w * p_.cp, p_.cp};
    const float* windows[kWindowRows];
    for (int j = 0; j < kWindowRows; ++j) {
      const int64_t row = std::min(r + j, last - 1), i = row / p_.entries;
      const Corner at = windows_.corner(i, row % p_.entries);
      windows[j] = g_.field_of(i) + (at.y * p_.w + at.x) * p_.cp;
    }
    const float* panels[kWindowGroups];
    for (int g = 0; g < kWindowGroups; ++g)
      panels[g] = panel_of(g_.a.panels.direct, std::min(v + g, vectors_ - 1), shape.numbers());
    Values<float> total[kWindowRows][kWindowGroups];
    multiply_windows<kWindowRows, kWindowGroups>(windows, shape, panels, total);
    for (int j = 0; j < kWindowRows && r + j < last; ++j) {
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
  int64_t vectors_;
};

EF_LEVEL_END
