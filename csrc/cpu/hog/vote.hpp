#pragma once
#include "cpu/hog/plan.hpp"

// Votes into blocks, and blocks into cells.
EF_LEVEL_BEGIN

// The four corners of a block as one vector (a GCC and Clang extension: SSE, AVX or plain code).
template <class T>
struct Corners;
template <>
struct Corners<float> {
  typedef float type __attribute__((vector_size(16)));
};
template <>
struct Corners<double> {
  typedef double type __attribute__((vector_size(32)));
};

// One pixel row of a strip: blocks[b][bin] += vote * (weights of the corners TL, TR, BL, BR).
// Pixels at the same place of consecutive blocks follow one another, so that no vote waits for the
// one before it.
template <class T>
void cast_votes(const HogPlan& p, const T* vote, const int32_t* bin, int64_t count, T below,
                T* blocks) {
  using V = typename Corners<T>::type;
  const int64_t cell = p.cell, bins = 2 * p.n;
  for (int64_t j = 0; j < cell; ++j) {
    const T right = block_weight<T>(j, cell);
    const V weight = {(1 - below) * (1 - right), (1 - below) * right, below * (1 - right),
                      below * right};
    const T* EF_RESTRICT v = vote + j;
    const int32_t* EF_RESTRICT k = bin + j;
    V* EF_RESTRICT block = reinterpret_cast<V*>(blocks);
    for (int64_t b = 0; b < count; ++b, v += cell, k += cell, block += bins)
      block[*k] += *v * weight;
  }
}

// Adds two corners (0: the top ones, 2: the bottom ones) of blocks first .. first + count - 1 to a
// row of cells. Block b's left corner belongs to cell b - 1, its right corner to cell b. A row
// starts one place early, for cell -1.
template <class T>
void spread_blocks(const HogPlan& p, const T* blocks, int64_t first, int64_t count, int corner,
                   T* cells) {
  const int64_t bins = 2 * p.n;
  for (int64_t k = 0; k < bins; ++k) {
    const T* EF_RESTRICT from = blocks + k * 4 + corner;
    T* EF_RESTRICT to = cells + k * p.pitch + first;
    for (int64_t b = 0; b < count; ++b) to[b] += from[b * bins * 4];
    for (int64_t b = 0; b < count; ++b) to[b + 1] += from[b * bins * 4 + 1];
  }
}

EF_LEVEL_END
