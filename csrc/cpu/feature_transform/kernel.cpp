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
  Carver carver;
  int64_t* offset;  // shared by the workers
  TapMemory<T> taps;
  T* fields;  // one padded field per worker
  T* planes;  // one copied plane per worker

  ForwardScratch(const FeatureTransformArgs& a, const TransformPlan& p, const PaddedField& f,
                 void* memory)
      : carver(memory),
        offset(carver.take<int64_t>(std::max(a.mix.count, p.c * p.window()))),
        taps(carver, p),
        fields(carver.take<T>(f.count() * std::max(a.threads, 1))),
        planes(carver.take<T>(p.sources() * std::max(a.threads, 1))) {}
};

template <class T>
void run_transform(const FeatureTransformArgs& a) {
  const TransformPlan p(a, a.out.size);
  const PaddedField f(p.c, p.chunk, p.W, p.m);
  const ForwardScratch<T> s(a, p, f, a.workspace);
  const MixRows<T> mix = mix_rows<T>(a.mix, p, f, s.offset);
  const auto x = a.x.cast<const T>();
  const auto out = a.out.cast<T>();
  const Taps<T> taps = s.taps.fill(a, p);
  parallel_for(p.n * p.chunks, a.threads, [&](int64_t task, int worker) {
    const int64_t i = task / p.chunks, first = task % p.chunks * p.chunk;
    const int64_t last = std::min(first + p.chunk, p.H);
    T* field = s.fields + f.count() * worker;
    T* plane = s.planes + p.sources() * worker;
    for (int64_t c = 0; c < p.c; ++c) {
      copy_plane(x, i, c, plane);
      gather_plane(p, plane, taps, first, last, f, c, field);
    }
    mix_field(mix, p.d, field, f, last - first, static_cast<const T*>(a.bias),
              Planes<T>{out.at(i, 0, first), out.stride[1], out.stride[2], out.stride[3]});
  });
}

void transform_kernel(const FeatureTransformArgs& a) {
  return a.dtype == Dtype::float64 ? run_transform<double>(a) : run_transform<float>(a);
}

size_t transform_bytes(const FeatureTransformArgs& a) {
  const TransformPlan p(a, a.out.size);
  const PaddedField f(p.c, p.chunk, p.W, p.m);
  return a.dtype == Dtype::float64 ? ForwardScratch<double>(a, p, f, nullptr).carver.bytes()
                                   : ForwardScratch<float>(a, p, f, nullptr).carver.bytes();
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
