#pragma once
#include <cmath>

#include "cpu/lanes.hpp"
#include "cpu/shuffles.hpp"
#include "cpu/skimage_hog/plan.hpp"

// Cells to normalised blocks.
EF_LEVEL_BEGIN

// As skimage has them.
constexpr double kNormEpsilon = 1e-5, kNormClip = 0.2;

// The numbers of a finished block, as they leave: `from` times `scale`, or the root of that.
template <bool kRoot>
EF_INLINE Values<double> finished(const float* from, double scale, const double*) {
  const Values<double> v = widened(from) * all(scale);
  return kRoot ? root(v) : v;
}
template <bool kRoot>
EF_INLINE Values<float> finished(const float* from, double scale, const float*) {
  const Values<float> v = load(from) * all(static_cast<float>(scale));
  return kRoot ? root(v) : v;
}

template <BlockNorm kNorm, class Out>
class BlockRows {
 public:
  BlockRows(const SkimageHogBlocks& a, const BlocksPlan& p, char* memory)
      : a_(a), p_(p), s_(a, p, memory) {}

  // Rows [first, last) of blocks.
  void run(int64_t first, int64_t last) {
    for (int64_t row = first; row < first + a_.block_rows - 1; ++row) sum_cells(row);
    for (int64_t r = first; r < last; ++r) {
      sum_cells(r + a_.block_rows - 1);
      sum_blocks();
      for (int64_t c = 0; c < p_.columns; c += p_.strip)
        make_strip(r, c, std::min(p_.strip, p_.columns - c));
    }
  }

 private:
  static constexpr bool kSquares = kNorm == BlockNorm::l2 || kNorm == BlockNorm::l2_hys;

  void sum_cells(int64_t row) {
    const float* from = a_.histogram + row * a_.pitch;
    double* sums = s_.sums + row % a_.block_rows * a_.columns;
    for (int64_t c = 0; c < a_.columns; ++c, from += a_.orientations) {
      double sum = 0;
      for (int k = 0; k < a_.orientations; ++k) {
        const double value = from[k];
        sum += kSquares ? value * value : value;  // no mean length is below 0
      }
      sums[c] = sum;
    }
  }

  // The order of the ring's rows is not that of the cells; every block has the same one.
  void sum_blocks() {
    const int64_t columns = a_.columns;
    double *EF_RESTRICT column = s_.column, *EF_RESTRICT scale = s_.scale;
    std::copy_n(s_.sums, columns, column);
    for (int64_t row = 1; row < a_.block_rows; ++row) {
      const double* EF_RESTRICT sums = s_.sums + row * columns;
      for (int64_t c = 0; c < columns; ++c) column[c] += sums[c];
    }
    std::copy_n(column, p_.columns, scale);
    for (int64_t k = 1; k < a_.block_columns; ++k) {
      for (int64_t c = 0; c < p_.columns; ++c) scale[c] += column[c + k];
    }
    for (int64_t c = 0; c < p_.columns; ++c) {
      scale[c] = kSquares ? 1 / std::sqrt(scale[c] + kNormEpsilon * kNormEpsilon)
                          : 1 / (scale[c] + kNormEpsilon);
    }
  }

  void make_strip(int64_t r, int64_t first, int64_t count) {
    gather(r, first, count);
    if (kNorm == BlockNorm::l2_hys) clipped_scales(s_.scale + first, count);
    Out* to = static_cast<Out*>(a_.out) + (r * p_.columns + first) * p_.size;
    int64_t left = (p_.columns - first) * p_.size;
    for (int64_t b = 0; b < count; ++b, to += p_.size, left -= p_.size)
      write(s_.block + b * p_.room, s_.scale[first + b], to, left);
  }

  // Brings together the rows of cells of each block; what follows in the last vector is 0.
  void gather(int64_t r, int64_t first, int64_t count) const {
    float* to = s_.block;
    for (int64_t b = 0; b < count; ++b, to += p_.room) {
      const Values<float> scale = all(static_cast<float>(s_.scale[first + b])),
                          clip = all(static_cast<float>(kNormClip));
      for (int64_t row = 0; row < a_.block_rows; ++row) {
        const float* from = a_.histogram + (r + row) * a_.pitch + (first + b) * a_.orientations;
        for (int64_t i = 0; i < p_.run; i += kLanes<float>) {
          const Values<float> v = load(from + i);
          store(to + row * p_.run + i, kNorm == BlockNorm::l2_hys ? smaller(clip, v * scale) : v);
        }
      }
      for (int64_t i = p_.size; i < p_.room; i += kLanes<float>) store(to + i, Values<float>{});
    }
  }

  // The sums of as many blocks as there are lanes are brought together by a transposition.
  void clipped_scales(double* scale, int64_t count) const {
    for (int64_t first = 0; first < count; first += kLanes<float>) {
      const int64_t blocks = std::min<int64_t>(count - first, kLanes<float>);
      Values<float> sum[kLanes<float>] = {};
      for (int64_t b = 0; b < blocks; ++b) {
        const float* block = s_.block + (first + b) * p_.room;
        for (int64_t i = 0; i < p_.room; i += kLanes<float>)
          sum[b] = product_plus(load(block + i), load(block + i), sum[b]);
      }
      transpose<float>(sum);
      for (int step = kLanes<float> / 2; step > 0; step /= 2) {
        for (int l = 0; l < step; ++l) sum[l] += sum[l + step];
      }
      float total[kLanes<float>];
      store(total, sum[0]);
      for (int64_t b = 0; b < blocks; ++b)
        scale[first + b] = 1 / std::sqrt(total[b] + kNormEpsilon * kNormEpsilon);
    }
  }

  // In whole vectors, over the beginning of the next blocks as far as there are any: `left` numbers to the
  // end of the row.
  EF_INLINE void write(const float* block, double scale, Out* to, int64_t left) const {
    constexpr bool kRoot = kNorm == BlockNorm::l1_sqrt;
    const int64_t end = std::min(p_.size, left - kLanes<Out> + 1);
    int64_t i = 0;
    for (; i < end; i += kLanes<Out>) store(to + i, finished<kRoot>(block + i, scale, to));
    if (i >= p_.size) return;
    const auto rest = finished<kRoot>(block + i, scale, to);
    for (int64_t l = 0; i + l < p_.size; ++l) to[i + l] = rest[l];
  }

  const SkimageHogBlocks& a_;
  const BlocksPlan& p_;
  const BlocksScratch s_;
};

EF_LEVEL_END
