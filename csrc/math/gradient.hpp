#pragma once
#include "core/macros.hpp"

namespace ef {

// Squared length in float32, unfused: the quantity by which the strongest colour channel is chosen.
EF_HD inline float squared_length(float gx, float gy) { return gx * gx + gy * gy; }

// Whether a later channel replaces the strongest so far: strictly longer, so the first channel wins
// ties.
EF_HD inline bool stronger(float candidate, float best) { return candidate > best; }

}  // namespace ef
