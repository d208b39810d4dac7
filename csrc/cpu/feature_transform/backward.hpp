#pragma once
#include "cpu/feature_transform/dense_gradient.hpp"
#include "cpu/feature_transform/mixer.hpp"
#include "cpu/feature_transform/scatter.hpp"
#include "cpu/feature_transform/sparse_gradient.hpp"

// Gradients, image after image; the threads share out channels, cells or parts of the mix within one
// image, so every sum over images has one order and nothing is shared between writers.
EF_LEVEL_BEGIN

template <class T>
class Backward {
 public:
  Backward(const FeatureTransformGradients& a, void* memory)
      : a_(a),
        f_(a.forward),
        shape_{f_.x.size[1], a.grad_out.size[1], a.grad_out.size[2], a.grad_out.size[3], f_.mix.m},
        carver_(memory),
        gathered_(f_, cells(), 1, carver_),
        grad_(a.grad_out.cast<const T>(), lies_in_cells(a.grad_out.cast<const T>()), 1, carver_),
        grad_x_(a.grad_x.cast<T>(), carver_),
        pitch_(pitch_of<T>(shape_.in)),
        wants_gathered_(a.grad_x.data || a.grad_weight) {
    const int64_t count = f_.mix.column ? f_.mix.count : -1;
    if (count >= 0) turned_.emplace(shape_, count, carver_);
    if (wants_gathered_) {
      mixer_.emplace(shape_.turned(), count, 1, f_.threads, carver_);
      const int64_t task = mixer_->task_cells();
      part_tasks_ = std::max<int64_t>(kPart / (task * pitch_), std::max(f_.threads, 1));
      gathered_grad_ = carver_.template take<T>(std::min(part_tasks_ * task, cells()) * pitch_);
    }
    zero_ = carver_.template take<T>(pitch_of<T>(shape_.out));
    if (a.grad_mix && count < 0) dense_.emplace(shape_, f_.threads, carver_);
    if (a.grad_mix && count >= 0) sparse_.emplace(shape_, carver_);
  }
  size_t bytes() const { return carver_.bytes(); }

  void run() {
    mix_ = MixValues<T>::of(f_.mix, shape_);
    prepare();
    for (int64_t i = 0; i < f_.x.size[0]; ++i) {
      grad_.stage(i, 1, f_.threads);
      if (a_.grad_mix || a_.grad_weight) gathered_.stage(i, 1);
      const Source<T> grad{grad_.image(i), zero_, nullptr, nullptr, 1, shape_.out};
      if (dense_) dense_->add(gathered_.image(i), grad.field, f_.threads);
      if (sparse_)
        sparse_->add(gathered_.image(i), grad, mix_.sparse, f_.threads,
                     static_cast<T*>(a_.grad_mix));
      if (a_.grad_bias) add_grad_bias(grad.field);
      for (int64_t t = 0; wants_gathered_ && t < std::max<int64_t>(mixer_->tasks(), 1);
           t += part_tasks_) {
        const GradientPart<T> part = mix_back(grad, t);
        if (a_.grad_x.data) grad_x_.add(f_, i, part);
        if (a_.grad_weight) add_grad_weight(i, part);
      }
      if (a_.grad_x.data) grad_x_.finish(i, f_.threads);
    }
    if (dense_) dense_->finish(static_cast<T*>(a_.grad_mix));
  }

 private:
  static constexpr int64_t kPart = int64_t{1} << 17;  // numbers

  int64_t cells() const { return shape_.H * shape_.W; }

  void prepare() {
    std::fill_n(zero_, pitch_of<T>(shape_.out), T(0));
    if (dense_) dense_->clear();
    if (sparse_) std::fill_n(static_cast<T*>(a_.grad_mix), f_.mix.count, T(0));
    if (a_.grad_weight) std::fill_n(static_cast<T*>(a_.grad_weight), cells() * f_.taps, T(0));
    if (a_.grad_bias) std::fill_n(static_cast<T*>(a_.grad_bias), shape_.out, T(0));
    if (!mixer_) return;
    MixValues<T> turned = mix_;
    if (mix_.is_dense()) {
      turned.dense = mix_.dense.turned(shape_);
    } else {
      turned.sparse = turned_->fill(mix_.sparse, shape_);
    }
    mixer_->prepare(turned, nullptr, f_.threads);
  }

  // The gradient of the gathered field: the mix turned round, over grad_out; of so many tasks' cells that
  // it is still in the cache when it is used.
  GradientPart<T> mix_back(const Source<T>& grad, int64_t first_task) {
    const int64_t tasks = std::min(part_tasks_, mixer_->tasks() - first_task),
                  first = first_task * mixer_->task_cells(),
                  count = std::min(tasks * mixer_->task_cells(), cells() - first);
    View<T, 4> to;
    const int64_t size[] = {1, shape_.in, 1, count}, stride[] = {0, 1, 0, pitch_};
    to.data = gathered_grad_;
    std::copy_n(size, 4, to.size);
    std::copy_n(stride, 4, to.stride);
    parallel_for(tasks, f_.threads, [&](int64_t task, int worker) {
      mixer_->run(grad, first_task + task, worker, {to, 0, first});
    });
    return {first, count, {gathered_grad_, pitch_}};
  }

  // Sums of kRun cells each, and their sum.
  void add_grad_bias(Cells<const T> grad) {
    constexpr int64_t kRun = 64;
    T* to = static_cast<T*>(a_.grad_bias);
    parallel_for(whole_vectors<T>(shape_.out) / kLanes<T>, f_.threads, [&](int64_t v, int) {
      const int64_t channel = v * kLanes<T>;
      const First<T> used(std::min<int64_t>(shape_.out - channel, kLanes<T>));
      Values<T> total = used.load(to + channel);
      for (int64_t first = 0; first < cells(); first += kRun) {
        Values<T> sum{};
        for (int64_t cell = first; cell < std::min(first + kRun, cells()); ++cell)
          sum += used.load(grad.at(cell) + channel);
        total += sum;
      }
      used.store(to + channel, total);
    });
  }

  void add_grad_weight(int64_t i, const GradientPart<T>& part) {
    constexpr int64_t kRun = 64;
    const Source<T> x = gathered_.ungathered(i);
    parallel_for((part.count + kRun - 1) / kRun, f_.threads, [&](int64_t run, int) {
      for (int64_t j = run * kRun; j < std::min((run + 1) * kRun, part.count); ++j)
        add_weight_gradient(x, part.grad.at(j), part.first + j, static_cast<T*>(a_.grad_weight));
    });
  }

  const FeatureTransformGradients& a_;
  const FeatureTransformArgs& f_;
  const MixShape shape_;
  Carver carver_;
  Gathered<T> gathered_;
  StagedField<T> grad_;
  ScatteredGradient<T> grad_x_;
  int64_t pitch_, part_tasks_ = 1;
  bool wants_gathered_;
  MixValues<T> mix_{};
  std::optional<TurnedValues<T>> turned_;
  std::optional<Mixer<T>> mixer_;
  std::optional<DenseMixGradient<T>> dense_;
  std::optional<SparseMixGradient<T>> sparse_;
  T *gathered_grad_ = nullptr, *zero_ = nullptr;
};

EF_LEVEL_END
