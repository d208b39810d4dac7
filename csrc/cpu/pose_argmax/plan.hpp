#pragma once
#include "cpu/tasks.hpp"
#include "ops/pose_argmax.hpp"

// How a call is cut up. Images are taken in groups, so that small ones fill the vectors of the kernels
// together; a group is cut into tasks.
namespace ef {

struct Corner {
  int64_t y, x;
};

struct PosePlan {
  int64_t n, c, h, w, cp;             // cp: channels in the kernel's copy of the field
  int64_t poses, kh, kw, blocks;      // blocks of poses
  int64_t rows, columns;              // windows in y and in x
  int64_t windows;                    // that are scored of an image
  int64_t group, groups;              // images in a group
  int64_t tile, frequencies;          // of the transform; 0 on the direct route
  int64_t valid_rows, valid_columns;  // windows that a tile holds
  int64_t tiles_down, tiles_across;
  int64_t entries;  // of the tables, per image
  bool scattered;   // windows given one by one
  bool tiled;

  explicit PosePlan(const PoseArgmaxArgs& a)
      : n(a.features.size[0]),
        c(a.features.size[1]),
        h(a.features.size[2]),
        w(a.features.size[3]),
        cp(whole_lines(c)),
        poses(a.poses),
        kh(a.kh),
        kw(a.kw),
        blocks((a.poses + kPoseBlock - 1) / kPoseBlock),
        rows(h - kh + 1),
        columns(w - kw + 1),
        scattered(a.positions != nullptr) {
    windows = scattered ? a.positions_count : rows * columns;
    group = std::clamp<int64_t>(kGroupWindows / std::max<int64_t>(windows, 1), 1,
                                std::max<int64_t>(n, 1));
    groups = (n + group - 1) / group;
    tiled = a.panels.route != PoseRoute::direct && !scattered && a.panels.spectrum;
    tile = tiled ? a.panels.tile : 0;
    frequencies = tile * tile / 2 + 2;
    valid_rows = tile - kh + 1;
    valid_columns = tile - kw + 1;
    tiles_down = tiled ? (rows + valid_rows - 1) / valid_rows : 0;
    tiles_across = tiled ? (columns + valid_columns - 1) / valid_columns : 0;
    entries = tiled ? tiles() * valid_rows * valid_columns : windows;
  }
  int64_t tiles() const { return tiles_down * tiles_across; }
  // The first window of a tile, which is the first cell too.
  Corner tile_corner(int64_t tile) const {
    return {tile / tiles_across * valid_rows, tile % tiles_across * valid_columns};
  }
  int64_t tile_windows() const { return valid_rows * valid_columns; }
  int64_t cells() const { return h * w; }
  // Of an image's copy. Whole powers of two apart, the images of a group would share few lines of the cache.
  int64_t field_size() const { return cells() * cp + 16; }
  // Where few windows are scored of an image, its numbers are not worth widening once for all of them.
  bool widened() const { return windows > kFewWindows; }
  int64_t padded_poses() const { return blocks * kPoseBlock; }

 private:
  static constexpr int64_t kGroupWindows = 96, kFewWindows = 16;
};

// The window of an entry of the tables. Tiles at the far edges have entries whose windows reach beyond the field.
inline Corner corner_of(const PoseArgmaxArgs& a, const PosePlan& p, int64_t image, int64_t entry) {
  if (p.scattered) {
    const int64_t* given = a.positions + image * a.positions_stride + 2 * entry;
    return {given[0], given[1]};
  }
  if (!p.tiled) return {entry / p.columns, entry % p.columns};
  const Corner tile = p.tile_corner(entry / p.tile_windows());
  const int64_t in_tile = entry % p.tile_windows();
  return {tile.y + in_tile / p.valid_columns, tile.x + in_tile % p.valid_columns};
}

}  // namespace ef
