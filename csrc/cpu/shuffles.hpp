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
// Vectors are blocks of 16 bytes. In each block: the lower (kHigh: upper) halves of a's and b's, unit by
// unit in turns; a unit has kUnit lanes.
template <bool kHigh, int kUnit, class V, int... l>
EF_INLINE V unpacked(V a, V b, std::integer_sequence<int, l...>) {
  constexpr int lanes = sizeof...(l), block = 16 / static_cast<int>(sizeof(a[0]));
  return __builtin_shufflevector(a, b,
                                 (l / block * block + l % block / kUnit / 2 * kUnit + l % kUnit +
                                  (kHigh ? block / 2 : 0) + (l / kUnit % 2 ? lanes : 0))...);
}
// Blocks kFirst and kSecond of a, then of b; of two blocks each, kFirst alone.
template <int kFirst, int kSecond, class V, int... l>
EF_INLINE V joined_blocks(V a, V b, std::integer_sequence<int, l...>) {
  constexpr int lanes = sizeof...(l), block = 16 / static_cast<int>(sizeof(a[0]));
  return __builtin_shufflevector(a, b,
                                 ((l / block % (lanes / block / 2) ? kSecond : kFirst) * block +
                                  l % block + (l < lanes / 2 ? 0 : lanes))...);
}

// Transposes the squares that blocks of neighbouring rows make.
EF_INLINE void transpose_blocks(Values<float>* rows) {
  constexpr Lane<float> lane;
  const Values<float> a = unpacked<false, 1>(rows[0], rows[1], lane),
                      b = unpacked<true, 1>(rows[0], rows[1], lane),
                      c = unpacked<false, 1>(rows[2], rows[3], lane),
                      d = unpacked<true, 1>(rows[2], rows[3], lane);
  rows[0] = unpacked<false, 2>(a, c, lane);
  rows[1] = unpacked<true, 2>(a, c, lane);
  rows[2] = unpacked<false, 2>(b, d, lane);
  rows[3] = unpacked<true, 2>(b, d, lane);
}
EF_INLINE void transpose_blocks(Values<double>* rows) {
  const Values<double> a = rows[0], b = rows[1];
  rows[0] = unpacked<false, 1>(a, b, Lane<double>{});
  rows[1] = unpacked<true, 1>(a, b, Lane<double>{});
}

// Transposes a square of as many vectors as they have lanes: first in blocks, then the blocks.
template <class T>
EF_INLINE void transpose(Values<T>* rows) {
  constexpr Lane<T> lane;
  constexpr int lanes = kLanes<T>, block = 16 / static_cast<int>(sizeof(T));
  for (int r = 0; r < lanes; r += block) transpose_blocks(rows + r);
  if constexpr (lanes == 2 * block) {
    for (int r = 0; r < block; ++r) {
      const Values<T> a = rows[r], b = rows[r + block];
      rows[r] = joined_blocks<0, 0>(a, b, lane);
      rows[r + block] = joined_blocks<1, 1>(a, b, lane);
    }
  } else if constexpr (lanes == 4 * block) {
    for (int r = 0; r < block; ++r) {
      Values<T>* row = rows + r;
      const Values<T> a = joined_blocks<0, 1>(row[0], row[block], lane),
                      b = joined_blocks<2, 3>(row[0], row[block], lane),
                      c = joined_blocks<0, 1>(row[2 * block], row[3 * block], lane),
                      d = joined_blocks<2, 3>(row[2 * block], row[3 * block], lane);
      row[0] = joined_blocks<0, 2>(a, c, lane);
      row[block] = joined_blocks<1, 3>(a, c, lane);
      row[2 * block] = joined_blocks<0, 2>(b, d, lane);
      row[3 * block] = joined_blocks<1, 3>(b, d, lane);
    }
  }
}
// The last lane of a, then all but the last of b.
template <class V, int... l>
EF_INLINE V shifted(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, static_cast<int>(sizeof...(l)) - 1 + l...);
}

EF_LEVEL_END
