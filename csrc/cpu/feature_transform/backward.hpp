#pragma once
#include "cpu/feature_transform/gather.hpp"
#include "cpu/feature_transform/mix.hpp"
#include "cpu/parallel.hpp"

// Gradients, image after image; the threads share out channels, cells or rows of the mix within one
// image, so every sum over images has one order and nothing is shared between writers.
EF_LEVEL_BEGIN

template <class T>
class Backward {
 public:
  Backward(const FeatureTransformGradients& a, void* memory)
      : a_(a),
        p_(a.forward, a.grad_out.size),
        gathered_shape_(p_.c, p_.H, p_.W, p_.m),
        grad_shape_(p_.d, p_.H, p_.W, p_.m) {
    Carver carver(memory);
    const int64_t count = a.forward.mix.column ? a.forward.mix.count : p_.d * p_.c * p_.window();
    offset_ = carver.template take<int64_t>(std::max(count, p_.c * p_.window()));
    back_begin_ = carver.template take<int64_t>(p_.c + 1);
    back_offset_ = carver.template take<int64_t>(count);
    back_value_ = carver.template take<T>(count);
    place_ = carver.template take<int64_t>(p_.cells() * p_.taps);
    gathered_ = carver.template take<T>(gathered_shape_.count());
    grad_ = carver.template take<T>(grad_shape_.count());
    grad_gathered_ = carver.template take<T>(p_.c * p_.cells());
    bytes_ = carver.bytes();
  }
  size_t bytes() const { return bytes_; }

  void run() {
    const FeatureTransformArgs& f = a_.forward;
    const MixRows<T> mix = mix_rows<T>(f.mix, p_, gathered_shape_, offset_);
    transpose(mix);
    const int64_t values = f.mix.column ? f.mix.count : p_.d * p_.c * p_.window();
    if (a_.grad_mix) std::fill_n(static_cast<T*>(a_.grad_mix), values, T(0));
    if (a_.grad_weight) std::fill_n(static_cast<T*>(a_.grad_weight), p_.cells() * p_.taps, T(0));
    for (int64_t i = 0; i < p_.n; ++i) {
      load_grad(i);
      if (a_.grad_mix) add_grad_mix(i, mix);
      if (!a_.grad_x.data && !a_.grad_weight) continue;
      mix_back();
      if (a_.grad_x.data) write_grad_x(i);
      if (a_.grad_weight) add_grad_weight(i);
    }
  }

 private:
  // Column (c, dy, dx) of row d becomes, in row c, the value at channel d and the opposite shift.
  void transpose(const MixRows<T>& mix) {
    const ChannelMix& m = a_.forward.mix;
    const int64_t window = p_.window();
    std::fill_n(back_begin_, p_.c + 1, int64_t{0});
    for (int64_t d = 0; d < p_.d; ++d)
      for (int64_t e = 0; e < mix.length(d); ++e)
        ++back_begin_[column_of(m, mix, d, e) / window + 1];
    for (int64_t c = 0; c < p_.c; ++c) back_begin_[c + 1] += back_begin_[c];
    for (int64_t d = 0; d < p_.d; ++d) {
      for (int64_t e = 0; e < mix.length(d); ++e) {
        const int64_t column = column_of(m, mix, d, e), c = column / window;
        const int64_t mirrored = d * window + (window - 1 - column % window);
        const int64_t to = back_begin_[c]++;
        back_offset_[to] = column_offset(grad_shape_, p_.m, mirrored);
        back_value_[to] = mix.row_values(d)[e];
      }
    }
    for (int64_t c = p_.c; c > 0; --c) back_begin_[c] = back_begin_[c - 1];  // undo the advance
    back_begin_[0] = 0;
  }
  static int64_t column_of(const ChannelMix& m, const MixRows<T>& mix, int64_t d, int64_t e) {
    return m.column ? m.column[mix.begin(d) + e] : e;
  }

  void load_grad(int64_t i) {
    const auto from = a_.grad_out.template cast<const T>();
    std::memset(grad_, 0, sizeof(T) * grad_shape_.count());
    for (int64_t d = 0; d < p_.d; ++d)
      for (int64_t y = 0; y < p_.H; ++y)
        for (int64_t x = 0; x < p_.W; ++x) grad_[grad_shape_.at(d, y, x)] = *from.at(i, d, y, x);
  }

