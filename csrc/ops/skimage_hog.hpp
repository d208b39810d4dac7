#pragma once
#include <cstddef>
#include <vector>

#include "core/view.hpp"

// The histogram of oriented gradients as skimage.feature.hog computes it, in two steps: histograms of
// cells, then blocks of normalised cells. Between them the caller settles the pixels whose orientation
// lies within rounding of a bin's boundary: there the answer depends on the caller's arctan2.
//
// Computes     cells: for every pixel the centred difference of the strongest channel, 0 across the image's
//              outermost rows and columns; its length goes to one of n bins of the half turn; sums over
//              cells that do not overlap, divided by the cell's area. blocks: every block of neighbouring
//              cells divided by its norm.
// Shapes       image (c, h, w) of uint8, float32 or float64, any strides. Histogram float32, rows of `pitch`
//              numbers, [h / cell_rows][w / cell_columns][n] of them used; pitch at least
//              skimage_hog_pitch(). Out [rows - block_rows + 1][columns - block_columns + 1][block_rows]
//              [block_columns][n], contiguous, float32 or float64.
// Aliasing     none of image, histogram, out and workspace may overlap.
// Empty input  no pixel, no cell or no block is the caller's error.
// Ties         a direction exactly on a boundary belongs to the upper bin; the first of equal channels.
// NaN          pixels with a NaN or an infinity in their gradient are left to the caller.
// Undecided    pixels in the order of their rows: they have not voted.
// Determinism  every cell is summed in the order of its rows, whatever the number of threads, the CPU level
//              and the layout of the image; blocks differ between CPU levels by rounding.
// Workspace    skimage_hog_cells_workspace(), skimage_hog_blocks_workspace() bytes, uninitialised.
// Source       Dalal & Triggs 2005; scikit-image 0.26, skimage/feature/_hog.py and _hoghistogram.pyx.
namespace ef {

struct UndecidedPixel {
  int64_t cell;  // where the first bin of its cell stands in the histogram
  double gradient_y, gradient_x;
  double share;  // its length, divided by the cell's area: what its bin lacks
};

struct SkimageHogCells {
  View<const void, 3> image;
  Dtype image_dtype;
  int orientations;
  int64_t cell_rows, cell_columns;  // pixels of a cell
  float* histogram;
  int64_t pitch;
  void* workspace;
  int threads;
};

enum class BlockNorm : int { l1 = 0, l1_sqrt = 1, l2 = 2, l2_hys = 3 };

struct SkimageHogBlocks {
  const float* histogram;
  int64_t pitch;
  int64_t rows, columns;  // cells
  int orientations;
  int64_t block_rows, block_columns;  // cells of a block
  BlockNorm norm;
  void* out;
  Dtype out_dtype;
  void* workspace;
  int threads;
};

// Vectors write past the last number of a row.
inline int64_t skimage_hog_pitch(int64_t columns, int64_t orientations) {
  return (columns * orientations + 31) / 16 * 16;
}

size_t skimage_hog_cells_workspace(const SkimageHogCells& args);
std::vector<UndecidedPixel> skimage_hog_cells_cpu(const SkimageHogCells& args);
size_t skimage_hog_blocks_workspace(const SkimageHogBlocks& args);
void skimage_hog_blocks_cpu(const SkimageHogBlocks& args);

}  // namespace ef
