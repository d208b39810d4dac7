#pragma once
#include <type_traits>

#include "cpu/pose_argmax/group.hpp"
#include "math/pose_score.hpp"

// Scores as they are defined. Several at a time, so that one's additions need not wait for another's.
EF_LEVEL_BEGIN

constexpr int kScoresAtOnce = kLanes<double> == kPartialSums ? 8 : 4;

template <class Number>
struct WindowPair {
  const Number* window;    // rows of kw * cp numbers, row_stride apart
  const float* templates;  // kh rows of kw * cp numbers
};

constexpr int kSumVectors = kPartialSums / kLanes<double>;

inline double sum_of_vectors(const Values<double> (&partial)[kSumVectors]) {
  double s[kPartialSums];
  for (int v = 0; v < kSumVectors; ++v) store(s + v * kLanes<double>, partial[v]);
  return sum_of_partials(s);
}

template <class Number>
void exact_sums(const WindowPair<Number>* pairs, int64_t rows, int64_t row, int64_t row_stride,
                double* sums) {
  Values<double> partial[kScoresAtOnce][kSumVectors] = {};
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t k = 0; k < row; k += kPartialSums)
#pragma GCC unroll 8
      for (int j = 0; j < kScoresAtOnce; ++j)
#pragma GCC unroll 4
        for (int v = 0; v < kSumVectors; ++v) {
          const int64_t at = k + v * kLanes<double>;
          partial[j][v] = product_plus(widened(pairs[j].window + y * row_stride + at),
                                       widened(pairs[j].templates + y * row + at), partial[j][v]);
        }
  for (int j = 0; j < kScoresAtOnce; ++j) sums[j] = sum_of_vectors(partial[j]);
}

// A score's sum in float32. No chain is longer than a quarter of the vectors and the lanes.
inline double quick_sum(const float* window, const float* templates, int64_t rows, int64_t row,
                        int64_t row_stride) {
  Values<float> sum[4] = {};
  for (int64_t y = 0; y < rows; ++y) {
    const float *a = window + y * row_stride, *b = templates + y * row;
    int64_t k = 0;
    for (; k + 4 * kLanes<float> <= row; k += 4 * kLanes<float>)
      for (int j = 0; j < 4; ++j)
        sum[j] =
            product_plus(load(a + k + j * kLanes<float>), load(b + k + j * kLanes<float>), sum[j]);
    for (; k < row; k += kLanes<float>) sum[0] = product_plus(load(a + k), load(b + k), sum[0]);
  }
  return static_cast<double>(sum_of((sum[0] + sum[1]) + (sum[2] + sum[3])));
}
// |error| <= this * length of the window * length of the template.
inline double quick_factor(int64_t rows, int64_t row) {
  const int64_t in_row = row / (4 * kLanes<float>)+4;
  return sum_factor(rows * in_row, kLanes<float> + 2);
}

// Collects (image, window, pose), scores some at a time and hands each to sink(tag, pose, score).
template <class Number, class Sink>
class ExactScorer {
 public:
  ExactScorer(const PoseGroup& group, const Sink& sink) : g_(group), p_(group.p), sink_(sink) {}

  void add(int64_t image, int64_t y, int64_t x, int64_t pose, int64_t tag) {
    pairs_[held_] = {window(image, y, x), g_.a.panels.templates + pose * p_.kh * p_.kw * p_.cp};
    image_[held_] = image;
    pose_[held_] = pose;
    tag_[held_] = tag;
    if (++held_ == kScoresAtOnce) flush();
  }

  // The window's numbers in the form that they are scored from.
  const Number* window(int64_t image, int64_t y, int64_t x) const {
    return field(image) + (y * p_.w + x) * p_.cp;
  }

  void flush() {
    if (!held_) return;
    for (int j = held_; j < kScoresAtOnce; ++j) pairs_[j] = pairs_[0];
    double sums[kScoresAtOnce];
    exact_sums(pairs_, p_.kh, p_.kw * p_.cp, p_.w * p_.cp, sums);
    for (int j = 0; j < held_; ++j)
      sink_(tag_[j], pose_[j], g_.shifted(sums[j], image_[j], pose_[j]));
    scored += held_;
    held_ = 0;
  }

  int64_t scored = 0;

 private:
  const Number* field(int64_t image) const {
    if constexpr (std::is_same<Number, double>::value)
      return g_.wide_field_of(image);
    else
      return g_.field_of(image);
  }

  const PoseGroup& g_;
  const PosePlan& p_;
  const Sink& sink_;
  WindowPair<Number> pairs_[kScoresAtOnce] = {};
  int64_t image_[kScoresAtOnce] = {}, pose_[kScoresAtOnce] = {}, tag_[kScoresAtOnce] = {};
  int held_ = 0;
};

EF_LEVEL_END
