#pragma once
#include "core/carver.hpp"
#include "cpu/tasks.hpp"
#include "math/cells.hpp"
#include "ops/hog.hpp"

// How one image is cut up: strips of blocks inside block rows, chunks of cell rows for the threads.
namespace ef {

// Blocks of a strip's histogram, which stays in the first-level cache; the last one is never voted
// into, so that the cells of a strip are no more than its blocks.
constexpr int64_t kStripBlocks = 32;
struct HogPlan {
  int64_t h, w, colours;  // image
  int64_t cell, n;        // cell size, orientations
  int64_t votes;          // of a pixel: 1, or 2 of bilinear assignment
  int64_t rows, columns;  // cells computed (dpm drops the outermost ones on output)
  int64_t end_y, end_x;   // pixels 1 .. end - 1 vote
  int64_t out_channels, out_rows, out_columns, dropped;
  int64_t strip;  // blocks of a strip; the last strip of a row may have fewer
  int64_t pitch;  // cells of one row of one bin, a spare on either side, and a strip's overhang
  bool far_image, far_out;  // larger than the caches: worth a prefetch, worth no place there
  int64_t chunk;            // output rows per task
  int64_t chunks;           // tasks per image

  explicit HogPlan(const HogArgs& a)
      : h(a.image.size[2]),
        w(a.image.size[3]),
        colours(a.image.size[1]),
        cell(a.cell),
        n(a.orientations),
        votes(a.bilinear ? 2 : 1) {
    const HogShape shape = hog_shape(h, w, cell, a.orientations, a.variant);
    const bool dpm = a.variant == HogVariant::dpm;
    dropped = dpm ? 1 : 0;
    out_channels = shape.channels;
    out_rows = shape.height;
    out_columns = shape.width;
    rows = out_rows + 2 * dropped;
    columns = out_columns + 2 * dropped;
    end_y = dpm ? rows * cell - 1 : h - 1;
    end_x = dpm ? columns * cell - 1 : w - 1;
    const int64_t strips =
        (columns + kStripBlocks - 1) / (kStripBlocks - 1);  // of columns + 1 blocks
    strip = (columns + strips) / strips;
    pitch = whole_lines(columns + 2) + kStripBlocks;
    constexpr int64_t kCache = int64_t{1} << 22;
    const int64_t pixel = a.image_dtype == Dtype::uint8     ? 1
                          : a.image_dtype == Dtype::float32 ? 4
                                                            : 8;
    far_image = a.image.size[0] * colours * h * w * pixel > kCache;
    far_out = a.image.size[0] * out_channels * out_rows * out_columns * 4 > kCache;
    // One task per image when there are images enough; otherwise rows are shared out, and the cell
    // rows around each chunk are computed twice. Chunks of many rows are halved again, for threads
    // that come late.
    const int64_t images = std::max<int64_t>(a.image.size[0], 1);
    int64_t wanted = (a.threads + images - 1) / images;
    if (wanted > 1 && out_rows >= 64 * wanted) wanted *= 2;
    chunk = std::max<int64_t>((out_rows + wanted - 1) / wanted, std::min<int64_t>(out_rows, 8));
    chunk = std::min(chunk, std::max<int64_t>(kTaskPixels / (cell * std::max<int64_t>(w, 1)), 8));
    chunks = (out_rows + chunk - 1) / chunk;
  }
  int64_t strip_pixels() const { return whole_lines(kStripBlocks * cell + 2) + kLineFloats; }
};

// Pixels of a row on the way to their two votes: [strip_pixels].
template <class T, class Place>
struct Halfway {
  T* vote;    // length of the gradient
  T* length;  // the same as the cosine sees it, a float32: of float images no array of its own
  T *along, *across;  // the gradient beside the centre of its bin
  Place* bin;

  Halfway(Carver& carver, int64_t count) {
    vote = carver.take<T>(count);
    length = sizeof(T) == sizeof(float) ? vote : carver.take<T>(count);
    along = carver.take<T>(count);
    across = carver.take<T>(count);
    bin = carver.take<Place>(count);
  }
};

// What one worker votes with. Place: an integer as wide as T.
template <class In, class T, class Place>
struct VoteScratch {
  In* pixels;  // ring of 3 rows [colours][strip_pixels], of strips that are not read in place
  Halfway<T, Place> halfway;  // of bilinear assignment
  T* vote[2];                 // of this row and the next: [strip_pixels][votes]
  Place* place[2];            // [strip_pixels]
  T* weight;                  // [cell][4 corners]: the factor of each column of a block
  T* histogram;               // [2 n + 1][kStripBlocks][votes][4 corners]

  VoteScratch(const HogPlan& p, Carver& carver)
      : halfway(carver, p.votes == 2 ? p.strip_pixels() : 0) {
    const int64_t strip = p.strip_pixels();
    pixels = carver.take<In>(3 * p.colours * strip);
    for (T*& one : vote) one = carver.take<T>(p.votes * strip);
    for (Place*& one : place) one = carver.take<Place>(strip);
    weight = carver.take<T>(4 * p.cell);
    histogram = carver.take<T>((2 * p.n + 1) * kStripBlocks * p.votes * 4);
  }
};

// One worker's memory, carved out of the caller's workspace.
template <class In, class T, class Place>
struct HogScratch {
  Carver carver;
  VoteScratch<In, T, Place> votes;
  T* cells;    // ring of 3 rows [2 n][pitch]
  T* energy;   // ring of 3 rows [pitch]
  T* inverse;  // [2][pitch]
  T* row;      // [whole_lines(channels)][pitch]: one finished row of cells

  static size_t bytes(const HogPlan& p) { return HogScratch(p, nullptr).carver.bytes(); }

  HogScratch(const HogPlan& p, char* memory) : carver(memory), votes(p, carver) {
    cells = carver.take<T>(3 * 2 * p.n * p.pitch);
    energy = carver.take<T>(3 * p.pitch);
    inverse = carver.take<T>(2 * p.pitch);
    row = carver.take<T>(whole_lines(p.out_channels) * p.pitch);
  }
};

}  // namespace ef
