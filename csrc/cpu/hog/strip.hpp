#pragma once
#include <algorithm>

#include "cpu/hog/vote.hpp"

// The pixel rows of one strip: where they are read, and how their votes are made while those of the
// row above are cast.
EF_LEVEL_BEGIN

template <class In, class T>
class Strip {
 public:
  using Scratch = VoteScratch<In, T, Bit<T>>;

  // Blocks first .. first + count - 1 of one block row of image i, whose pixel rows begin .. end - 1
  // vote.
  Strip(const HogPlan& p, const View<const In, 4>& image, const Scratch& scratch, int64_t i,
        int64_t first, int64_t count, int64_t begin, int64_t end)
      : p_(p), image_(image), s_(scratch), i_(i), count(count), x0_(block_begin(first, p.cell)) {
    const int64_t width = count * p.cell;
    vectors = (width + kLanes<T> - 1) / kLanes<T>;
    first_ = std::min(std::max<int64_t>(x0_, 1), p.w - 2);
    pixels_ = std::max<int64_t>(std::min(x0_ + width, p.w - 1) - first_, 1);
    start_ = std::max<int64_t>(first_ - x0_, 0);
    stop_ = std::min(std::max<int64_t>(p.end_x - x0_, 0), width);
    in_place_ = readable(begin, end);
    whole_ = start_ == 0 && start_ + pixels_ >= width && stop_ == width;
  }

  // Row y and its neighbours. Rows are asked for from above to below.
  Rows<In> rows(int64_t y) {
    y = std::min(y, p_.h - 2);  // voc-dpm repeats the last gradient
    if (in_place_) {
      const In* here = image_.at(i_, 0, y, x0_);
      return {here - image_.stride[2], here, here + image_.stride[2], image_.stride[1]};
    }
    for (int64_t row = std::max(loaded_ + 1, y - 1); row <= y + 1; ++row) load(row);
    loaded_ = y + 1;
    return {ring(y - 1), ring(y), ring(y + 1), p_.strip_pixels()};
  }

  // Fetches row y of the strip ahead of its use: strips are too narrow for the processor to see what
  // comes next. Inline: GCC drops calls of a function that only prefetches.
  EF_INLINE void prefetch(int64_t y) const {
    if (!in_place_ || y >= p_.h) return;
    for (int64_t c = 0; c < p_.colours; ++c) {
      const char* from = reinterpret_cast<const char*>(image_.at(i_, c, y, x0_));
      for (int64_t b = 0; b < count * p_.cell * static_cast<int64_t>(sizeof(In)); b += 64)
        __builtin_prefetch(from + b);
    }
  }

  // Clears votes of pixels that do not vote. Pixels beyond the image (dpm) repeat the last gradient.
  void trim(const Votes<T>& votes) const {
    if (whole_) return;
    T* vote = votes.vote;
    Bit<T>* place = votes.place;
    const int64_t each = p_.votes, end = start_ + pixels_, width = count * p_.cell;
    std::fill_n(vote, each * start_, T(0));
    std::fill_n(place, start_, 0);
    for (int64_t x = end; x < stop_; ++x) {
      std::copy_n(vote + each * (x - 1), each, vote + each * x);
      place[x] = place[x - 1];
    }
    const int64_t rest = std::min(stop_, width);
    std::fill(vote + each * rest, vote + each * width, T(0));
    std::fill(place + rest, place + width, 0);
  }

 private:
  // Whether whole vectors may be read from the image itself. Left and right of a row they read on in
  // the rows above and below, where there are any.
  bool readable(int64_t begin, int64_t end) const {
    const int64_t left = 1 - x0_, right = x0_ + vectors * kLanes<T> + 1 - p_.w;
    if (image_.stride[3] != 1) return false;
    if (left <= 0 && right <= 0) return true;
    return image_.stride[2] >= p_.w && std::max(left, right) <= p_.w && begin >= 2 &&
           end <= p_.h - 2;
  }

  In* ring(int64_t y) const {
    return s_.pixels + y % 3 * p_.colours * p_.strip_pixels() + kLineFloats;
  }

  // Copies row y of every channel, the left neighbour of the first pixel first.
  void load(int64_t y) const {
    copy_pixels(image_.at(i_, 0, y, first_ - 1), image_.stride[1], image_.stride[3], p_.colours,
                ring(y) + start_ - 1, p_.strip_pixels(), pixels_ + 2);
  }

  const HogPlan& p_;
  const View<const In, 4>& image_;
  const Scratch& s_;
  const int64_t i_;

 public:
  const int64_t count;
  int64_t vectors;  // that cover the strip's pixels

 private:
  const int64_t x0_;                // the first pixel, which may lie outside
  int64_t first_, pixels_, start_;  // pixels that have a gradient, the first of them at `start_`
  int64_t stop_;                    // where votes end
  int64_t loaded_ = -1;             // the lowest image row in the ring
  bool in_place_, whole_;
};

EF_LEVEL_END
