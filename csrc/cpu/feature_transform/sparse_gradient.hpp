#pragma once
#include "cpu/feature_transform/mix.hpp"
#include "cpu/feature_transform/planes.hpp"
#include "cpu/parallel.hpp"

// Gradient of a sparse mix: for each of its values one product of a plane of grad_out and a plane of the
// gathered field. The threads share out the rows of the mix.
EF_LEVEL_BEGIN

template <class T>
class SparseMixGradient {
 public:
  SparseMixGradient(const MixShape& s, Carver& carver)
      : shape_(s),
        planes_(s.H, s.W, s.m),
        gathered_(carver.take<T>(s.in * planes_.plane)),
        grad_(carver.take<T>(s.out * planes_.plane)),
        blends_(carver.take<T>(pitch() * kLanes<T>)) {}

  // One image. `grad` and `gathered` are plain, or there is no border.
  void add(const Source<T>& gathered, const Source<T>& grad, const SparseValues<T>& mix,
           int threads, T* sums) {
    spread(gathered, shape_.in, gathered_);
    spread(grad, shape_.out, grad_);
    parallel_for(shape_.out, threads, [&](int64_t o, int) {
      for (int64_t e = mix.row_begin[o]; e < mix.row_begin[o + 1]; ++e)
        sums[e] +=
            product(grad_ + planes_.at(o, 0, 0),
                    gathered_ + planes_.at(0, 0, 0) + planes_.offset(shape_.m, mix.column[e]));
    });
  }

 private:
  static constexpr int kVectors = 4;
  int64_t pitch() const { return whole_vectors<T>(shape_.in); }

  void spread(const Source<T>& s, int64_t channels, T* to) const {
    if (planes_.border) std::fill_n(to, channels * planes_.plane, T(0));
    for (int64_t y = 0; y < shape_.H; ++y)
      gather_planes(s, y * shape_.W, shape_.W, blends_, pitch(), to + planes_.at(0, y, 0),
                    planes_.plane);
  }

  // The border of grad_out is 0, so that whole runs can be multiplied.
  T product(const T* a, const T* b) const {
    const int64_t run = shape_.H * planes_.pitch - 2 * planes_.border;
    Values<T> sums[kVectors] = {};
    int64_t x = 0;
    for (; x + kVectors * kLanes<T> <= run; x += kVectors * kLanes<T>)
      for (int v = 0; v < kVectors; ++v)
        sums[v] = product_plus(load(a + x + v * kLanes<T>), load(b + x + v * kLanes<T>), sums[v]);
    for (; x < run; x += kLanes<T>) {
      const First<T> rest(std::min<int64_t>(run - x, kLanes<T>));
      sums[0] = product_plus(rest.load(a + x), rest.load(b + x), sums[0]);
    }
    const Values<T> both = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    T total = 0;
    for (int l = 0; l < kLanes<T>; ++l) total += both[l];
    return total;
  }

  MixShape shape_;
  Planes planes_;
  T *gathered_, *grad_, *blends_;
};

EF_LEVEL_END
