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

  Window at(int64_t i, int64_t entry) const {
    if (p_.scattered) {
      const int64_t* given = a_.positions + (g_.first + i) * a_.positions_stride + 2 * entry;
      return kept(i, {given[0], given[1], entry});
    }
    if (!p_.tiled) return kept(i, {entry / p_.columns, entry % p_.columns, entry});
    const int64_t in_tile = p_.valid_rows * p_.valid_columns, tile = entry / in_tile;
    const int64_t y = tile / p_.tiles_across * p_.valid_rows + entry % in_tile / p_.valid_columns;
    const int64_t x = tile % p_.tiles_across * p_.valid_columns + entry % p_.valid_columns;
    if (y >= p_.rows || x >= p_.columns) return {y, x, -1};
    return kept(i, {y, x, y * p_.columns + x});
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
  Window kept(int64_t i, Window w) const {
    if (a_.mask && !a_.mask[(g_.first + i) * a_.mask_stride + w.y * p_.columns + w.x])
      w.output = -1;
    return w;
  }

  const PoseArgmaxArgs& a_;
  const PosePlan& p_;
  const PoseGroup& g_;
};

EF_LEVEL_END
