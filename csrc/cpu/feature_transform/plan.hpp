#pragma once
#include <algorithm>

#include "core/carver.hpp"
#include "ops/feature_transform.hpp"

namespace ef {

constexpr int64_t kTile = 32;  // output cells that one pass over the mix fills

// A field with a border of m / 2 zero cells. Its cells form one run: the cells of a row, its
// border, the next row. A shift of (dy, dx) cells is then one offset for all, and tiles need not
// end where rows end.
struct PaddedField {
  int64_t channels, rows, columns, border, pitch, plane;
  PaddedField(int64_t channels, int64_t rows, int64_t columns, int64_t m)
      : channels(channels), rows(rows), columns(columns), border(m / 2) {
    pitch = columns + 2 * border;
    plane = pitch * (rows + 2 * border);
  }
  int64_t run() const { return rows * pitch; }  // from cell (0, 0) to the end of the last row
  // With room for the last tile of the last channel to read on.
  int64_t count() const { return channels * plane + kTile + 2 * border; }
  int64_t at(int64_t c, int64_t y, int64_t x) const {
    return c * plane + (y + border) * pitch + x + border;
  }
};

struct TransformPlan {
  int64_t n, c, h, w, d, H, W, m, taps;
  int64_t chunk, chunks;  // output rows per task, tasks per image

  TransformPlan(const FeatureTransformArgs& a, const int64_t* out_size)
      : n(a.x.size[0]),
        c(a.x.size[1]),
        h(a.x.size[2]),
        w(a.x.size[3]),
        d(out_size[1]),
        H(out_size[2]),
        W(out_size[3]),
        m(a.mix.m),
        taps(a.taps) {
    const int64_t images = std::max<int64_t>(n, 1);
    const int64_t wanted = images >= a.threads ? 1 : (2 * a.threads + images - 1) / images;
    chunk = std::max<int64_t>((H + wanted - 1) / wanted, 1);
    chunks = (H + chunk - 1) / chunk;
  }
  int64_t window() const { return m * m; }
  int64_t cells() const { return H * W; }
  int64_t sources() const {
    return h * w + 1;
  }  // of a copied plane; the last one stands for all outside
};

}  // namespace ef
