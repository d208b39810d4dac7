#pragma once
#include "cpu/dispatch.hpp"
#include "ops/pose_argmax.hpp"

// The part of pose_argmax that is compiled once per CPU level.
EF_DECLARE_LEVELS(void pose_argmax_kernel(const PoseArgmaxArgs& args))
EF_DECLARE_LEVELS(size_t pose_argmax_bytes(const PoseArgmaxArgs& args))
