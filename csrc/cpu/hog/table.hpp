#pragma once
#include "math/orientation.hpp"
#include "ops/hog.hpp"

namespace ef {

// The table of the last call on this thread: making one costs as much as a small image.
inline const OrientationTable& hog_table(const HogArgs& a) {
  thread_local OrientationTable table{};
  thread_local bool of_four_digits = false;
  const bool four_digits = a.variant == HogVariant::dpm;
  if (table.n != a.orientations || of_four_digits != four_digits) {
    table = make_orientation_table(a.orientations, four_digits);
    of_four_digits = four_digits;
  }
  return table;
}

}  // namespace ef
