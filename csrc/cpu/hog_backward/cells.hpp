#pragma once
#include "cpu/hog/voter.hpp"
#include "cpu/hog_backward/blocks.hpp"

// The gradient with respect to the cells of an image, row after row as it is asked for: votes run two
// rows ahead, for a cell's gradient depends on the cells around it.
EF_LEVEL_BEGIN

template <class T, int kColours, int kN, int kCell, bool kBilinear>
class CellGradient {
 public:
  CellGradient(const HogArgs& a, const BackwardPlan& p, const OrientationTable& t,
               const View<const T, 4>& grad, const BackwardScratch<T, Bit<T>>& scratch)
      : p_(p),
        s_(scratch.cells),
        voter_(a, p, t, scratch.votes),
        variant_(a.variant),
        grad_(grad),
        size_(2 * p.n * p.pitch) {
    std::fill_n(s_.zeros, size_, T(0));
  }

  // Rows from `row` on, of image i, will be asked for in order.
  void start(int64_t i, int64_t row) {
    i_ = i;
    finished_ = std::max<int64_t>(row, 0) - 1;
    begun_ = std::max<int64_t>(finished_, 0) - 1;
    first_ = std::max<int64_t>(begun_, 0);
    voted_ = first_ - 1;
    std::fill_n(cells(voted_), size_, T(0));
    std::fill_n(s_.below, p_.pitch, T(0));
  }

  // [2 n][pitch]; it is kept until the row after the next is asked for. Zeros outside.
  const T* row(int64_t r) {
    if (r < 0 || r >= p_.rows) return s_.zeros;
    while (finished_ < r) {
      while (begun_ < std::min(finished_ + 2, p_.rows - 1)) begin_row(++begun_);
      finish_row(++finished_);
    }
    return gradient(r);
  }

 private:
  // Rows may be -1, and `rows`.
  T* cells(int64_t r) const { return s_.cells + (r + 4) % 4 * size_; }
  T* gradient(int64_t r) const { return s_.gradient + r % 2 * size_; }
  T* direct(int64_t r) const { return s_.direct + r % 2 * size_; }
  T* block(int64_t r) const { return s_.block + r % 3 * p_.pitch; }
  const T* energy(int64_t r) const {
    return s_.energy + std::min(std::max<int64_t>(r, 0), p_.rows - 1) % 4 * p_.pitch;
  }

  // Cells and energies up to row r. The row before the first one gets votes as well; nobody reads it.
  void count(int64_t r) {
    while (voted_ <= r) {
      ++voted_;
      std::fill_n(cells(voted_), size_, T(0));
      voter_.block_row(i_, voted_, cells(voted_ - 1), cells(voted_));
      const int64_t done = voted_ - 1;
      if (done >= first_) cell_energies(p_, cells(done), s_.energy + done % 4 * p_.pitch);
    }
  }

  // The direct part of row r, and the gradient of the energies of the blocks above it.
  void begin_row(int64_t r) {
    count(std::min(r + 1, p_.rows - 1));
    block_inverses(p_, energy(r - 1), energy(r), s_.inverse);
    block_inverses(p_, energy(r), energy(r + 1), s_.inverse + p_.pitch);
    const int64_t row = r - p_.dropped;
    if (row >= 0 && row < p_.out_rows) {
      load_row(p_, grad_, i_, row, s_.grad);
      row_back(p_, variant_, cells(r), s_, direct(r));
    } else {
      std::fill_n(direct(r), size_, T(0));
      for (T* share : s_.share) std::fill_n(share, p_.pitch, T(0));
    }
    for (T* share : s_.share) share[0] = share[p_.columns + 1] = T(0);
    add_shares(s_.share[0], s_.share[1], s_.below);  // of both rows now
    energy_gradient(s_.inverse, s_.below, block(r));
    std::fill_n(s_.below, p_.columns + 1, T(0));
    add_shares(s_.share[2], s_.share[3], s_.below);
    if (r == p_.rows - 1) energy_gradient(s_.inverse + p_.pitch, s_.below, block(r + 1));
  }

  // Block c is on the left of cell c and on the right of cell c - 1.
  void add_shares(const T* EF_RESTRICT left, const T* EF_RESTRICT right, T* EF_RESTRICT to) const {
    for (int64_t c = 0; c <= p_.columns; ++c) to[c] += left[c + 1] + right[c];
  }

  // Through 1 / l = (l^2)^(-1/2).
  void energy_gradient(const T* EF_RESTRICT inverse, const T* EF_RESTRICT grad,
                       T* EF_RESTRICT to) const {
    for (int64_t c = 0; c <= p_.columns; ++c)
      to[c] = T(-0.5) * (inverse[c] * inverse[c] * inverse[c]) * grad[c];
  }

  // Adds what comes through the energies. Cells at the edge stand for their copies outside as well.
  void finish_row(int64_t r) const {
    const T top = r == 0 ? 2 : 1, bottom = r == p_.rows - 1 ? 2 : 1;
    const T *EF_RESTRICT upper = block(r), *EF_RESTRICT lower = block(r + 1);
    T* EF_RESTRICT sum = s_.sum;
    for (int64_t c = 0; c <= p_.columns; ++c) sum[c] = top * upper[c] + bottom * lower[c];
    const T left = sum[0], right = sum[p_.columns];
    for (int64_t c = 0; c < p_.columns; ++c) sum[c] += sum[c + 1];
    sum[0] += left;
    sum[p_.columns - 1] += right;
    for (int64_t k = 0; k < p_.n; ++k) add_energies(r, k * p_.pitch + 1);
  }

  void add_energies(int64_t r, int64_t at) const {
    const int64_t opposite = p_.n * p_.pitch, columns = p_.columns;
    const T *EF_RESTRICT from = cells(r) + at, *EF_RESTRICT part = direct(r) + at,
                         *EF_RESTRICT energy = s_.sum;
    T* EF_RESTRICT to = gradient(r) + at;
    for (int64_t c = 0; c < columns; ++c) {
      const T more = 2 * (from[c] + from[c + opposite]) * energy[c];
      to[c] = part[c] + more;
      to[c + opposite] = part[c + opposite] + more;
    }
    to[-1] = to[opposite - 1] = to[columns] = to[opposite + columns] = T(0);
  }

  const BackwardPlan& p_;
  const CellScratch<T>& s_;
  const HogVoter<T, T, kColours, kN, kCell, kBilinear> voter_;
  const HogVariant variant_;
  const View<const T, 4>& grad_;
  const int64_t size_;  // of a row
  int64_t i_ = 0, first_ = 0, voted_ = 0, begun_ = 0, finished_ = 0;
};

EF_LEVEL_END
