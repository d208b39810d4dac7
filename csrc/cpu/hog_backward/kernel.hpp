#pragma once
#include "cpu/dispatch.hpp"
#include "ops/hog.hpp"

// The part of hog's backward pass that is compiled once per CPU level.
EF_DECLARE_LEVELS(void hog_backward_kernel(const HogGradients& args))
