#pragma once
#include "cpu/feature_transform/gathered.hpp"
#include "cpu/feature_transform/mixer.hpp"

// Some images at a time: bring their cells into place, then mix, task by task.
EF_LEVEL_BEGIN

inline MixShape shape_of(const FeatureTransformArgs& a, const int64_t* out_size) {
  return {a.x.size[1], out_size[1], out_size[2], out_size[3], a.mix.m};
}

template <class T>
class Forward {
 public:
  Forward(const FeatureTransformArgs& a, void* memory)
      : a_(a),
        shape_(shape_of(a, a.out.size)),
        carver_(memory),
        images_(Gathered<T>::images_of(a, shape_.H * shape_.W)),
        gathered_(a, shape_.H * shape_.W, images_, carver_),
        mixer_(shape_, a.mix.column ? a.mix.count : -1, a.x.size[0], a.threads, carver_) {}
  size_t bytes() const { return carver_.bytes(); }

  void run() {
    const int64_t n = a_.x.size[0];
    if (n == 0 || mixer_.tasks() == 0) return;
    mixer_.prepare(MixValues<T>::of(a_.mix, shape_), static_cast<const T*>(a_.bias), a_.threads);
    const View<T, 4> out = a_.out.cast<T>();
    for (int64_t first = 0; first < n; first += images_) {
      const int64_t count = std::min(images_, n - first);
      gathered_.stage(first, count);
      parallel_for(count * mixer_.tasks(), a_.threads, [&](int64_t task, int worker) {
        const int64_t i = first + task / mixer_.tasks();
        mixer_.run(gathered_.image(i), task % mixer_.tasks(), worker, {out, i});
      });
    }
  }

 private:
  const FeatureTransformArgs& a_;
  const MixShape shape_;
  Carver carver_;
  const int64_t images_;
  Gathered<T> gathered_;
  Mixer<T> mixer_;
};

EF_LEVEL_END
