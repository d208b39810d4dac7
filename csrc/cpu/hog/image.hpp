#pragma once
#include <cstring>

#include "cpu/hog/normalise.hpp"
#include "cpu/hog/voter.hpp"

// Rows stream through: image -> histogram of a strip of blocks -> a ring of three cell rows ->
// normalised row.
EF_LEVEL_BEGIN

template <class In, class T, int kColours, int kN, int kCell, bool kBilinear>
class HogImage {
 public:
  HogImage(const HogArgs& a, const HogPlan& p, const OrientationTable& t, char* memory)
      : a_(a), p_(p), s_(p, memory), voter_(a, p, t, s_.votes), out_(a.out.cast<T>()) {
    const int64_t padding = (whole_lines(p_.out_channels) - p_.out_channels) * p_.pitch;
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
      clear(block_row);
      voter_.block_row(i, block_row, cells(block_row - 1), cells(block_row));
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
  HogScratch<In, T, Bit<T>> s_;
  HogVoter<In, T, kColours, kN, kCell, kBilinear> voter_;
  View<T, 4> out_;
  bool stream_;
};

EF_LEVEL_END
