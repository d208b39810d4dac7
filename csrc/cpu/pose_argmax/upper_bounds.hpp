#pragma once
#include "cpu/pose_argmax/group.hpp"
#include "cpu/pose_argmax/products.hpp"

// Low rank: the upper bounds of the scores of one window, without the margin that its poses share.
EF_LEVEL_BEGIN

inline void upper_bounds(const PoseGroup& group, int64_t i, int64_t e, int64_t block,
                         int64_t blocks, float* to) {
  const PosePanels& panels = group.a.panels;
  const WindowShape shape{panels.rank / kPoseBlock, 1, kPoseBlock, kPoseBlock, 0};
  const float* y = group.projection_of(i, e);
  constexpr int kTogether = 4;
  const int64_t first = block * kParts, vectors = blocks * kParts;
  for (int64_t v = 0; v < vectors; v += kTogether) {
    const float* of_poses[kTogether];
    for (int g = 0; g < kTogether; ++g)
      of_poses[g] = panel_of(panels.mix, first + std::min(v + g, vectors - 1), panels.rank);
    Values<float> total[1][kTogether];
    multiply_windows<FloatProducts, 1, kTogether>(&y, shape, of_poses, total);
    for (int g = 0; g < kTogether && v + g < vectors; ++g) {
      const int64_t at = (first + v + g) * kLanes<float>;
      store(to + (v + g) * kLanes<float>,
            product_plus(load(panels.residual + at), all(group.beyond_of(i, e)),
                         total[0][g] + load(group.offset_of(i) + at)));
    }
  }
}

EF_LEVEL_END
