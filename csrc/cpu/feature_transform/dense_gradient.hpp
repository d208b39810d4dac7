#pragma once
#include "cpu/feature_transform/gathered.hpp"
#include "cpu/feature_transform/mix.hpp"
#include "cpu/feature_transform/tile.hpp"

// Gradient of a dense mix: grad_out' times the gathered field, summed over cells. A task has one slab of
// cells and one group of panels of input channels; a slab's sums are its own, and added up in order at the
// end. Slabs and groups are a matter of the sizes alone.
EF_LEVEL_BEGIN

// Columns of a panel: input channels.
template <class T>
constexpr int64_t kPanel = 2 * kLanes<T>;

template <class T>
class DenseMixGradient {
 public:
  DenseMixGradient(const MixShape& s, int threads, Carver& carver)
      : shape_(s),
        panels_((s.in + kPanel<T> - 1) / kPanel<T>),
        rows_(whole_units(s.out)),
        left_pitch_(pitch_of<T>(rows_)),
        slabs_(std::clamp<int64_t>(std::min(cells() / 512, kSums / (panels_ * sums_size() + 1)), 1,
                                   kTasks)),
        groups_(std::clamp<int64_t>(panels_, 1, kTasks / slabs_)),
        sums_(carver.take<T>(slabs_ * panels_ * sums_size())),
        left_(carver.take<T>(kCells * left_pitch_ * std::max(threads, 1))),
        right_(carver.take<T>(kCells * kPanel<T> * std::max(threads, 1))) {}

  void clear() { std::fill_n(sums_, slabs_ * panels_ * sums_size(), T(0)); }

  // One image. Cells in blocks that stay in the cache, once for each panel of a group.
  void add(const Source<T>& gathered, Cells<const T> grad, int threads) {
    parallel_for(slabs_ * groups_, threads, [&](int64_t task, int worker) {
      const int64_t slab = task / groups_, group = task % groups_;
      const int64_t end = cells() * (slab + 1) / slabs_;
      T* left = left_ + kCells * left_pitch_ * worker;
      T* right = right_ + kCells * kPanel<T> * worker;
      for (int64_t at = cells() * slab / slabs_; at < end; at += kCells) {
        const int64_t count = std::min(end - at, kCells);
        for (int64_t j = 0; j < count; ++j)
          copy_line(grad.at(at + j), left + j * left_pitch_, shape_.out);
        for (int64_t panel = panels_ * group / groups_; panel < panels_ * (group + 1) / groups_;
             ++panel) {
          T* sums = sums_ + (slab * panels_ + panel) * sums_size();
          for (int64_t shift = 0; shift < shape_.window(); ++shift) {
            pack(gathered, at, count, shift, panel, right);
            add_tiles(left, count, right, sums + shift * rows_ * kPanel<T>);
          }
        }
      }
    });
  }

  // (out, in * m * m)
  void finish(T* grad) const {
    const int64_t window = shape_.window();
    T sums[kPanel<T>];
    for (int64_t o = 0; o < shape_.out; ++o) {
      for (int64_t panel = 0; panel < panels_; ++panel) {
        const int64_t first = panel * kPanel<T>, count = std::min(shape_.in - first, kPanel<T>);
        for (int64_t s = 0; s < window; ++s) {
          T* to = grad + (o * shape_.in + first) * window + s;
          total(panel, s * rows_ + o, sums);
          if (window == 1) {
            copy_line(sums, to, count);
          } else {
            for (int64_t i = 0; i < count; ++i) to[i * window] = sums[i];
          }
        }
      }
    }
  }

 private:
  static constexpr int64_t kCells = 128, kTasks = 8, kSums = int64_t{1} << 18;
  int64_t cells() const { return shape_.H * shape_.W; }
  int64_t sums_size() const { return shape_.window() * rows_ * kPanel<T>; }

  void total(int64_t panel, int64_t row, T* to) const {
    for (int64_t l = 0; l < kPanel<T>; l += kLanes<T>) {
      Values<T> sum{};
      for (int64_t slab = 0; slab < slabs_; ++slab)
        sum += load(sums_ + (slab * panels_ + panel) * sums_size() + row * kPanel<T> + l);
      store(to + l, sum);
    }
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

  void add_tiles(const T* left, int64_t count, const T* right, T* sums) const {
    for (int64_t o = 0; o < shape_.out;) {
      o += with_tile_rows(shape_.out - o, [&](auto rows) {
        constexpr int kRows = decltype(rows)::value;
        T* to = sums + o * kPanel<T>;
        Values<T> tile[kRows][2] = {};
        multiply(NeighbourRows<T>{left + o, left_pitch_}, count, right, tile);
        for (int r = 0; r < kRows; ++r)
          for (int v = 0; v < 2; ++v) {
            T* sum = to + r * kPanel<T> + v * kLanes<T>;
            store(sum, load(sum) + tile[r][v]);
          }
      });
    }
  }

  MixShape shape_;
  int64_t panels_, rows_, left_pitch_, slabs_, groups_;
  T *sums_, *left_, *right_;
};

EF_LEVEL_END
