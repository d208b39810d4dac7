#pragma once
#include <cstring>

#include "cpu/hog/normalise.hpp"
#include "cpu/hog/strip.hpp"

// Rows stream through: image -> histogram of a strip of blocks -> a ring of three cell rows ->
// normalised row.
EF_LEVEL_BEGIN

// kColours, kN, kCell: the number of channels and of orientations and the cell size, 0: any.
template <class In, class T, int kColours, int kN, int kCell, bool kBilinear>
class HogImage {
 public:
  HogImage(const HogArgs& a, const HogPlan& p, const OrientationTable& t, char* memory)
      : a_(a),
        p_(p),
        t_(t),
        s_(p, memory),
        image_(a.image.cast<const In>()),
        out_(a.out.cast<T>()) {
    // Rows are computed in whole vectors, also from pixels that were not loaded.
    std::memset(s_.pixels, 0, sizeof(In) * 3 * p_.colours * p_.strip_pixels());
    std::memset(s_.histogram, 0, sizeof(T) * (2 * p_.n + 1) * kStripBlocks * 4);
    for (int64_t j = 0; j < p_.cell; ++j) store(s_.weight + 4 * j, column_weight<T>(j, p_.cell));
    const int64_t padding = (padded(p_.out_channels) - p_.out_channels) * p_.pitch;
    std::memset(s_.row + p_.out_channels * p_.pitch, 0, sizeof(T) * padding);
    stream_ = p_.far_out && reinterpret_cast<uintptr_t>(out_.data) % kVectorBytes == 0 &&
              p_.out_columns % kLanes<T> == 0;
    for (int d = 0; d < 3; ++d) stream_ &= out_.stride[d] % kLanes<T> == 0;
  }

  // Output rows [first, last) of image i.
  void run(int64_t i, int64_t first, int64_t last) {
    first += p_.dropped;
    last += p_.dropped;
    const int64_t begin = std::max<int64_t>(first - 1, 0), end = std::min(last + 1, p_.rows);
    clear(begin - 1);  // gets votes as well; nobody reads it
    for (int64_t block_row = begin; block_row <= end; ++block_row) {
      vote_block_row(i, block_row);
      const int64_t done = block_row - 1;  // the last complete row of cells
      if (done < begin) continue;
      cell_energies(p_, cells(done), energy(done));
      if (done - 1 >= first) finish_row(i, done - 1, std::min(done, p_.rows - 1));
      if (done == p_.rows - 1 && done < last) finish_row(i, done, done);
    }
    if (stream_) end_stream();
  }

 private:
  T* cells(int64_t r) const { return s_.cells + (r + 3) % 3 * 2 * p_.n * p_.pitch; }
  void clear(int64_t r) const { std::memset(cells(r), 0, sizeof(T) * 2 * p_.n * p_.pitch); }
  T* energy(int64_t r) const { return s_.energy + r % 3 * p_.pitch; }
  Votes<T> votes(int64_t y) const {
    const auto &vote = s_.vote[y % 2], &place = s_.place[y % 2];
    return {{vote[0], vote[1]}, {place[0], place[1]}};
  }

  // Completes the cells of row block_row - 1 and begins those of row block_row.
  void vote_block_row(int64_t i, int64_t block_row) {
    clear(block_row);
    const int64_t y0 = block_begin(block_row, p_.cell);
    const int64_t first = std::max<int64_t>(y0, 1), last = std::min(y0 + p_.cell, p_.end_y);
    if (p_.h < 3 || p_.w < 3 || first >= last) return;
    for (int64_t b = 0; b <= p_.columns; b += p_.strip) {
      Strip<In, T> strip(p_, image_, s_, i, b, std::min(p_.strip, p_.columns + 1 - b), first, last);
      make_votes(strip.rows(first), 0, strip.vectors, first);
      strip.trim(votes(first), kBilinear);
      for (int64_t y = first; y < last; ++y) vote_row(strip, y, y + 1 < last, y - y0);
      spread_strip(2 * p_.n, strip.count, p_.pitch, s_.histogram, cells(block_row - 1) + b,
                   cells(block_row) + b);
    }
  }

  EF_INLINE void make_votes(const Rows<In>& rows, int64_t begin, int64_t end, int64_t y) const {
    for (int64_t v = begin; v < end; ++v)
      vector_votes<kColours, kN, kBilinear, T>(rows, v * kLanes<T>, p_.colours, t_, votes(y));
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
    if (kBilinear) {  // so long a chain of operations that only other vectors fill the time
      make_votes(next, 0, vectors, y + 1);
      made = vectors;
    }
    for (int64_t j = 0; j < cell; ++j) {
      Corners<T> weight;
      std::memcpy(&weight, s_.weight + 4 * j, sizeof weight);
      weight *= factor;
      for (int k = 0; k <= static_cast<int>(kBilinear); ++k)
        cast_votes<kCell>(now.vote[k] + j, now.place[k] + j, cell, strip.count, weight,
                          s_.histogram);
      for (due += vectors; !kBilinear && due >= cell; due -= cell, ++made)
        make_votes(next, made, made + 1, y + 1);
    }
    if (more) strip.trim(votes(y + 1), kBilinear);
  }

  void finish_row(int64_t i, int64_t r, int64_t below) {
    const int64_t above = std::max<int64_t>(r - 1, 0), to = r - p_.dropped;
    T *upper = s_.inverse, *lower = s_.inverse + p_.pitch;
    block_inverses(p_, energy(above), energy(r), upper);
    block_inverses(p_, energy(r), energy(below), lower);
    const bool in_place = out_.stride[3] == 1 && p_.out_columns >= kLanes<T> && !a_.padded;
    const Planes<T> planes = in_place ? Planes<T>{out_.at(i, 0, to, 0), out_.stride[1], stream_}
                                      : Planes<T>{s_.row, p_.pitch, false};
    normalise_row(p_, a_.variant, cells(r), upper, lower, planes);
    if (a_.padded) {
      store_cells(p_, s_.row, out_.at(i, 0, to, 0), out_.stride[3]);
    } else if (!in_place) {
      store_row(p_, s_.row, out_, i, to);
    }
  }

  const HogArgs& a_;
  const HogPlan& p_;
  const OrientationTable& t_;
  HogScratch<In, T, Bit<T>> s_;
  View<const In, 4> image_;
  View<T, 4> out_;
  bool stream_;
};

EF_LEVEL_END
