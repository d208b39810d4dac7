#pragma once
#include "cpu/skimage_hog/gradient.hpp"
#include "cpu/skimage_hog/plan.hpp"

// The rows of an image, copied one after the other into a ring of three: channel by channel, as T, and
// with such neighbours at either end that differences across the image's edges are 0.
EF_LEVEL_BEGIN

template <class In, class T>
class ImageRows {
 public:
  ImageRows(const CellsPlan& p, const View<const In, 3>& image, T* ring)
      : p_(p), image_(image), ring_(ring) {
    // Rows are computed in whole vectors, also from pixels that were not read.
    std::fill_n(ring, 3 * p.colours * p.pixels, T(0));
  }

  // Row y and its neighbours; in the outermost rows of the image all three are one. Rows are asked for
  // from above to below.
  Rows<T> rows(int64_t y) {
    const bool inside = this->inside(y);
    const int64_t first = inside ? y - 1 : y, last = inside ? y + 1 : y;
    for (int64_t row = std::max(loaded_ + 1, first); row <= last; ++row) load(row);
    loaded_ = std::max(loaded_, last);
    return {at(first), at(y), at(last), p_.pixels};
  }
  bool inside(int64_t y) const { return y > 0 && y < p_.h - 1; }

 private:
  T* at(int64_t y) const { return ring_ + y % 3 * p_.colours * p_.pixels + kLineFloats; }

  void load(int64_t y) const {
    T* to = at(y);
    copy_pixels(image_.at(0, y, 0), image_.stride[0], image_.stride[2], p_.colours, to, p_.pixels,
                p_.loaded);
    for (int64_t c = 0; c < p_.colours; ++c, to += p_.pixels) {
      to[-1] = p_.loaded > 1 ? to[1] : T(0);
      if (p_.loaded == p_.w) to[p_.w] = p_.w > 1 ? to[p_.w - 2] : T(0);
    }
  }

  const CellsPlan& p_;
  const View<const In, 3>& image_;
  T* ring_;
  int64_t loaded_ = -1;  // the lowest row in the ring
};

EF_LEVEL_END
