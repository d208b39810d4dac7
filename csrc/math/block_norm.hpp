#pragma once
#include <cmath>

#include "core/macros.hpp"

// Block normalisation (Felzenszwalb et al. 2010, as in voc-dpm and VLFeat): each cell is divided by
// the lengths of the four 2 x 2 blocks that hold it, and clipped.
namespace ef {

constexpr double kBlockEpsilon = 1e-4;  // under the square root, in squared intensity units
constexpr double kClip = 0.2;
constexpr double kTextureUoctti = 0.23570226039551584;  // 1 / sqrt(18), VLFeat
constexpr double kTextureDpm = 0.2357;                  // voc-dpm

template <class T>
EF_HD inline T inverse_length(T energy_of_four_cells) {
  return T(1) / std::sqrt(energy_of_four_cells + T(kBlockEpsilon));
}

// NaN stays NaN: the comparison fails and v itself is taken.
template <class T>
EF_HD inline T clipped(T value, T inverse) {
  const T v = value * inverse;
  return v > T(kClip) ? T(kClip) : v;
}

}  // namespace ef
