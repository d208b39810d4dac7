#include "cpu/hog/kernel.hpp"
#include "cpu/hog/plan.hpp"
#include "cpu/hog_backward/kernel.hpp"
#include "cpu/hog_backward/plan.hpp"

namespace ef {

HogShape hog_shape(int64_t h, int64_t w, int64_t cell, int orientations, HogVariant variant) {
  const int64_t n = orientations;
  if (variant == HogVariant::dpm)
    return {3 * n + 4, dpm_cell_count(h, cell) - 2, dpm_cell_count(w, cell) - 2};
  return {variant == HogVariant::uoctti ? 3 * n + 4 : 4 * n, cell_count(h, cell),
          cell_count(w, cell)};
}

size_t hog_workspace(const HogArgs& args) {
  const HogPlan plan(args);
  const size_t bytes = args.image_dtype == Dtype::float64
                           ? HogScratch<double, double, int64_t>::bytes(plan)
                           : HogScratch<float, float, int32_t>::bytes(plan);
  return workers_bytes(bytes, args.image.size[0] * plan.chunks, args.threads);
}

void hog_cpu(const HogArgs& args) { EF_DISPATCH(hog_kernel, args); }

size_t hog_backward_workspace(const HogGradients& g) {
  const BackwardPlan plan(g.forward);
  const size_t bytes = g.forward.image_dtype == Dtype::float64
                           ? BackwardScratch<double, int64_t>::bytes(plan)
                           : BackwardScratch<float, int32_t>::bytes(plan);
  return workers_bytes(bytes, g.forward.image.size[0] * plan.parts, g.forward.threads);
}

void hog_backward_cpu(const HogGradients& args) { EF_DISPATCH(hog_backward_kernel, args); }

}  // namespace ef
