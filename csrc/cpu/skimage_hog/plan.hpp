#pragma once
#include "core/carver.hpp"
#include "cpu/tasks.hpp"
#include "ops/skimage_hog.hpp"

// How an image is cut up into tasks, and the memory of one worker.
namespace ef {

// Rows of a task: of several threads each gets a few tasks, so that one that comes late has less to do.
inline int64_t rows_of_task(int64_t rows, int threads, int64_t pixels_of_row) {
  const int64_t shared = threads > 1 ? rows / (4 * int64_t{threads}) : rows;
  return std::max<int64_t>(std::min(shared, kTaskPixels / std::max<int64_t>(pixels_of_row, 1)), 1);
}

struct CellsPlan {
  int64_t h, w, colours, n;
  int64_t cell_rows, cell_columns, rows, columns;
  int64_t width;   // pixels of a row that vote
  int64_t loaded;  // pixels of a row that are read
  int64_t pixels;  // room for a row of pixels, in whole vectors, with a line before it
  int64_t stride;  // numbers of a cell's sums, in whole vectors
  int64_t chunk, tasks;

  explicit CellsPlan(const SkimageHogCells& a)
      : h(a.image.size[1]),
        w(a.image.size[2]),
        colours(a.image.size[0]),
        n(a.orientations),
        cell_rows(a.cell_rows),
        cell_columns(a.cell_columns),
        rows(h / cell_rows),
        columns(w / cell_columns),
        width(columns * cell_columns),
        loaded(std::min(w, width + 1)),
        pixels(whole_lines(width + 1) + 2 * kLineFloats),
        stride(whole_lines(n)),
        chunk(rows_of_task(rows, a.threads, colours * cell_rows * w)),
        tasks((rows + chunk - 1) / chunk) {}
};

// T: float for images of uint8 and float32, whose differences are those of floats, or double.
template <class T>
struct CellsScratch {
  Carver carver;
  T* ring;         // 3 rows [colours][pixels]
  float* vote[2];  // [this row, next row][pixels]
  int32_t* place[2];
  float* sums;  // [columns][stride]

  static size_t bytes(const CellsPlan& p) { return CellsScratch(p, nullptr).carver.bytes(); }

  CellsScratch(const CellsPlan& p, char* memory) : carver(memory) {
    ring = carver.take<T>(3 * p.colours * p.pixels);
    for (int next = 0; next < 2; ++next) {
      vote[next] = carver.take<float>(p.pixels);
      place[next] = carver.take<int32_t>(p.pixels);
    }
    sums = carver.take<float>(p.columns * p.stride);
  }
};

struct BlocksPlan {
  int64_t rows, columns;  // blocks
  int64_t run;            // numbers of one row of cells of a block: neighbours in both arrays
  int64_t size, room;     // numbers of a block; and in whole vectors
  int64_t strip;          // blocks that are made at a time: they stay in the first-level cache
  int64_t chunk, tasks;

  explicit BlocksPlan(const SkimageHogBlocks& a)
      : rows(a.rows - a.block_rows + 1),
        columns(a.columns - a.block_columns + 1),
        run(a.block_columns * a.orientations),
        size(a.block_rows * run),
        room(whole_lines(size)),
        strip(std::max<int64_t>(std::min<int64_t>(4096 / room, columns), 1)),
        chunk(rows_of_task(rows, a.threads, columns * size)),
        tasks((rows + chunk - 1) / chunk) {}
};

struct BlocksScratch {
  Carver carver;
  double* sums;    // ring of block_rows rows [columns of cells]: what each cell adds to a norm
  double* column;  // [columns of cells]: sums over the rows of a block
  double* scale;   // [columns of cells]: 1 / norm of each block
  float* block;    // [strip][room], and a line

  static size_t bytes(const SkimageHogBlocks& a, const BlocksPlan& p) {
    return BlocksScratch(a, p, nullptr).carver.bytes();
  }

  BlocksScratch(const SkimageHogBlocks& a, const BlocksPlan& p, char* memory) : carver(memory) {
    sums = carver.take<double>(a.block_rows * a.columns);
    column = carver.take<double>(a.columns);
    scale = carver.take<double>(a.columns);
    block = carver.take<float>(p.strip * p.room + kLineFloats);
  }
};

}  // namespace ef
