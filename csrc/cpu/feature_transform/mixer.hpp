#pragma once
#include <optional>

#include "cpu/feature_transform/dense.hpp"
#include "cpu/feature_transform/permute.hpp"
#include "cpu/feature_transform/sparse.hpp"

// The mix of a call, in the form that suits it, and the tasks that its cells are cut into.
EF_LEVEL_BEGIN

template <class T>
struct MixValues {
  DenseValues<T> dense;
  SparseValues<T> sparse;
  int64_t count;  // of sparse values; below 0: it is dense

  bool is_dense() const { return count < 0; }
  static MixValues of(const ChannelMix& mix, const MixShape& s) {
    const T* values = static_cast<const T*>(mix.values);
    if (!mix.column) return {DenseValues<T>::of(values, s), {}, -1};
    return {{}, {values, mix.column, mix.row_begin}, mix.count};
  }
};

template <class T>
class Mixer {
 public:
  static constexpr int64_t kTaskProducts = int64_t{1} << 20;

  Mixer(const MixShape& s, int64_t count, int64_t images, int threads, Carver& carver)
      : shape_(s), in_pitch_(pitch_of<T>(s.in)), out_pitch_(pitch_of<T>(s.out)) {
    const int64_t filters = count < 0 ? s.out * s.columns() : count;
    plan_tasks(filters + 8 * (s.in + s.out), count >= 0, images, threads);
    const int64_t workers = std::max(threads, 1);
    if (count < 0) {
      dense_.emplace(s, carver);
    } else {
      permute_.emplace(s, carver);
      sparse_.emplace(s, count, s.W ? task_ / s.W : 1, carver);
      planes_ = carver.take<T>(sparse_->planes_size() * workers);
      run_sums_ = carver.take<T>(sparse_->sums_size() * workers);
    }
    blends_ = carver.take<T>(kBlock * in_pitch_ * workers);
    sums_ = carver.take<T>(kBlock * out_pitch_ * workers);
    places_ = carver.take<const T*>(places_size() * workers);
  }

  void prepare(const MixValues<T>& mix, const T* bias, int threads) {
    if (dense_) return dense_->prepare(mix.dense, bias, threads);
    by_rows_ = !permute_->prepare(mix.sparse, bias);
    if (by_rows_) sparse_->prepare(mix.sparse, bias);
  }

  int64_t tasks() const { return tasks_; }  // of an image
  int64_t task_cells() const { return task_; }

  void run(const Source<T>& s, int64_t task, int worker, const Target<T>& out) const {
    const int64_t first = task * task_, count = std::min(task_, shape_.H * shape_.W - first);
    if (!by_rows_) {
      const int64_t blocks = (count + kBlock - 1) / kBlock,
                    block = whole_units((count + blocks - 1) / blocks);
      for (int64_t j = 0; j < count; j += block)
        run_block(s, first + j, std::min(count - j, block), worker, out);
      return;
    }
    const typename SparseMix<T>::Room room{planes_ + sparse_->planes_size() * worker,
                                           blends_ + kBlock * in_pitch_ * worker,
                                           run_sums_ + sparse_->sums_size() * worker, in_pitch_};
    if (shape_.m == 1) return sparse_->run_cells(s, first, count, room, out);
    sparse_->run_rows(s, first / shape_.W, count / shape_.W, room, out);
  }

 private:
  static constexpr int64_t kBlock = 96;  // cells whose blends and sums stay in the cache
  int64_t places_size() const { return kBlock * shape_.window() + kTileRows; }

  // As many tasks as the threads can share evenly, but no smaller than a block; whole rows where a
  // sparse mix reaches across rows.
  void plan_tasks(int64_t products, bool sparse, int64_t images, int threads) {
    const int64_t cells = shape_.H * shape_.W, even = images > threads ? 1 : std::max(threads, 1),
                  unit = sparse && shape_.m > 1 ? std::max<int64_t>(shape_.W, 1) : kUnit;
    tasks_ = std::max<int64_t>(products * cells / kTaskProducts, 1);
    tasks_ = std::min(tasks_, cells / kBlock + 1);
    tasks_ = (tasks_ + even - 1) / even * even;
    task_ = std::max(((cells + tasks_ - 1) / tasks_ + unit - 1) / unit * unit, unit);
    tasks_ = (cells + task_ - 1) / task_;
  }

  void run_block(const Source<T>& s, int64_t first, int64_t count, int worker,
                 const Target<T>& out) const {
    const T** places = places_ + places_size() * worker;
    point_all(s, first, count, blends_ + kBlock * in_pitch_ * worker, places);
    T* sums = sums_ + kBlock * out_pitch_ * worker;
    const Cells<T> to = out.in_cells() ? out.cells(first) : Cells<T>{sums, out_pitch_};
    if (dense_) {
      dense_->run(places, kBlock, count, to);
    } else {
      permute_->run(places, count, to);
    }
    if (!out.in_cells()) out.take(sums, {1, out_pitch_}, first, count);
  }

  // kBlock places for each shift; those behind the last cell repeat it, to fill a tile.
  void point_all(const Source<T>& s, int64_t first, int64_t count, T* blends,
                 const T** places) const {
    const int64_t half = shape_.m / 2;
    for (int64_t shift = 0; shift < shape_.window(); ++shift, places += kBlock) {
      if (shape_.m == 1) {
        point(s, first, count, blends, in_pitch_, places);
      } else {
        point_away(s, shape_.H, shape_.W, first, count, shift / shape_.m - half,
                   shift % shape_.m - half, places);
      }
      const int64_t filled = std::min(count + kTileRows - 1, kBlock);
      for (int64_t j = count; j < filled; ++j) places[j] = places[count - 1];
    }
  }

  MixShape shape_;
  int64_t in_pitch_, out_pitch_, task_ = 1, tasks_ = 0;
  bool by_rows_ = false;
  std::optional<DenseMix<T>> dense_;
  std::optional<PermuteMix<T>> permute_;
  std::optional<SparseMix<T>> sparse_;
  T *planes_ = nullptr, *run_sums_ = nullptr, *blends_, *sums_;
  const T** places_;
};

EF_LEVEL_END
