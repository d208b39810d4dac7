#include "cpu/feature_transform/kernel.hpp"

#include "cpu/feature_transform/backward.hpp"
#include "cpu/feature_transform/forward.hpp"

EF_LEVEL_BEGIN

void transform_kernel(const FeatureTransformArgs& a) {
  return a.dtype == Dtype::float64 ? Forward<double>(a, a.workspace).run()
                                   : Forward<float>(a, a.workspace).run();
}

size_t transform_bytes(const FeatureTransformArgs& a) {
  return a.dtype == Dtype::float64 ? Forward<double>(a, nullptr).bytes()
                                   : Forward<float>(a, nullptr).bytes();
}

void transform_backward_kernel(const FeatureTransformGradients& a) {
  return a.forward.dtype == Dtype::float64 ? Backward<double>(a, a.forward.workspace).run()
                                           : Backward<float>(a, a.forward.workspace).run();
}

size_t transform_backward_bytes(const FeatureTransformGradients& a) {
  return a.forward.dtype == Dtype::float64 ? Backward<double>(a, nullptr).bytes()
                                           : Backward<float>(a, nullptr).bytes();
}

EF_LEVEL_END
