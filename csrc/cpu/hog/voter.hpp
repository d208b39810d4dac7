#pragma once
#include <cstring>

#include "cpu/hog/strip.hpp"

// Pixels of one image vote into its cells, block row by block row.
EF_LEVEL_BEGIN

// kColours, kN, kCell: the number of channels and of orientations and the cell size, 0: any.
template <class In, class T, int kColours, int kN, int kCell, bool kBilinear>
class HogVoter {
 public:
  using Scratch = VoteScratch<In, T, Bit<T>>;

  HogVoter(const HogArgs& a, const HogPlan& p, const OrientationTable& t, const Scratch& scratch)
      : p_(p), t_(t), s_(scratch), image_(a.image.cast<const In>()) {
    // Rows are computed in whole vectors, also from pixels that were not loaded.
    std::memset(s_.pixels, 0, sizeof(In) * 3 * p_.colours * p_.strip_pixels());
    std::memset(s_.histogram, 0, sizeof(T) * (2 * p_.n + 1) * kStripBlocks * kVotes * 4);
    for (int64_t j = 0; j < p_.cell; ++j) store(s_.weight + 4 * j, column_weight<T>(j, p_.cell));
  }

  // Adds the votes of one block row of image i to the rows of cells above and below it.
  void block_row(int64_t i, int64_t row, T* above, T* below) const {
    const int64_t y0 = block_begin(row, p_.cell);
    const int64_t first = std::max<int64_t>(y0, 1), last = std::min(y0 + p_.cell, p_.end_y);
    if (p_.h < 3 || p_.w < 3 || first >= last) return;
    for (int64_t b = 0; b <= p_.columns; b += p_.strip) {
      Strip<In, T> strip(p_, image_, s_, i, b, std::min(p_.strip, p_.columns + 1 - b), first, last);
      make_votes(strip.rows(first), 0, strip.vectors, first);
      strip.trim(votes(first));
      for (int64_t y = first; y < last; ++y) vote_row(strip, y, y + 1 < last, y - y0);
      spread_strip<kBilinear>(2 * p_.n, strip.count, p_.pitch, s_.histogram, above + b, below + b);
    }
  }

 private:
  static constexpr int kVotes = kBilinear ? 2 : 1;

  Votes<T> votes(int64_t y) const { return {s_.vote[y % 2], s_.place[y % 2]}; }

  EF_INLINE void make_votes(const Rows<In>& rows, int64_t begin, int64_t end, int64_t y) const {
    constexpr int64_t step = kLanes<T>;
    const Votes<T> to = votes(y);
    if (kBilinear) {
      const Halfway<T, Bit<T>> halfway = s_.halfway;
      for (int64_t x = begin * step; x < end * step; x += step)
        begin_votes<kColours, kN>(rows, x, p_.colours, t_, halfway);
      for (int64_t x = begin * step; x < end * step; x += step) end_votes(halfway, x, t_, to);
    } else {
      for (int64_t x = begin * step; x < end * step; x += step)
        vector_votes<kColours, kN>(rows, x, p_.colours, t_, to);
    }
  }

  // Casts the votes of row y, row `place` of its block row, and makes those of the next row in between:
  // votes wait for memory, gradients for arithmetic.
  void vote_row(Strip<In, T>& strip, int64_t y, bool more, int64_t place) const {
    const int64_t cell = kCell ? kCell : p_.cell;
    const Corners<T> factor = row_weight<T>(place, cell);
    const Votes<T> now = votes(y);
    Rows<In> next{};
    if (more) next = strip.rows(y + 1);
    if (p_.far_image) strip.prefetch(y + cell + 1);
    const int64_t vectors = more ? strip.vectors : 0;
    int64_t made = 0, due = 0;
    if (kBilinear) {
      make_votes(next, 0, vectors, y + 1);
      made = vectors;
    }
    for (int64_t j = 0; j < cell; ++j) {
      const Corners<T> weight = corners_at(s_.weight + 4 * j) * factor;
      cast_votes<kCell, kVotes>(now.vote + kVotes * j, now.place + j, cell, strip.count, weight,
                                s_.histogram);
      for (due += vectors; !kBilinear && due >= cell; due -= cell, ++made)
        make_votes(next, made, made + 1, y + 1);
    }
    if (more) strip.trim(votes(y + 1));
  }

  const HogPlan& p_;
  const OrientationTable& t_;
  const Scratch& s_;
  View<const In, 4> image_;
};

EF_LEVEL_END
