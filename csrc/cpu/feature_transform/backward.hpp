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
        grad_shape_(p_.d, p_.H, p_.W, p_.m),
        carver_(memory),
        taps_(carver_, p_) {
    const int64_t columns = p_.c * p_.window();
    const int64_t count = a.forward.mix.column ? a.forward.mix.count : p_.d * columns;
    offset_ = carver_.template take<int64_t>(std::max(count, columns));
    back_begin_ = carver_.template take<int64_t>(p_.c + 1);
    back_offset_ = carver_.template take<int64_t>(count);
    back_value_ = carver_.template take<T>(count);
    gathered_ = carver_.template take<T>(gathered_shape_.count());
    grad_ = carver_.template take<T>(grad_shape_.count());
    grad_gathered_ = carver_.template take<T>(p_.c * p_.cells());
    planes_ = carver_.template take<T>(p_.sources() * std::max(a.forward.threads, 1));
  }
  size_t bytes() const { return carver_.bytes(); }

  void run() {
    const FeatureTransformArgs& f = a_.forward;
    const MixRows<T> mix = mix_rows<T>(f.mix, p_, gathered_shape_, offset_);
    transpose(mix);
    table_ = taps_.fill(f, p_);
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
    parallel_for(p_.c, a_.forward.threads, [&](int64_t c, int worker) {
      T* plane = planes_ + p_.sources() * worker;
      std::fill_n(plane, p_.sources(), T(0));
      scatter_plane(grad_gathered_ + c * p_.cells(), table_, plane);
      for (int64_t y = 0; y < p_.h; ++y)
        for (int64_t x = 0; x < p_.w; ++x) *grad_x.at(i, c, y, x) = *plane++;
    });
  }

  void add_grad_weight(int64_t i) {
    T* grad = static_cast<T*>(a_.grad_weight);
    parallel_for(p_.H, a_.forward.threads, [&](int64_t row, int) {
      for (int64_t cell = row * p_.W; cell < (row + 1) * p_.W; ++cell)
        for (int64_t t = 0; t < p_.taps; ++t)
          grad[cell * p_.taps + t] += source_product(i, cell, t * p_.cells() + cell);
    });
  }

  // sum over channels of the gathered field's gradient times the source it was read from.
  T source_product(int64_t i, int64_t cell, int64_t tap) const {
    if (table_.outside(tap)) return 0;
    const auto x = a_.forward.x.template cast<const T>();
    const int64_t row = table_.place[tap] / p_.w, column = table_.place[tap] % p_.w;
    T sum = 0;
    for (int64_t c = 0; c < p_.c; ++c)
      sum += grad_gathered_[c * p_.cells() + cell] * *x.at(i, c, row, column);
    return sum;
  }

  void add_grad_mix(int64_t i, const MixRows<T>& mix) {
    const auto x = a_.forward.x.template cast<const T>();
    parallel_for(p_.c, a_.forward.threads, [&](int64_t c, int worker) {
      T* plane = planes_ + p_.sources() * worker;
      copy_plane(x, i, c, plane);
      gather_plane(p_, plane, table_, 0, p_.H, gathered_shape_, c, gathered_);
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
  Carver carver_;
  TapMemory<T> taps_;
  Taps<T> table_;
  int64_t *offset_, *back_begin_, *back_offset_;
  T *back_value_, *gathered_, *grad_, *grad_gathered_, *planes_;
};

EF_LEVEL_END
