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
        panels_(carver.take<T>(panels_of<T>(shape.out) * panel_size())),
        bias_(carver.take<T>(panels_of<T>(shape.out) * kPanel<T>)) {}

  // Panel after panel: for each step (dy, dx, input channel) the values of its output channels.
  void prepare(const DenseValues<T>& mix, const T* bias, int threads) {
    parallel_for(panels_of<T>(shape_.out), threads, [&](int64_t panel, int) {
      const int64_t first = panel * kPanel<T>, count = columns_of(panel);
      T* to = panels_ + panel * panel_size();
      std::fill_n(bias_ + first, kPanel<T>, T(0));
      if (bias) std::copy_n(bias + first, count, bias_ + first);
      if (count < kPanel<T>) std::fill_n(to, panel_size(), T(0));
      for (int64_t s = 0; s < shape_.window(); ++s, to += shape_.in * kPanel<T>)
        copy_matrix(mix.values + first * mix.out_step + s * mix.shift_step,
                    {mix.out_step, mix.in_step}, to, {1, kPanel<T>}, count, shape_.in);
    });
  }

  // The cells whose places `cells` holds, `pitch` of them for each shift, to rows of cells.
  void run(const T* const* cells, int64_t pitch, int64_t count, Cells<T> out) const {
    for (int64_t panel = 0; panel < panels_of<T>(shape_.out); ++panel) {
      for (int64_t j = 0; j < count;) {
        const TileTarget<T> to{out.at(j) + panel * kPanel<T>, out.step, count - j,
                               columns_of(panel)};
        j += with_tile_rows(count - j, [&](auto rows) {
          if (to.columns > kLanes<T>) {
            mix_tile<decltype(rows)::value, 2>(cells + j, pitch, panel, to);
          } else {
            mix_tile<decltype(rows)::value, 1>(cells + j, pitch, panel, to);
          }
        });
      }
    }
  }

 private:
  int64_t panel_size() const { return shape_.window() * shape_.in * kPanel<T>; }
  int64_t columns_of(int64_t panel) const {
    return std::min(shape_.out - panel * kPanel<T>, kPanel<T>);
  }

  template <int kRows, int kVectors>
  void mix_tile(const T* const* cells, int64_t pitch, int64_t panel,
                const TileTarget<T>& to) const {
    Values<T> sums[kRows][kVectors];
    const T* bias = bias_ + panel * kPanel<T>;
    for (int v = 0; v < kVectors; ++v)
      for (int r = 0; r < kRows; ++r) sums[r][v] = load(bias + v * kLanes<T>);
    const T* values = panels_ + panel * panel_size();
    for (int64_t s = 0; s < shape_.window(); ++s, values += shape_.in * kPanel<T>)
      multiply(LooseRows<T, kRows>(cells + s * pitch), shape_.in, values, sums);
    put(sums, to);
  }

  MixShape shape_;
  T *panels_, *bias_;
};

EF_LEVEL_END
