#pragma once
#include "cpu/dispatch.hpp"
#include "ops/moments.hpp"

// The part of moments that is compiled once per CPU level.
EF_DECLARE_LEVELS(void moments_kernel(const MomentsArgs& args))
