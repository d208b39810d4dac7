#include "cpu/skimage_hog/kernel.hpp"

#include "cpu/parallel.hpp"
#include "cpu/skimage_hog/blocks.hpp"
#include "cpu/skimage_hog/cells.hpp"

// From what a call asks for to the code compiled for it.
EF_LEVEL_BEGIN

using UndecidedPixels = std::vector<UndecidedPixel>;

template <class In, class T, int kColours, int kN, int kCell, bool kDiagonal>
UndecidedPixels run_cells(const SkimageHogCells& a) {
  const CellsPlan plan(a);
  const HalfTurn table(a.orientations);
  const size_t bytes = CellsScratch<T>::bytes(plan);
  std::vector<UndecidedPixels> of_task(static_cast<size_t>(plan.tasks));
  parallel_for(plan.tasks, a.threads, [&](int64_t task, int worker) {
    CellRows<In, T, kColours, kN, kCell, kDiagonal> cells(
        a, plan, table, static_cast<char*>(a.workspace) + bytes * worker,
        of_task[static_cast<size_t>(task)]);
    const int64_t first = task * plan.chunk;
    cells.run(first, std::min(first + plan.chunk, plan.rows));
  });
  UndecidedPixels all = std::move(of_task[0]);
  for (size_t task = 1; task < of_task.size(); ++task)
    all.insert(all.end(), of_task[task].begin(), of_task[task].end());
  return all;
}

template <class In, class T, int kN, int kCell, bool kDiagonal>
UndecidedPixels run_colours(const SkimageHogCells& a) {
  switch (a.image.size[0]) {
    case 1:
      return run_cells<In, T, 1, kN, kCell, kDiagonal>(a);
    case 3:
      return run_cells<In, T, 3, kN, kCell, kDiagonal>(a);
    default:
      return run_cells<In, T, 0, kN, kCell, kDiagonal>(a);
  }
}

// The most common setting is compiled for itself, and for its numbers of channels.
template <class In, class T>
UndecidedPixels run_setting(const SkimageHogCells& a) {
  if (a.orientations == 9 && a.cell_columns == 8) return run_colours<In, T, 9, 8, false>(a);
  return a.orientations % 4 ? run_cells<In, T, 0, 0, 0, false>(a)
                            : run_cells<In, T, 0, 0, 0, true>(a);
}

UndecidedPixels skimage_hog_cells_kernel(const SkimageHogCells& a) {
  switch (a.image_dtype) {
    case Dtype::uint8:
      return run_setting<uint8_t, float>(a);
    case Dtype::float32:
      return run_setting<float, float>(a);
    default:
      return run_setting<double, double>(a);
  }
}

template <BlockNorm kNorm, class Out>
void run_blocks(const SkimageHogBlocks& a) {
  const BlocksPlan plan(a);
  const size_t bytes = BlocksScratch::bytes(a, plan);
  parallel_for(plan.tasks, a.threads, [&](int64_t task, int worker) {
    BlockRows<kNorm, Out> blocks(a, plan, static_cast<char*>(a.workspace) + bytes * worker);
    const int64_t first = task * plan.chunk;
    blocks.run(first, std::min(first + plan.chunk, plan.rows));
  });
}

template <class Out>
void run_norm(const SkimageHogBlocks& a) {
  switch (a.norm) {
    case BlockNorm::l1:
      return run_blocks<BlockNorm::l1, Out>(a);
    case BlockNorm::l1_sqrt:
      return run_blocks<BlockNorm::l1_sqrt, Out>(a);
    case BlockNorm::l2:
      return run_blocks<BlockNorm::l2, Out>(a);
    default:
      return run_blocks<BlockNorm::l2_hys, Out>(a);
  }
}

void skimage_hog_blocks_kernel(const SkimageHogBlocks& a) {
  a.out_dtype == Dtype::float64 ? run_norm<double>(a) : run_norm<float>(a);
}

EF_LEVEL_END