  void mix_back() {
    const MixRows<T> back{back_value_, back_begin_, back_offset_, 0};
    parallel_for(p_.c, a_.forward.threads, [&](int64_t c, int) {
      const MixRows<T> row{back.values, back.row_begin + c, back.offset, 0};
      mix_field(row, 1, grad_, grad_shape_, p_.H, static_cast<const T*>(nullptr),
                Planes<T>{grad_gathered_ + c * p_.cells(), 0, p_.W, 1});
    });
  }

  void write_grad_x(int64_t i) {
    const auto grad_x = a_.grad_x.template cast<T>();
    const Taps<T> taps = place_taps<T>(a_.forward, p_, grad_x.stride[2], grad_x.stride[3], place_);
    parallel_for(p_.c, a_.forward.threads, [&](int64_t c, int) {
      for (int64_t y = 0; y < grad_x.size[2]; ++y)
        for (int64_t x = 0; x < grad_x.size[3]; ++x) *grad_x.at(i, c, y, x) = 0;
      scatter_plane(p_, grad_gathered_ + c * p_.cells(), taps, grad_x.at(i, c));
    });
  }

  Taps<T> source_taps() const {
    const auto& x = a_.forward.x;
    return place_taps<T>(a_.forward, p_, x.stride[2], x.stride[3], place_);
  }

  void add_grad_weight(int64_t i) {
    const auto x = a_.forward.x.template cast<const T>();
    const Taps<T> taps = source_taps();
    T* grad = static_cast<T*>(a_.grad_weight);
    parallel_for(p_.H, a_.forward.threads, [&](int64_t row, int) {
      for (int64_t cell = row * p_.W; cell < (row + 1) * p_.W; ++cell) {
        for (int64_t e = cell * taps.k; e < (cell + 1) * taps.k; ++e) {
          if (taps.place[e] < 0) continue;
          T sum = 0;
          for (int64_t c = 0; c < p_.c; ++c)
            sum += grad_gathered_[c * p_.cells() + cell] * x.at(i, c)[taps.place[e]];
          grad[e] += sum;
        }
      }
    });
  }

  void add_grad_mix(int64_t i, const MixRows<T>& mix) {
    const auto x = a_.forward.x.template cast<const T>();
    const Taps<T> taps = source_taps();
    parallel_for(p_.c, a_.forward.threads, [&](int64_t c, int) {
      gather_plane(p_, x.at(i, c), taps, 0, p_.H, gathered_shape_, c, gathered_);
    });
    T* grad = static_cast<T*>(a_.grad_mix);
    parallel_for(p_.d, a_.forward.threads, [&](int64_t d, int) {
      for (int64_t e = 0; e < mix.length(d); ++e)
        grad[mix.begin(d) + e] += correlate(d, mix.row_offsets(d)[e]);
    });
  }

  // sum over cells of grad_out[d, cell] * gathered[cell + offset], in kTile interleaved sums. The
  // gradient's border is 0, so whole runs can be multiplied.
  T correlate(int64_t d, int64_t offset) const {
    const T* EF_RESTRICT a = grad_ + grad_shape_.at(d, 0, 0);
    const T* EF_RESTRICT b = gathered_ + gathered_shape_.at(0, 0, 0) + offset;
    const int64_t run = grad_shape_.run() - 2 * grad_shape_.border;
    T sum[kTile] = {};
    int64_t x = 0;
    for (; x + kTile <= run; x += kTile)
      for (int64_t j = 0; j < kTile; ++j) sum[j] += a[x + j] * b[x + j];
    for (int64_t j = 0; x + j < run; ++j) sum[j] += a[x + j] * b[x + j];
    T total = 0;
    for (T part : sum) total += part;
    return total;
  }

  const FeatureTransformGradients& a_;
  const TransformPlan p_;
  const PaddedField gathered_shape_, grad_shape_;
  int64_t *offset_, *place_, *back_begin_, *back_offset_;
  T *back_value_, *gathered_, *grad_, *grad_gathered_;
  size_t bytes_;
};

EF_LEVEL_END
