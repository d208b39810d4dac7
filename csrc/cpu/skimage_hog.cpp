#include "cpu/skimage_hog/kernel.hpp"
#include "cpu/skimage_hog/plan.hpp"

namespace ef {

namespace {
size_t for_workers(size_t bytes, int threads, int64_t tasks) {
  return bytes * static_cast<size_t>(std::max<int64_t>(std::min<int64_t>(threads, tasks), 1)) + 64;
}
}  // namespace

size_t skimage_hog_cells_workspace(const SkimageHogCells& args) {
  const CellsPlan plan(args);
  const size_t bytes = args.image_dtype == Dtype::float64 ? CellsScratch<double>::bytes(plan)
                                                          : CellsScratch<float>::bytes(plan);
  return for_workers(bytes, args.threads, plan.tasks);
}

std::vector<UndecidedPixel> skimage_hog_cells_cpu(const SkimageHogCells& args) {
  EF_DISPATCH(skimage_hog_cells_kernel, args);
}

size_t skimage_hog_blocks_workspace(const SkimageHogBlocks& args) {
  const BlocksPlan plan(args);
  return for_workers(BlocksScratch::bytes(args, plan), args.threads, plan.tasks);
}

void skimage_hog_blocks_cpu(const SkimageHogBlocks& args) {
  EF_DISPATCH(skimage_hog_blocks_kernel, args);
}

}  // namespace ef
