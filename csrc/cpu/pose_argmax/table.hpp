#pragma once
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/lanes.hpp"
#include "ops/pose_argmax.hpp"

// What a route keeps of the scores of a window: for each of the 16 lanes of a block the highest one, its block,
// and the second highest. That tells most windows' answer, and where it does not, which poses are left.
EF_LEVEL_BEGIN

constexpr int64_t kEntry = 3 * kPoseBlock;  // floats of an entry: highest, second, block (int32)
constexpr int kParts = kPoseBlock / kLanes<float>;  // vectors of a block

inline void clear_entries(float* table, int64_t entries) {
  const Values<float> none = all(-std::numeric_limits<float>::infinity());
  for (int64_t e = 0; e < entries; ++e, table += kEntry)
    for (int p = 0; p < kParts; ++p) {
      store(table + p * kLanes<float>, none);
      store(table + kPoseBlock + p * kLanes<float>, none);
      store(table + 2 * kPoseBlock + p * kLanes<float>, Values<float>{});
    }
}

// Vectors of poses are counted through all blocks. This one finds its numbers in panels of `numbers` numbers per pose.
template <class T>
const T* panel_of(const T* panels, int64_t vector, int64_t numbers) {
  return panels + vector / kParts * numbers * kPoseBlock + vector % kParts * kLanes<float>;
}

// The scores of one vector of poses. A NaN ends in the second place.
EF_INLINE void offer(float* entry, int64_t vector, Values<float> score) {
  const auto block = static_cast<int32_t>(vector / kParts);
  float* at = entry + vector % kParts * kLanes<float>;
  const Values<float> best = load(at), second = load(at + kPoseBlock);
  const Bits<float> where = (Bits<float>)load(at + 2 * kPoseBlock);
  const auto higher = score > best;
  store(at + kPoseBlock, larger(second, smaller(best, score)));
  store(at, higher ? score : best);
  store(at + 2 * kPoseBlock, (Values<float>)(higher ? block - Bits<float>{} : where));
}

// The largest float that is not above v.
inline float rounded_down(double v) {
  const auto nearest = static_cast<float>(v);
  return static_cast<double>(nearest) > v
             ? std::nextafter(nearest, -std::numeric_limits<float>::infinity())
             : nearest;
}

struct Entry {
  const float* at;
  float best(int lane) const { return at[lane]; }
  float second(int lane) const { return at[kPoseBlock + lane]; }
  int64_t pose(int lane) const {
    int32_t block;
    std::memcpy(&block, at + 2 * kPoseBlock + lane, sizeof block);
    return int64_t{block} * kPoseBlock + lane;
  }

  float highest() const {
    Values<float> most = load(at);
    for (int p = 1; p < kParts; ++p) most = larger(most, load(at + p * kLanes<float>));
    return largest_of(most);
  }
  // Bit l is set where the best, or the second best, of lane l is not below `least`; a NaN is not.
  uint32_t best_from(float least) const { return lanes_from(at, least); }
  uint32_t second_from(float least) const { return lanes_from(at + kPoseBlock, least); }

 private:
  static uint32_t lanes_from(const float* numbers, float least) {
    uint32_t lanes = 0;
    for (int p = 0; p < kParts; ++p) {
      const auto below = load(numbers + p * kLanes<float>) < all(least);
      lanes |= signs_of(~(Bits<float>)below) << (p * kLanes<float>);
    }
    return lanes;
  }
};

EF_LEVEL_END
