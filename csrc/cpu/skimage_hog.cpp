#include "cpu/skimage_hog/kernel.hpp"
#include "cpu/skimage_hog/plan.hpp"

namespace ef {

size_t skimage_hog_cells_workspace(const SkimageHogCells& args) {
  const CellsPlan plan(args);
  const size_t bytes = args.image_dtype == Dtype::float64 ? CellsScratch<double>::bytes(plan)
                                                          : CellsScratch<float>::bytes(plan);
  return workers_bytes(bytes, plan.tasks, args.threads);
}

std::vector<UndecidedPixel> skimage_hog_cells_cpu(const SkimageHogCells& args) {
  EF_DISPATCH(skimage_hog_cells_kernel, args);
}

size_t skimage_hog_blocks_workspace(const SkimageHogBlocks& args) {
  const BlocksPlan plan(args);
  return workers_bytes(BlocksScratch::bytes(args, plan), plan.tasks, args.threads);
}

void skimage_hog_blocks_cpu(const SkimageHogBlocks& args) {
  EF_DISPATCH(skimage_hog_blocks_kernel, args);
}

}  // namespace ef
