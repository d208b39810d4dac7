#pragma once
#include "cpu/feature_transform/staged.hpp"
#include "ops/feature_transform.hpp"

// Gradients of x and of the weights, from that of the gathered field. The threads share out the channels
// of x, so that every number of it is one sum in the order of cells and sources.
EF_LEVEL_BEGIN

// Neighbouring cells, and the gradient of what was gathered for them.
template <class T>
struct GradientPart {
  int64_t first, count;
  Cells<const T> grad;
};

// to[index[p, t]] += weight[p, t] grad[p] in kVectors vectors from channel `channel` on.
template <class T, int kVectors>
void scatter(const FeatureTransformArgs& a, const GradientPart<T>& part, int64_t channel,
             Cells<T> to) {
  const T* weight = static_cast<const T*>(a.weight);
  const T uniform = T(1) / static_cast<T>(a.taps);
  for (int64_t p = 0, e = part.first * a.taps; p < part.count; ++p) {
    Values<T> value[kVectors];
    for (int v = 0; v < kVectors; ++v) value[v] = load(part.grad.at(p) + channel + v * kLanes<T>);
    for (int64_t t = 0; t < a.taps; ++t, ++e) {
      if (a.index[e] < 0) continue;
      T* sum = to.at(a.index[e]) + channel;
      const Values<T> share = all(weight ? weight[e] : uniform);
      for (int v = 0; v < kVectors; ++v)
        store(sum + v * kLanes<T>, product_plus(share, value[v], load(sum + v * kLanes<T>)));
    }
  }
}

// Gradient of x of one image at a time, in whole vectors: in its own memory where these fit.
template <class T>
class ScatteredGradient {
 public:
  ScatteredGradient(const View<T, 4>& grad_x, Carver& carver)
      : grad_x_(grad_x),
        direct_(lies_in_cells(grad_x) && grad_x.size[1] % kLanes<T> == 0),
        pitch_(pitch_of<T>(grad_x.size[1])),
        sums_(carver.take<T>(direct_ || !grad_x.data ? 0 : sources() * pitch_)) {}

  // Part after part of image i, in the order of cells.
  void add(const FeatureTransformArgs& a, int64_t i, const GradientPart<T>& part) {
    const Cells<T> to = direct_ ? cells_of(grad_x_, i) : Cells<T>{sums_, pitch_};
    const int64_t vectors = whole_vectors<T>(grad_x_.size[1]) / kLanes<T>,
                  tasks = std::max((vectors + 3) / 4, std::min<int64_t>(vectors, a.threads));
    parallel_for(tasks, a.threads, [&](int64_t task, int) {
      const int64_t begin = vectors * task / tasks, end = vectors * (task + 1) / tasks;
      if (part.first == 0) clear(to, begin * kLanes<T>, (end - begin) * kLanes<T>);
      for (int64_t v = begin; v < end;) {
        if (end - v >= 4) {
          scatter<T, 4>(a, part, v * kLanes<T>, to), v += 4;
        } else if (end - v >= 2) {
          scatter<T, 2>(a, part, v * kLanes<T>, to), v += 2;
        } else {
          scatter<T, 1>(a, part, v * kLanes<T>, to), v += 1;
        }
      }
    });
  }
  void finish(int64_t i, int threads) const {
    if (direct_) return;
    const int64_t task = 512, tasks = (sources() + task - 1) / task;
    parallel_for(tasks, threads, [&](int64_t t, int) {
      const int64_t first = t * task;
      give<T>(sums_ + first * pitch_, {1, pitch_}, grad_x_, i, first,
              std::min(task, sources() - first));
    });
  }

 private:
  int64_t sources() const { return grad_x_.size[2] * grad_x_.size[3]; }

  void clear(Cells<T> to, int64_t channel, int64_t count) const {
    for (int64_t source = 0; source < sources(); ++source)
      std::fill_n(to.at(source) + channel, count, T(0));
  }

  View<T, 4> grad_x_;
  bool direct_;
  int64_t pitch_;
  T* sums_;
};

// grad[cell, t] += sum_c a[c] x[c, index[cell, t]]
template <class T>
void add_weight_gradient(const Source<T>& s, const T* a, int64_t cell, T* grad) {
  for (int64_t t = 0; t < s.taps; ++t) {
    const int64_t source = s.index[cell * s.taps + t];
    if (source < 0) continue;
    const T* b = s.of(source);
    Values<T> sums{};
    int64_t c = 0;
    for (; c + kLanes<T> <= s.channels; c += kLanes<T>)
      sums = product_plus(load(a + c), load(b + c), sums);
    const First<T> rest(s.channels - c);
    sums = product_plus(rest.load(a + c), rest.load(b + c), sums);
    T total = 0;
    for (int l = 0; l < kLanes<T>; ++l) total += sums[l];
    grad[cell * s.taps + t] += total;
  }
}

EF_LEVEL_END
