#pragma once
#include "cpu/hog/plan.hpp"
#include "math/orientation.hpp"

// One pixel row of one strip: bins and votes, in loops as those of gradient.hpp.
EF_LEVEL_BEGIN

// Boundaries passed by each folded gradient. kN > 0: the number of orientations, so that the loop
// unrolls.
template <int kN>
void boundaries_passed(const float* EF_RESTRICT gx, const float* EF_RESTRICT gy, int64_t count,
                       const OrientationTable& t, int32_t* EF_RESTRICT passed) {
  if (kN > 0) {
    for (int64_t i = 0; i < count; ++i) {
      const float x = folded_x(gx[i], gy[i]), y = folded_y(gy[i]);
      int32_t sum = 0;
      for (int k = 0; k < kN; ++k) sum += beyond(x, y, t.boundary_x[k], t.boundary_y[k]) ? 1 : 0;
      passed[i] = sum;
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) passed[i] = 0;
  for (int k = 0; k < t.n; ++k) {
    const float bx = t.boundary_x[k], by = t.boundary_y[k];
    for (int64_t i = 0; i < count; ++i)
      passed[i] += beyond(folded_x(gx[i], gy[i]), folded_y(gy[i]), bx, by) ? 1 : 0;
  }
}

inline void passed_by(const float* gx, const float* gy, int64_t count, const OrientationTable& t,
                      int32_t* passed) {
  if (t.n == 9) {
    boundaries_passed<9>(gx, gy, count, t, passed);
  } else {
    boundaries_passed<0>(gx, gy, count, t, passed);
  }
}

inline void directed_bins(const float* EF_RESTRICT gy, int64_t count, int n,
                          int32_t* EF_RESTRICT passed) {
  for (int64_t i = 0; i < count; ++i) passed[i] = directed_bin(passed[i], gy[i], n);
}

// bin[0] holds the boundaries passed. vote[0] holds the gradient lengths and is split between the
// two bins.
template <class T>
void split_between(const float* EF_RESTRICT gx, const float* EF_RESTRICT gy,
                   const float* EF_RESTRICT length2, const int32_t* EF_RESTRICT passed,
                   int64_t count, const OrientationTable& t, T* EF_RESTRICT first_vote,
                   T* EF_RESTRICT other_vote, int32_t* EF_RESTRICT other_bin) {
  const int n = t.n;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t k = passed[i];
    const T vote = first_vote[i];
    // The decisions take the length in float32, which for T = float is the vote.
    const float length =
        sizeof(T) == sizeof(float) ? static_cast<float>(vote) : std::sqrt(length2[i]);
    const SecondVote<T> other = second_vote<T>(folded_x(gx[i], gy[i]), folded_y(gy[i]), length,
                                               t.centre_x[k], t.centre_y[k], n);
    other_vote[i] = vote * other.share;
    first_vote[i] = vote - other_vote[i];
    other_bin[i] = directed_bin(k + other.side, gy[i], n);
  }
}

template <class T>
void split_votes(const HogScratch<T>& s, int64_t count, const OrientationTable& t) {
  split_between(s.gx, s.gy, s.length2, s.bin[0], count, t, s.vote[0], s.vote[1], s.bin[1]);
}

EF_LEVEL_END
