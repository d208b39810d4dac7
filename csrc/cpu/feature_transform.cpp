#include <stdexcept>
#include <string>

#include "cpu/feature_transform/kernel.hpp"

namespace ef {
namespace {

[[noreturn]] void reject(const std::string& what) {
  throw std::invalid_argument("feature_transform: " + what);
}

// Without a branch for each number: there are thousands, and all are right as a rule. A number below -1
// or too large sets the sign of one of two sums.
void check_index(const int64_t* index, int64_t count, int64_t sources) {
  uint64_t wrong = 0;
  for (int64_t e = 0; e < count; ++e) {
    const uint64_t source = static_cast<uint64_t>(index[e]);
    wrong |= (source + 1) | (static_cast<uint64_t>(sources) - 1 - source);
  }
  if (wrong >> 63 == 0) return;
  for (int64_t e = 0; e < count; ++e)
    if (index[e] < -1 || index[e] >= sources)
      reject("index must be -1 or a source cell 0.." + std::to_string(sources - 1) + ", got " +
             std::to_string(index[e]));
}

// A wrong index would read somebody else's memory, so it is looked for before anything runs.
void check_contents(const FeatureTransformArgs& a, const int64_t* out_size) {
  const int64_t cells = out_size[2] * out_size[3], sources = a.x.size[2] * a.x.size[3];
  check_index(a.index, cells * a.taps, sources);
  if (!a.mix.column) return;
  const int64_t columns = a.x.size[1] * a.mix.m * a.mix.m, d = out_size[1];
  if (a.mix.row_begin[0] != 0 || a.mix.row_begin[d] != a.mix.count)
    reject("mix has inconsistent CSR row pointers");
  for (int64_t r = 0; r < d; ++r)
    if (a.mix.row_begin[r] > a.mix.row_begin[r + 1]) reject("mix has decreasing CSR row pointers");
  for (int64_t e = 0; e < a.mix.count; ++e)
    if (a.mix.column[e] < 0 || a.mix.column[e] >= columns)
      reject("mix columns must be 0.." + std::to_string(columns - 1) + ", got " +
             std::to_string(a.mix.column[e]));
}

size_t bytes(const FeatureTransformArgs& args) { EF_DISPATCH(transform_bytes, args); }
size_t bytes(const FeatureTransformGradients& args) { EF_DISPATCH(transform_backward_bytes, args); }
void run(const FeatureTransformArgs& args) { EF_DISPATCH(transform_kernel, args); }
void run(const FeatureTransformGradients& args) { EF_DISPATCH(transform_backward_kernel, args); }

}  // namespace

size_t feature_transform_workspace(const FeatureTransformArgs& args) { return bytes(args); }
size_t feature_transform_backward_workspace(const FeatureTransformGradients& args) {
  return bytes(args);
}

void feature_transform_cpu(const FeatureTransformArgs& args) {
  check_contents(args, args.out.size);
  run(args);
}

void feature_transform_backward_cpu(const FeatureTransformGradients& args) {
  check_contents(args.forward, args.grad_out.size);
  run(args);
}

}  // namespace ef
