#pragma once
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "core/view.hpp"

// Random numbers, arrays and workspaces for the fuzzers.
namespace fuzz {

using ef::View;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t integer(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(engine_);
  }
  bool coin() { return integer(0, 1) == 1; }
  template <class T>
  T value() {
    if (std::is_integral<T>::value) return static_cast<T>(integer(0, 255));
    if (integer(0, 999) == 0)
      return integer(0, 1) ? std::numeric_limits<T>::infinity()
                           : std::numeric_limits<T>::quiet_NaN();
    return static_cast<T>(integer(-8, 8)) / 4;
  }
  template <class T>
  std::vector<T> values(int64_t count) {
    std::vector<T> all(static_cast<size_t>(count));
    for (T& v : all) v = value<T>();
    return all;
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

// A strided array in memory of exactly its extent: axes in any order, gaps, strides below zero, and
// zero for inputs.
template <class T>
struct Array {
  std::unique_ptr<T[]> memory;
  View<void, 4> view;

  Array(Random& random, const int64_t (&size)[4], bool input) {
    int order[4] = {0, 1, 2, 3};
    std::shuffle(order, order + 4, random.engine());
    int64_t step = 1, least = 0, most = 0;
    bool empty = false;
    for (int axis : order) {
      int64_t stride =
          step * (random.coin() ? 1 : random.integer(1, 3)) * (random.integer(0, 3) ? 1 : -1);
      if (input && random.integer(0, 9) == 0) stride = 0;
      view.size[axis] = size[axis];
      view.stride[axis] = stride;
      const int64_t reach = (size[axis] - 1) * stride;
      (reach < 0 ? least : most) += reach;
      step = std::max<int64_t>(std::abs(stride), 1) * std::max<int64_t>(size[axis], 1);
      empty = empty || size[axis] == 0;
    }
    const int64_t count = empty ? 0 : most - least + 1;
    memory.reset(new T[static_cast<size_t>(count)]);
    for (int64_t i = 0; i < count; ++i) memory[static_cast<size_t>(i)] = random.value<T>();
    view.data = empty ? memory.get() : memory.get() - least;
  }
  // Instead: channels are neighbours, and each cell has room for a multiple of 16 of them.
  void pad(const int64_t (&size)[4]) {
    const int64_t cell = (size[1] + 15) / 16 * 16;
    const int64_t stride[4] = {size[2] * size[3] * cell, 1, size[3] * cell, cell};
    std::copy(stride, stride + 4, view.stride);
    memory.reset(new T[static_cast<size_t>(size[0] * stride[0])]);
    view.data = memory.get();
  }
  // Instead: channels are neighbours, and cells follow one another with a gap or none. Ends with the
  // last channel.
  void lay_in_cells(Random& random, const int64_t (&size)[4]) {
    const int64_t cell = size[1] + (random.coin() ? 0 : random.integer(1, 17));
    const int64_t stride[4] = {size[2] * size[3] * cell, 1, size[3] * cell, cell};
    std::copy(stride, stride + 4, view.stride);
    const int64_t cells = size[0] * size[2] * size[3],
                  count = cells && size[1] ? (cells - 1) * cell + size[1] : 0;
    memory.reset(new T[static_cast<size_t>(count)]);
    for (int64_t i = 0; i < count; ++i) memory[static_cast<size_t>(i)] = random.value<T>();
    view.data = memory.get();
  }
  View<const void, 4> constant() const { return view.cast<const void>(); }
};

struct Workspace {
  explicit Workspace(size_t bytes) : memory(new char[bytes]) {
    std::memset(memory.get(), 0x7b, bytes);
  }
  std::unique_ptr<char[]> memory;
};

void pose_argmax(Random& random);
void moments(Random& random);

}  // namespace fuzz
