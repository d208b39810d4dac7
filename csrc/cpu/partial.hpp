#pragma once
#include "cpu/lanes.hpp"

// Vectors of which only the first lanes lie in memory.
EF_LEVEL_BEGIN

// Loads and stores the first `count` lanes, 0 to all of them: the others are 0, and what lies there in
// memory is neither read nor written.
#if defined(__AVX512F__)
template <class T>
class First {
 public:
  EF_INLINE explicit First(int64_t count) : mask_((1u << count) - 1) {}
  EF_INLINE Values<float> load(const float* from) const {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask_), from);
  }
  EF_INLINE Values<double> load(const double* from) const {
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>(mask_), from);
  }
  EF_INLINE void store(float* to, Values<float> v) const {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask_), v);
  }
  EF_INLINE void store(double* to, Values<double> v) const {
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>(mask_), v);
  }

 private:
  uint32_t mask_;
};
#elif defined(__AVX2__)
template <class T>
class First {
 public:
  EF_INLINE explicit First(int64_t count) {
    Bits<T> lane;
    for (int l = 0; l < kLanes<T>; ++l) lane[l] = l;
    mask_ = (__m256i)(lane < static_cast<Bit<T>>(count));
  }
  EF_INLINE Values<float> load(const float* from) const { return _mm256_maskload_ps(from, mask_); }
  EF_INLINE Values<double> load(const double* from) const {
    return _mm256_maskload_pd(from, mask_);
  }
  EF_INLINE void store(float* to, Values<float> v) const { _mm256_maskstore_ps(to, mask_, v); }
  EF_INLINE void store(double* to, Values<double> v) const { _mm256_maskstore_pd(to, mask_, v); }

 private:
  __m256i mask_;
};
#else
template <class T>
class First {
 public:
  EF_INLINE explicit First(int64_t count) : count_(count) {}
  EF_INLINE Values<T> load(const T* from) const {
    Values<T> v{};
    for (int64_t l = 0; l < count_; ++l) v[l] = from[l];
    return v;
  }
  EF_INLINE void store(T* to, Values<T> v) const {
    for (int64_t l = 0; l < count_; ++l) to[l] = v[l];
  }

 private:
  int64_t count_;
};
#endif

// `count` rounded up to whole vectors.
template <class T>
constexpr int64_t whole_vectors(int64_t count) {
  return (count + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

EF_LEVEL_END
