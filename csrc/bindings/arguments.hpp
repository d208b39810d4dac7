#pragma once
#include <pybind11/pybind11.h>

#include <algorithm>

#include "core/view.hpp"

// What Python hands over: addresses, sizes and strides.

// Sizes or strides: a tuple of N integers. pybind11's own way with sequences takes longer than the rest
// of a call.
template <int N>
struct Numbers {
  int64_t of[N];
};

namespace pybind11::detail {
template <int N>
struct type_caster<Numbers<N>> {
  PYBIND11_TYPE_CASTER(Numbers<N>, const_name("tuple[int, ...]"));
  bool load(handle from, bool) {
    if (!PyTuple_Check(from.ptr()) || PyTuple_GET_SIZE(from.ptr()) != N) return false;
    for (int i = 0; i < N; ++i) value.of[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(from.ptr(), i));
    if (!PyErr_Occurred()) return true;
    PyErr_Clear();
    return false;
  }
};
}  // namespace pybind11::detail

using Dims = Numbers<4>;

template <class T, int N>
ef::View<T, N> view(uintptr_t data, const Numbers<N>& size, const Numbers<N>& stride) {
  ef::View<T, N> v;
  v.data = reinterpret_cast<T*>(data);
  std::copy_n(size.of, N, v.size);
  std::copy_n(stride.of, N, v.stride);
  return v;
}

template <class T = void>
T* pointer(uintptr_t address) {
  return reinterpret_cast<T*>(address);
}
