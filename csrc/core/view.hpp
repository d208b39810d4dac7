#pragma once
#include <cstdint>

#include "core/macros.hpp"

namespace ef {

enum class Dtype : int { uint8 = 0, float32 = 1, float64 = 2 };

// A strided array in somebody else's memory. Sizes and strides count elements and are 64 bits wide;
// strides may be zero or negative.
template <class T, int N>
struct View {
  T* data = nullptr;
  int64_t size[N] = {};
  int64_t stride[N] = {};

  template <class... I>
  EF_HD T* at(I... index) const {
    static_assert(sizeof...(I) <= N, "more indices than dimensions");
    const int64_t given[] = {static_cast<int64_t>(index)...};
    int64_t offset = 0;
    for (int i = 0; i < static_cast<int>(sizeof...(I)); ++i) offset += given[i] * stride[i];
    return data + offset;
  }
  template <class U>
  EF_HD View<U, N> cast() const {
    View<U, N> other;
    other.data = reinterpret_cast<U*>(data);
    for (int i = 0; i < N; ++i) {
      other.size[i] = size[i];
      other.stride[i] = stride[i];
    }
    return other;
  }
};

}  // namespace ef
