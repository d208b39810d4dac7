#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

// What all ops cut their work and their memory by.
namespace ef {

// A task of more pixels than this would keep Ctrl-C waiting.
constexpr int64_t kTaskPixels = int64_t{1} << 24;

// Floats of a cache line, and of the widest vector.
constexpr int64_t kLineFloats = 16;
inline int64_t whole_lines(int64_t count) {
  return (count + kLineFloats - 1) / kLineFloats * kLineFloats;
}

// Memory for each of the threads that get something to do.
inline size_t workers_bytes(size_t each, int64_t tasks, int threads) {
  const int64_t workers = std::max<int64_t>(std::min<int64_t>(threads, tasks), 1);
  return each * static_cast<size_t>(workers) + 64;
}

}  // namespace ef
