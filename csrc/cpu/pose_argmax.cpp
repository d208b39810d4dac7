#include <cmath>
#include <stdexcept>
#include <string>

#include "cpu/pose_argmax/kernel.hpp"

namespace ef {
namespace {

template <class T>
void check_finite(const char* name, const T* values, int64_t count) {
  for (int64_t g = 0; values && g < count; ++g)
    if (!std::isfinite(values[g]))
      throw std::invalid_argument("pose_argmax: " + std::string(name) +
                                  " must be finite, got NaN or infinity at pose " +
                                  std::to_string(g));
}

// A window beyond the field would be somebody else's memory.
void check_positions(const PoseArgmaxArgs& a) {
  const int64_t rows = a.features.size[2] - a.kh + 1, columns = a.features.size[3] - a.kw + 1;
  const int64_t images = a.positions_stride ? a.features.size[0] : 1;
  for (int64_t i = 0; a.positions && i < images; ++i)
    for (int64_t k = 0; k < a.positions_count; ++k) {
      const int64_t* at = a.positions + i * a.positions_stride + 2 * k;
      if (at[0] < 0 || at[0] >= rows || at[1] < 0 || at[1] >= columns)
        throw std::invalid_argument("pose_argmax: positions must be (y, x) below (" +
                                    std::to_string(rows) + ", " + std::to_string(columns) +
                                    "), got (" + std::to_string(at[0]) + ", " +
                                    std::to_string(at[1]) + ")");
    }
}

}  // namespace

size_t pose_argmax_workspace(const PoseArgmaxArgs& args) { EF_DISPATCH(pose_argmax_bytes, args); }

void pose_argmax_cpu(const PoseArgmaxArgs& a) {
  check_finite("templates", a.panels.norm, a.poses);
  check_finite("bias", a.bias, a.poses);
  const int64_t images = a.prior_stride ? a.features.size[0] : 1;
  for (int64_t i = 0; a.prior && i < images; ++i)
    check_finite("prior", a.prior + i * a.prior_stride, a.poses);
  check_positions(a);
  EF_DISPATCH(pose_argmax_kernel, a);
}

}  // namespace ef
