#pragma once
#include "core/macros.hpp"
#include "cpu/lanes.hpp"

// Rows of pixels, and how they are copied out of an image.
EF_LEVEL_BEGIN

// One row of pixels and its neighbours: pointers to the first pixel in the first channel.
template <class T>
struct Rows {
  const T *above, *here, *below;
  int64_t channel;  // numbers to the next channel
};

template <class In, class T>
EF_INLINE void copy_every(const In* EF_RESTRICT from, int64_t step, T* EF_RESTRICT to,
                          int64_t count) {
  for (int64_t x = 0; x < count; ++x) to[x] = from[x * step];
}

// Pixels of three neighbouring numbers, as image files and NumPy have them. Pointers are parameters,
// as GCC takes no notice of restrict elsewhere.
template <class In, class T>
void take_apart(const In* EF_RESTRICT from, T* EF_RESTRICT red, T* EF_RESTRICT green,
                T* EF_RESTRICT blue, int64_t count) {
  for (int64_t x = 0; x < count; ++x) {
    red[x] = from[3 * x];
    green[x] = from[3 * x + 1];
    blue[x] = from[3 * x + 2];
  }
}

// Copies `count` pixels of every channel, `plane` numbers apart in the image and `pitch` in the copy.
template <class In, class T>
void copy_pixels(const In* from, int64_t plane, int64_t step, int64_t colours, T* to, int64_t pitch,
                 int64_t count) {
  if (colours == 3 && step == 3 && plane == 1)
    return take_apart(from, to, to + pitch, to + 2 * pitch, count);
  for (int64_t c = 0; c < colours; ++c, from += plane, to += pitch)
    step == 1 ? copy_every(from, 1, to, count) : copy_every(from, step, to, count);
}

EF_LEVEL_END
