#pragma once
#include "cpu/pose_argmax/group.hpp"
#include "math/pose_score.hpp"

// Which window of an image an entry of the table stands for.
EF_LEVEL_BEGIN

struct Window {
  int64_t y, x;
  int64_t output;  // its place among the windows of the image; -1: none
};

class Windows {
 public:
  explicit Windows(const PoseGroup& group) : a_(group.a), p_(group.p), g_(group) {}

  Corner corner(int64_t i, int64_t entry) const { return corner_of(a_, p_, g_.first + i, entry); }

  Window at(int64_t i, int64_t entry) const {
    const Corner c = corner(i, entry);
    const bool inside = c.y < p_.rows && c.x < p_.columns;
    if (!inside || masked(i, c)) return {c.y, c.x, -1};
    return {c.y, c.x, p_.scattered ? entry : c.y * p_.columns + c.x};
  }

  // Whether every number of the field in the window is 0: then its poses differ by what is added alone.
  bool empty(int64_t i, const Window& w) const {
    for (int64_t row = 0; row < p_.kh; ++row) {
      const float* from = g_.field_of(i) + ((w.y + row) * p_.w + w.x) * p_.cp;
      for (int64_t k = 0; k < p_.kw * p_.cp; ++k)
        if (from[k] != 0) return false;
    }
    return true;
  }

 private:
  bool masked(int64_t i, Corner c) const {
    return a_.mask && !a_.mask[(g_.first + i) * a_.mask_stride + c.y * p_.columns + c.x];
  }

  const PoseArgmaxArgs& a_;
  const PosePlan& p_;
  const PoseGroup& g_;
};

EF_LEVEL_END
