#pragma once
#include "cpu/pose_argmax/group.hpp"
#include "cpu/pose_argmax/products.hpp"

// Low rank: from the products of windows with the basis to upper bounds of scores, without the margin that all poses of
// a window share.
EF_LEVEL_BEGIN

struct Place {
  int64_t image, entry;
};

// kRows windows at most with `vectors` vectors of a panel (blocks, rank, 16), kGroups together: sink(place, vector, sums).
template <int kRows, int kGroups, class Sink>
void mix_rows(const PoseGroup& group, const Place* places, int64_t count, const float* panel,
              int64_t vectors, const Sink& sink) {
  const int64_t rank = group.a.panels.rank;
  const float* rows[kRows];
  for (int j = 0; j < kRows; ++j) {
    const Place at = places[std::min<int64_t>(j, count - 1)];
    rows[j] = group.projection_of(at.image, at.entry);
  }
  for (int64_t v = 0; v < vectors; v += kGroups) {
    const float* of_poses[kGroups];
    for (int g = 0; g < kGroups; ++g)
      of_poses[g] = panel_of(panel, std::min(v + g, vectors - 1), rank);
    Values<float> total[kRows][kGroups];
    // One chain of additions: against what the basis leaves, its rounding is nothing.
    multiply_windows<FloatProducts, kRows, kGroups>(rows, {1, 1, rank, 0, 0}, of_poses, total);
    for (int g = 0; g < kGroups && v + g < vectors; ++g)
      for (int j = 0; j < kRows && j < count; ++j) sink(places[j], v + g, total[j][g]);
  }
}

template <class Sink>
void mix_all(const PoseGroup& group, const Place* places, int64_t count, const float* panel,
             int64_t vectors, const Sink& sink) {
  for (int64_t k = 0; k < count;)
    with_window_rows(count - k, [&](auto rows) {
      mix_rows<rows, kWindowGroups>(group, places + k, count - k, panel, vectors, sink);
      k += rows;
    });
}

// Bounds of a vector of poses of a window, from its sums.
EF_INLINE Values<float> pose_bounds(const PoseGroup& group, Place of, int64_t vector,
                                    Values<float> sums) {
  const int64_t at = vector * kLanes<float>;
  return product_plus(load(group.a.panels.residual + at), all(group.beyond_of(of.image, of.entry)),
                      sums + load(group.offset_of(of.image) + at));
}

// The entries of the table, from the bounds of all poses.
inline void mix_poses(const PoseGroup& group, const Place* places, int64_t count) {
  mix_all(group, places, count, group.a.panels.mix, group.p.blocks * kParts,
          [&](Place of, int64_t vector, Values<float> sums) {
            offer(group.entry_of(of.image, of.entry), vector, pose_bounds(group, of, vector, sums));
          });
}

// The highest bounds of clusters alone: docs/exact-argmax.md, "Clusters of poses". Later mix_poses() goes over the
// same entries, once they are cleared.
inline void mix_clusters(const PoseGroup& group, const Place* places, int64_t count) {
  const PosePanels& panels = group.a.panels;
  mix_all(group, places, count, panels.centres, panels.cluster_blocks * kParts,
          [&](Place of, int64_t vector, Values<float> sums) {
            const int64_t at = vector * kLanes<float>;
            float* highest = group.entry_of(of.image, of.entry) + vector % kParts * kLanes<float>;
            Values<float> bound = sums + load(group.cluster_offset_of(of.image) + at);
            bound = product_plus(load(panels.cluster_radius + at),
                                 all(group.within_of(of.image, of.entry)), bound);
            bound = product_plus(load(panels.cluster_residual + at),
                                 all(group.beyond_of(of.image, of.entry)), bound);
            store(highest, larger(load(highest), bound));
          });
}

// Bounds of the poses of some blocks of one window.
inline void mix_blocks(const PoseGroup& group, Place of, int64_t block, int64_t blocks, float* to) {
  const int64_t first = block * kParts, rank = group.a.panels.rank;
  mix_rows<1, 4>(group, &of, 1, panel_of(group.a.panels.mix, first, rank), blocks * kParts,
                 [&](Place, int64_t vector, Values<float> sums) {
                   store(to + vector * kLanes<float>, pose_bounds(group, of, first + vector, sums));
                 });
}

EF_LEVEL_END
