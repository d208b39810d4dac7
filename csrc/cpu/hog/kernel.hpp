#pragma once
#include "cpu/dispatch.hpp"
#include "ops/hog.hpp"

// The part of hog that is compiled once per CPU level.
EF_DECLARE_LEVELS(void hog_kernel(const HogArgs& args))
EF_DECLARE_LEVELS(void orientation_bins(const float* gx, const float* gy, int64_t count,
                                        int orientations, bool four_digits, int32_t* bins))
