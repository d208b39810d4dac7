#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/macros.hpp"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

// Vectors as wide as the level: GCC's and Clang's vector types, with operators, and what these lack.
#define EF_INLINE inline __attribute__((always_inline))
EF_LEVEL_BEGIN

// EF_INTRINSIC(sqrt_ps) is the level's instruction; undefined where there are none.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#define EF_INTRINSIC(name) _mm512_##name
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#define EF_INTRINSIC(name) _mm256_##name
#else
constexpr int kVectorBytes = 16;
#if defined(__SSE2__)
#define EF_INTRINSIC(name) _mm_##name
#endif
#endif

template <class T>
struct LanesOf;
template <>
struct LanesOf<float> {
  typedef float Values __attribute__((vector_size(kVectorBytes)));
  typedef int32_t Bits __attribute__((vector_size(kVectorBytes)));
  using Bit = int32_t;
};
template <>
struct LanesOf<double> {
  typedef double Values __attribute__((vector_size(kVectorBytes)));
  typedef int64_t Bits __attribute__((vector_size(kVectorBytes)));
  using Bit = int64_t;
};

template <class T>
using Values = typename LanesOf<T>::Values;
template <class T>
using Bits = typename LanesOf<T>::Bits;  // integers as wide as T
template <class T>
using Bit = typename LanesOf<T>::Bit;
template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
template <class T>
using Lane = std::make_integer_sequence<int, kLanes<T>>;

