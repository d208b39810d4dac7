#pragma once
#include "cpu/feature_transform/mix.hpp"
#include "cpu/feature_transform/source.hpp"
#include "cpu/feature_transform/tile.hpp"

// A dense mix as a matrix product: tiles of cells by panels of output channels.
EF_LEVEL_BEGIN

template <class T>
class DenseMix {
 public:
  DenseMix(const MixShape& shape, Carver& carver)
      : shape_(shape),
        values_(carver.take<T>(vectors() * vector_size())),
        bias_(carver.take<T>(vectors() * kLanes<T>)) {}

  // Panel after panel: for each step (dy, dx, input channel) the values of its output channels.
  void prepare(const DenseValues<T>& mix, const T* bias, int threads) {
    std::fill_n(bias_, vectors() * kLanes<T>, T(0));
    if (bias) std::copy_n(bias, shape_.out, bias_);
    parallel_for(vectors(), threads, [&](int64_t v, int) {
      int64_t panel = 0;
      while (panel + width(panel) <= v) panel += width(panel);
      const int64_t columns = width(panel) * kLanes<T>, first = v * kLanes<T>,
                    count = std::min<int64_t>(shape_.out - first, kLanes<T>);
      T* to = values_ + panel * vector_size() + (v - panel) * kLanes<T>;
      if (count < kLanes<T>)
        for (int64_t step = 0; step < shape_.columns(); ++step)
          store(to + step * columns, Values<T>{});
      for (int64_t s = 0; s < shape_.window(); ++s)
        copy_matrix(mix.values + first * mix.out_step + s * mix.shift_step,
                    {mix.out_step, mix.in_step}, to + s * shape_.in * columns, {1, columns}, count,
                    shape_.in);
    });
  }

  // The cells whose places `cells` holds, `pitch` of them for each shift, to rows of cells.
  void run(const T* const* cells, int64_t pitch, int64_t count, Cells<T> out) const {
    for (int64_t v = 0; v < vectors(); v += width(v)) {
      const int64_t first = v * kLanes<T>;
      const TileTarget<T> to{out.data + first, out.step, count,
                             std::min<int64_t>(shape_.out - first, width(v) * kLanes<T>)};
      if (width(v) == 1) {
        mix_panel<1>(cells, pitch, v, to);
      } else if (width(v) == 2) {
        mix_panel<2>(cells, pitch, v, to);
      } else {
        mix_panel<kWidest>(cells, pitch, v, to);
      }
    }
  }

 private:
  int64_t vectors() const { return whole_vectors<T>(shape_.out) / kLanes<T>; }
  int64_t vector_size() const { return shape_.columns() * kLanes<T>; }

  // Vectors of the panel that begins with this one: as many as possible, but two and two rather than three
  // and one.
  int64_t width(int64_t first) const {
    const int64_t left = vectors() - first;
    return left == kWidest + 1 ? 2 : std::min<int64_t>(left, kWidest);
  }

  template <int kVectors>
  void mix_panel(const T* const* cells, int64_t pitch, int64_t v, TileTarget<T> to) const {
    while (to.rows > 0) {
      const int64_t done = with_tile_rows(to.rows, [&](auto rows) {
        constexpr int kRows = decltype(rows)::value;
        mix_tile<kRows, kVectors>(cells, pitch, v, to);
      });
      cells += done;
      to.data += done * to.step;
      to.rows -= done;
    }
  }

  template <int kRows, int kVectors>
  EF_APART void mix_tile(const T* const* cells, int64_t pitch, int64_t v, TileTarget<T> to) const {
    Values<T> sums[kRows][kVectors];
#pragma GCC unroll 3
    for (int l = 0; l < kVectors; ++l) {
      const Values<T> bias = load(bias_ + (v + l) * kLanes<T>);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sums[r][l] = bias;
    }
    const T* values = values_ + v * vector_size();
    for (int64_t s = 0; s < shape_.window(); ++s, values += shape_.in * kVectors * kLanes<T>)
      multiply(LooseRows<T, kRows>(cells + s * pitch), shape_.in, values, sums);
    put(sums, to);
  }

  MixShape shape_;
  T *values_, *bias_;
};

EF_LEVEL_END
