#pragma once
#include "cpu/hog/plan.hpp"

// Memory of the backward pass: one worker's, carved out of the caller's workspace. Rows of cells have
// cell c at c + 1, rows of blocks block c, which lies between cells c - 1 and c, at c.
namespace ef {

struct BackwardPlan : HogPlan {
  int64_t parts, part;  // tasks per image, and their rows of pixels

  // Rows around a part are computed twice: no more parts than threads.
  explicit BackwardPlan(const HogArgs& a) : HogPlan(a) {
    const int64_t images = std::max<int64_t>(a.image.size[0], 1),
                  wanted = (a.threads + images - 1) / images;
    const int64_t most = kTaskPixels / std::max<int64_t>(w, 1);
    part = std::max(std::min((h + wanted - 1) / wanted, most), 8 * cell);
    parts = (h + part - 1) / part;
  }
};

// The gradient with respect to rows of cells, while their neighbours are not known yet.
template <class T>
struct CellScratch {
  T* cells;     // ring of 4 rows [2 n][pitch]
  T* energy;    // ring of 4 rows [pitch]
  T* direct;    // ring of 2 rows [2 n][pitch]: gradient of cells but for the blocks' lengths
  T* block;     // ring of 3 rows [pitch]: gradient of the blocks' energies
  T* gradient;  // ring of 2 rows [2 n][pitch]
  T* zeros;     // [2 n][pitch]
  T* grad;      // [channels][pitch]: the row of the given gradient
  T* inverse;   // [2][pitch]: of the lengths of the blocks above and below
  T* share[4];  // [pitch]: what a cell gives to the lengths of its four blocks
  T* below;     // [pitch]: what the last row gave to the blocks below it
  T* sum;       // [pitch]

  CellScratch(const HogPlan& p, Carver& carver) {
    const int64_t row = 2 * p.n * p.pitch;
    cells = carver.take<T>(4 * row);
    energy = carver.take<T>(4 * p.pitch);
    direct = carver.take<T>(2 * row);
    block = carver.take<T>(3 * p.pitch);
    gradient = carver.take<T>(2 * row);
    zeros = carver.take<T>(row);
    grad = carver.take<T>(p.out_channels * p.pitch);
    inverse = carver.take<T>(2 * p.pitch);
    for (T*& one : share) one = carver.take<T>(p.pitch);
    below = carver.take<T>(p.pitch);
    sum = carver.take<T>(p.pitch);
  }
};

// One pixel row after another. Rows of pixels have a margin for the pixels of the outermost blocks
// and for what whole vectors run over.
template <class T, class Place>
struct PixelScratch {
  T* pixels;        // ring of 3 rows [colours][width]
  T* table;         // [columns + 1 blocks][2 n + 1][4 corners]: gradients of cells
  T* factor;        // [cell][4 corners]: of the votes of this row
  T* unit[2];       // [width]: the direction of each pixel's gradient
  T *share, *turn;  // [width]: of the second bin; how it grows with the angle
  Place* channel;   // ring of 3 rows [width]: the strongest
  Place* place[2];  // [width]: first and second bin
  T* vote[2];       // [width]: gradients of the two votes
  T* gradient;      // ring of 3 rows [2: along x, along y][width], of the strongest channel
  int64_t margin, width;

  PixelScratch(const HogPlan& p, Carver& carver) {
    margin = whole_lines(p.cell + 2);
    width = whole_lines(std::max(p.w, p.end_x) + 2 * p.cell) + 2 * margin;
    pixels = carver.take<T>(3 * p.colours * width);
    table = carver.take<T>((p.columns + 1) * (2 * p.n + 1) * 4);
    factor = carver.take<T>(4 * p.cell);
    for (T*& one : unit) one = carver.take<T>(width);
    share = carver.take<T>(width);
    turn = carver.take<T>(width);
    channel = carver.take<Place>(3 * width);
    for (Place*& one : place) one = carver.take<Place>(width);
    for (T*& one : vote) one = carver.take<T>(width);
    gradient = carver.take<T>(3 * 2 * width);
  }
};

template <class T, class Place>
struct BackwardScratch {
  Carver carver;
  VoteScratch<T, T, Place> votes;
  CellScratch<T> cells;
  PixelScratch<T, Place> pixels;

  static size_t bytes(const HogPlan& p) { return BackwardScratch(p, nullptr).carver.bytes(); }

  BackwardScratch(const HogPlan& p, char* memory)
      : carver(memory), votes(p, carver), cells(p, carver), pixels(p, carver) {}
};

}  // namespace ef
