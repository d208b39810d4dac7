#pragma once
#include "cpu/feature_transform/gathered.hpp"
#include "cpu/feature_transform/mix.hpp"
#include "cpu/feature_transform/tile.hpp"

// Gradient of a dense mix: grad_out' times the gathered field, summed over cells. A task has one slab of
// cells and one panel of input channels; a slab's sums are its own, and added up in order at the end. The
// slabs are a matter of the sizes alone.
EF_LEVEL_BEGIN

template <class T>
class DenseMixGradient {
 public:
  DenseMixGradient(const MixShape& s, int threads, Carver& carver)
      : shape_(s),
        panels_(panels_of<T>(s.in)),
        rows_(whole_units(s.out)),
        slabs_(std::clamp<int64_t>(8 / std::max<int64_t>(panels_, 1), 1, cells() / 512 + 1)),
        sums_(carver.take<T>(slabs_ * panels_ * sums_size())),
        packed_(carver.take<T>(kCells * kPanel<T> * std::max(threads, 1))),
        last_(carver.take<T>(kCells * rows_)) {}

  void clear() { std::fill_n(sums_, slabs_ * panels_ * sums_size(), T(0)); }

  // One image. `grad` has whole_units(out) numbers in each cell but the last one.
  void add(const Source<T>& gathered, Cells<const T> grad, int threads) {
    const int64_t tail = std::min(cells(), kCells);
    copy_matrix<T>(grad.at(cells() - tail), {1, grad.step}, last_, {1, rows_}, shape_.out, tail);
    parallel_for(slabs_ * panels_, threads, [&](int64_t task, int worker) {
      const int64_t slab = task / panels_, panel = task % panels_;
      T* sums = sums_ + task * sums_size();
      for (int64_t at = cells() * slab / slabs_; at < cells() * (slab + 1) / slabs_; at += kCells) {
        const int64_t count = std::min(cells() * (slab + 1) / slabs_ - at, kCells);
        const bool last = at + count == cells();
        const Cells<const T> left =
            last ? Cells<const T>{last_ + (tail - count) * rows_, rows_}
                 : Cells<const T>{grad.at(at), grad.step};
        for (int64_t shift = 0; shift < shape_.window(); ++shift) {
          T* right = packed_ + kCells * kPanel<T> * worker;
          pack(gathered, at, count, shift, panel, right);
          add_tiles(left, count, right, sums + shift * rows_ * kPanel<T>);
        }
      }
    });
  }

  // (out, in * m * m)
  void finish(T* grad) const {
    const int64_t window = shape_.window();
    for (int64_t o = 0; o < shape_.out; ++o)
      for (int64_t i = 0; i < shape_.in; ++i)
        for (int64_t s = 0; s < window; ++s) grad[(o * shape_.in + i) * window + s] = total(o, i, s);
  }

 private:
  static constexpr int64_t kCells = 128;
  int64_t cells() const { return shape_.H * shape_.W; }
  int64_t sums_size() const { return shape_.window() * rows_ * kPanel<T>; }

  T total(int64_t o, int64_t i, int64_t s) const {
    const int64_t place = (s * rows_ + o) * kPanel<T> + i % kPanel<T>;
    T sum = 0;
    for (int64_t slab = 0; slab < slabs_; ++slab)
      sum += sums_[(slab * panels_ + i / kPanel<T>)*sums_size() + place];
    return sum;
  }

  // The channels of one panel of `count` gathered cells, as they stand `shift` away.
  void pack(Source<T> s, int64_t first, int64_t count, int64_t shift, int64_t panel, T* to) const {
    const int64_t half = shape_.m / 2, used = std::min(s.channels - panel * kPanel<T>, kPanel<T>);
    s.field.data += panel * kPanel<T>;
    s.channels = used;
    if (used <= kLanes<T>) std::fill_n(to, count * kPanel<T>, T(0));
    const T* places[kCells];
    if (shape_.m == 1) {
      point(s, first, count, to, kPanel<T>, places);
      if (!s.plain()) return;
    } else {
      point_away(s, shape_.H, shape_.W, first, count, shift / shape_.m - half,
                 shift % shape_.m - half, places);
    }
    const First<T> low(std::min<int64_t>(used, kLanes<T>)),
        high(std::max<int64_t>(used - kLanes<T>, 0));
    for (int64_t j = 0; j < count; ++j, to += kPanel<T>) {
      store(to, low.load(places[j]));
      if (used > kLanes<T>) store(to + kLanes<T>, high.load(places[j] + kLanes<T>));
    }
  }

  void add_tiles(Cells<const T> left, int64_t count, const T* right, T* sums) const {
    for (int64_t o = 0; o < shape_.out;) {
      o += with_tile_rows(shape_.out - o, [&](auto rows) {
        constexpr int kRows = decltype(rows)::value;
        T* to = sums + o * kPanel<T>;
        Values<T> tile[kRows][2] = {};
        multiply(NeighbourRows<T>{left.data + o, left.step}, count, right, tile);
        for (int r = 0; r < kRows; ++r)
          for (int v = 0; v < 2; ++v) {
            T* sum = to + r * kPanel<T> + v * kLanes<T>;
            store(sum, load(sum) + tile[r][v]);
          }
      });
    }
  }

  MixShape shape_;
  int64_t panels_, rows_, slabs_;
  T *sums_, *packed_, *last_;
};

EF_LEVEL_END
