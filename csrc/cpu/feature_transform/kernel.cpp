#include "cpu/feature_transform/kernel.hpp"

#include "cpu/feature_transform/backward.hpp"
#include "cpu/feature_transform/gather.hpp"
#include "cpu/feature_transform/mix.hpp"
#include "cpu/parallel.hpp"

// One task: some rows of one image. Gather them into the worker's padded field, then mix row by
// row.
EF_LEVEL_BEGIN

template <class T>
struct ForwardScratch {
  int64_t* offset;  // shared by the workers
  T* fields;        // one padded field per worker
  size_t bytes;

  ForwardScratch(const FeatureTransformArgs& a, const TransformPlan& p, const PaddedField& f,
                 void* memory) {
    Carver carver(memory);
    offset = carver.take<int64_t>(std::max(a.mix.count, p.c * p.window()));
    fields = carver.take<T>(f.count() * std::max(a.threads, 1));
    bytes = carver.bytes();
  }
};

template <class T>
void run_transform(const FeatureTransformArgs& a) {
  const TransformPlan p(a, a.out.size);
  const PaddedField f(p.c, p.chunk, p.W, p.m);
  const ForwardScratch<T> s(a, p, f, a.workspace);
  const MixRows<T> mix = mix_rows<T>(a.mix, p, f, s.offset);
  const auto x = a.x.cast<const T>();
  const auto out = a.out.cast<T>();
  const T* bias = static_cast<const T*>(a.bias);
  const Taps<T> taps{a.index,    static_cast<const T*>(a.weight), p.taps, p.w, x.stride[2],
                     x.stride[3]};
  parallel_for(p.n * p.chunks, a.threads, [&](int64_t task, int worker) {
    const int64_t i = task / p.chunks, first = task % p.chunks * p.chunk,
                  last = std::min(first + p.chunk, p.H);
    T* field = s.fields + f.count() * worker;
    for (int64_t c = 0; c < p.c; ++c) gather_plane(p, x.at(i, c), taps, first, last, f, c, field);
    for (int64_t d = 0; d < p.d; ++d)
      for (int64_t y = first; y < last; ++y)
        mix_row(mix.row_values(d), mix.row_offsets(d), mix.length(d), field + f.at(0, y - first, 0),
                bias ? bias[d] : T(0), p.W, out.stride[3], out.at(i, d, y));
  });
}

void transform_kernel(const FeatureTransformArgs& a) {
  return a.dtype == Dtype::float64 ? run_transform<double>(a) : run_transform<float>(a);
}

size_t transform_bytes(const FeatureTransformArgs& a) {
  const TransformPlan p(a, a.out.size);
  const PaddedField f(p.c, p.chunk, p.W, p.m);
  return a.dtype == Dtype::float64 ? ForwardScratch<double>(a, p, f, nullptr).bytes
                                   : ForwardScratch<float>(a, p, f, nullptr).bytes;
}

void transform_backward_kernel(const FeatureTransformGradients& a) {
  return a.forward.dtype == Dtype::float64 ? Backward<double>(a, a.forward.workspace).run()
                                           : Backward<float>(a, a.forward.workspace).run();
}

size_t transform_backward_bytes(const FeatureTransformGradients& a) {
  return a.forward.dtype == Dtype::float64 ? Backward<double>(a, nullptr).bytes()
                                           : Backward<float>(a, nullptr).bytes();
}

EF_LEVEL_END
