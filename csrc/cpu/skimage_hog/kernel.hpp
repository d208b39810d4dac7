#pragma once
#include "cpu/dispatch.hpp"
#include "ops/skimage_hog.hpp"

// The parts of skimage_hog that are compiled once per CPU level.
EF_DECLARE_LEVELS(std::vector<UndecidedPixel> skimage_hog_cells_kernel(const SkimageHogCells& args))
EF_DECLARE_LEVELS(void skimage_hog_blocks_kernel(const SkimageHogBlocks& args))