template <class T>
EF_INLINE Values<T> load(const T* from) {
  Values<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
EF_INLINE Bits<float> load(const int32_t* from) {
  Bits<float> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
EF_INLINE Bits<double> load(const int64_t* from) {
  Bits<double> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class V, class T>
EF_INLINE void store(T* to, V v) {
  std::memcpy(to, &v, sizeof v);
}

// A store past the caches, to an address that is a multiple of the vector's size.
EF_INLINE void stream(float* to, Values<float> v) {
#if defined(EF_INTRINSIC)
  EF_INTRINSIC(stream_ps)(to, v);
#else
  store(to, v);
#endif
}
EF_INLINE void stream(double* to, Values<double> v) { store(to, v); }
// Makes streamed numbers visible to other threads.
inline void end_stream() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

template <class T>
EF_INLINE Values<T> all(T value) {
  return value - Values<T>{};  // -0 stays -0
}

// a - b of pixels, in T.
template <class T>
EF_INLINE Values<T> difference(const T* a, const T* b) {
  return load(a) - load(b);
}
#if defined(__AVX512F__)
EF_INLINE __m512i widened(const uint8_t* from) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
#elif defined(__AVX2__)
EF_INLINE __m256i widened(const uint8_t* from) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
#endif
template <class T>
EF_INLINE Values<T> difference(const uint8_t* a, const uint8_t* b) {
#if defined(__AVX2__)
  return EF_INTRINSIC(cvtepi32_ps)(EF_INTRINSIC(sub_epi32)(widened(a), widened(b)));
#else
  Values<T> v;
  for (int l = 0; l < kLanes<T>; ++l) v[l] = static_cast<T>(a[l] - b[l]);
  return v;
#endif
}

// Root, the smaller and the larger of two (the second where one is NaN).
#if defined(EF_INTRINSIC)
EF_INLINE Values<float> root(Values<float> a) { return EF_INTRINSIC(sqrt_ps)(a); }
EF_INLINE Values<double> root(Values<double> a) { return EF_INTRINSIC(sqrt_pd)(a); }
EF_INLINE Values<float> smaller(Values<float> a, Values<float> b) {
  return EF_INTRINSIC(min_ps)(a, b);
}
EF_INLINE Values<double> smaller(Values<double> a, Values<double> b) {
  return EF_INTRINSIC(min_pd)(a, b);
}
EF_INLINE Values<float> larger(Values<float> a, Values<float> b) {
  return EF_INTRINSIC(max_ps)(a, b);
}
EF_INLINE Values<double> larger(Values<double> a, Values<double> b) {
  return EF_INTRINSIC(max_pd)(a, b);
}
#else
template <class V>
EF_INLINE V root(V v) {
  for (unsigned l = 0; l < sizeof v / sizeof v[0]; ++l) v[l] = std::sqrt(v[l]);
  return v;
}
template <class V>
EF_INLINE V smaller(V a, V b) {
  return a < b ? a : b;
}
template <class V>
EF_INLINE V larger(V a, V b) {
  return a > b ? a : b;
}
#endif

// a b + c, rounded once where the level can.
EF_INLINE Values<float> product_plus(Values<float> a, Values<float> b, Values<float> c) {
#if defined(__FMA__)
  return EF_INTRINSIC(fmadd_ps)(a, b, c);
#else
  return a * b + c;
#endif
}
EF_INLINE Values<double> product_plus(Values<double> a, Values<double> b, Values<double> c) {
#if defined(__FMA__)
  return EF_INTRINSIC(fmadd_pd)(a, b, c);
#else
  return a * b + c;
#endif
}

// Products of 16-bit integers, two to a lane, at twice the rate of those of floats: sum + a0 b0 + a1 b1.
#if defined(__AVX512VNNI__)
constexpr bool kMultipliesPairs = true;
EF_INLINE Bits<float> pair_products_plus(Bits<float> a, Bits<float> b, Bits<float> sum) {
  return (Bits<float>)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
}
// The nearest integers, which must fit 16 bits; returns them as floats too.
EF_INLINE Values<float> store_rounded(int16_t* to, Values<float> v) {
  const __m512i nearest = _mm512_cvtps_epi32(v);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtsepi32_epi16(nearest));
  return _mm512_cvtepi32_ps(nearest);
}
#else
constexpr bool kMultipliesPairs = false;
#endif

// The sum of the lanes.
template <class V>
EF_INLINE auto sum_of(V v) {
  auto sum = v[0];
  for (unsigned l = 1; l < sizeof v / sizeof v[0]; ++l) sum += v[l];
  return sum;
}

// The sums of the lanes of four vectors.
EF_INLINE void store_sums(const Values<double> (&v)[4], double* out) {
#if defined(__AVX2__)
#if defined(__AVX512F__)
  __m256d half[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    half[i] = _mm256_add_pd(_mm512_castpd512_pd256(v[i]), _mm512_extractf64x4_pd(v[i], 1));
#else
  const Values<double>(&half)[4] = v;
#endif
  const __m256d low = _mm256_hadd_pd(half[0], half[1]), high = _mm256_hadd_pd(half[2], half[3]);
  const __m256d crossed = _mm256_permute2f128_pd(low, high, 0x21);
  _mm256_storeu_pd(out, _mm256_add_pd(crossed, _mm256_blend_pd(low, high, 0xc)));
#else
  for (int i = 0; i < 4; ++i) out[i] = sum_of(v[i]);
#endif
}

// The largest of the lanes, none of which is NaN.
EF_INLINE float largest_of(Values<float> v) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(v);
#else
  float largest = v[0];
  for (int l = 1; l < kLanes<float>; ++l) largest = largest < v[l] ? v[l] : largest;
  return largest;
#endif
}

// a b - c and c - a b, with the sign of the exact value and 0, not -0, where that is 0; for floats,
// in double lanes too.
EF_INLINE Values<double> product_less(Values<double> a, Values<double> b, Values<double> c) {
  return a * b - c;
}
EF_INLINE Values<double> less_product(Values<double> c, Values<double> a, Values<double> b) {
  return c - a * b;
}
#if defined(__FMA__)
EF_INLINE Values<float> product_less(Values<float> a, Values<float> b, Values<float> c) {
  return EF_INTRINSIC(fmsub_ps)(a, b, c);
}
EF_INLINE Values<float> less_product(Values<float> c, Values<float> a, Values<float> b) {
  return EF_INTRINSIC(fnmadd_ps)(a, b, c);
}
#else
EF_INLINE Values<float> product_less(Values<float> a, Values<float> b, Values<float> c) {
  for (int l = 0; l < kLanes<float>; ++l)
    a[l] = static_cast<float>(static_cast<double>(a[l]) * b[l] - c[l]);
  return a;
}
EF_INLINE Values<float> less_product(Values<float> c, Values<float> a, Values<float> b) {
  for (int l = 0; l < kLanes<float>; ++l)
    c[l] = static_cast<float>(c[l] - static_cast<double>(a[l]) * b[l]);
  return c;
}
#endif

// Rounded to float32.
EF_INLINE Values<float> narrowed(Values<float> v) { return v; }
EF_INLINE Values<double> narrowed(Values<double> v) {
#if defined(EF_INTRINSIC)  // GCC 12 does not round in the loop below when it vectorises it
  return EF_INTRINSIC(cvtps_pd)(EF_INTRINSIC(cvtpd_ps)(v));
#else
  for (int l = 0; l < kLanes<double>; ++l) v[l] = static_cast<double>(static_cast<float>(v[l]));
  return v;
#endif
}

// Between floats and doubles: as many floats as there are doubles in a vector, and two vectors of doubles
// as one of floats, rounded.
EF_INLINE Values<double> widened(const float* from) {
#if defined(__AVX512F__)
  return _mm512_cvtps_pd(_mm256_loadu_ps(from));
#elif defined(__AVX2__)
  return _mm256_cvtps_pd(_mm_loadu_ps(from));
#else
  Values<double> v;
  for (int l = 0; l < kLanes<double>; ++l) v[l] = from[l];
  return v;
#endif
}
EF_INLINE Values<double> widened(const double* from) { return load(from); }
EF_INLINE Values<float> joined(Values<double> low, Values<double> high) {
#if defined(__AVX512F__)
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
#elif defined(__AVX2__)
  return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
#elif defined(__SSE2__)
  return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
#else
  Values<float> v;
  for (int l = 0; l < kLanes<double>; ++l) {
    v[l] = static_cast<float>(low[l]);
    v[l + kLanes<double>] = static_cast<float>(high[l]);
  }
  return v;
#endif
}

// Bit l is set where the sign bit of lane l is.
EF_INLINE uint32_t signs_of(Bits<float> v) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)v);
#elif defined(EF_INTRINSIC)
  return static_cast<uint32_t>(EF_INTRINSIC(movemask_ps)((Values<float>)v));
#else
  uint32_t mask = 0;
  for (int l = 0; l < kLanes<float>; ++l) mask |= static_cast<uint32_t>(v[l] < 0) << l;
  return mask;
#endif
}

// -1 where the sign bit is set, 0 elsewhere.
template <class T>
EF_INLINE Bits<T> negative(Values<T> v) {
  return (Bits<T>)v >> (8 * static_cast<int>(sizeof(T)) - 1);
}
template <class T>
EF_INLINE Bits<T> sign_bits(Values<T> v) {
  return (Bits<T>)v & std::numeric_limits<Bit<T>>::min();
}
template <class T>
EF_INLINE Values<T> magnitude_of(Values<T> v) {
  return (Values<T>)((Bits<T>)v & std::numeric_limits<Bit<T>>::max());
}

EF_LEVEL_END
