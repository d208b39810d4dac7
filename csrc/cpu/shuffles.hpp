#pragma once
#include "cpu/lanes.hpp"

// Lanes in other places.
EF_LEVEL_BEGIN

// table[index] for indices below 16, from a table of 16 entries.
EF_INLINE Values<float> look_up(const float* table, Bits<float> index) {
#if defined(__AVX512F__)
  return _mm512_permutexvar_ps((__m512i)index, _mm512_loadu_ps(table));
#elif defined(__AVX2__)
  const __m256i at = (__m256i)index;
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), at),
               high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), at);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)));
#else
  Values<float> v;
  for (int l = 0; l < kLanes<float>; ++l) v[l] = table[index[l]];
  return v;
#endif
}
EF_INLINE Values<double> look_up(const float* table, Bits<double> index) {
  Values<double> v;
  for (int l = 0; l < kLanes<double>; ++l) v[l] = table[index[l]];
  return v;
}

template <class V, int... l>
EF_INLINE V even_lanes(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, 2 * l...);
}
template <class V, int... l>
EF_INLINE V odd_lanes(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, 2 * l + 1 ...);
}
// The lower (kHigh: upper) halves of a and b, lane by lane in turns.
template <bool kHigh, class V, int... l>
EF_INLINE V interleaved(V a, V b, std::integer_sequence<int, l...>) {
  constexpr int lanes = sizeof...(l);
  return __builtin_shufflevector(a, b, (l / 2 + (kHigh ? lanes / 2 : 0) + (l % 2 ? lanes : 0))...);
}
// Every second four of the lanes of a and b, one after the other; kOdd: of the others.
template <bool kOdd, class V, int... l>
EF_INLINE V lanes_of_fours(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, (l / 4 * 8 + l % 4 + (kOdd ? 4 : 0))...);
}
// Transposes a square of as many vectors as they have lanes.
template <class T>
EF_INLINE void transpose(Values<T>* rows) {
  constexpr int lanes = kLanes<T>;
  for (int step = 1; step < lanes; step *= 2) {
    Values<T> next[lanes];
    for (int i = 0; i < lanes / 2; ++i) {
      next[2 * i] = interleaved<false>(rows[i], rows[i + lanes / 2], Lane<T>{});
      next[2 * i + 1] = interleaved<true>(rows[i], rows[i + lanes / 2], Lane<T>{});
    }
    for (int i = 0; i < lanes; ++i) rows[i] = next[i];
  }
}
// The last lane of a, then all but the last of b.
template <class V, int... l>
EF_INLINE V shifted(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, static_cast<int>(sizeof...(l)) - 1 + l...);
}

EF_LEVEL_END
