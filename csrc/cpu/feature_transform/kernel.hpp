#pragma once
#include "cpu/dispatch.hpp"
#include "ops/feature_transform.hpp"

// The part of feature_transform that is compiled once per CPU level.
EF_DECLARE_LEVELS(void transform_kernel(const FeatureTransformArgs& args))
EF_DECLARE_LEVELS(void transform_backward_kernel(const FeatureTransformGradients& args))
EF_DECLARE_LEVELS(size_t transform_bytes(const FeatureTransformArgs& args))
EF_DECLARE_LEVELS(size_t transform_backward_bytes(const FeatureTransformGradients& args))
