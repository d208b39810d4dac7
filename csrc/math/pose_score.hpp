#pragma once
#include <cstdint>
#include <limits>

#include "core/macros.hpp"

// The score of a template on a window of a feature field, and which of two scores wins.
namespace ef {

// A score is a float64 sum of the exact products of float32 operands. Channel c is added to partial sum
// c % 8, cells in row order; the partial sums then meet in this tree. Padding channels that are 0 change nothing.
constexpr int kPartialSums = 8;

EF_HD inline double sum_of_partials(const double* s) {
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

constexpr double kNoScore = -std::numeric_limits<double>::infinity();

struct ScoredPose {
  double score = kNoScore;
  int64_t pose = -1, y = -1, x = -1;
};

// Higher score; then lower pose, y, x.
EF_HD inline bool beats(const ScoredPose& a, const ScoredPose& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.pose != b.pose) return a.pose < b.pose;
  return a.y != b.y ? a.y < b.y : a.x < b.x;
}

}  // namespace ef
