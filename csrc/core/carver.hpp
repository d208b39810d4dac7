#pragma once
#include <cstddef>
#include <cstdint>

namespace ef {

// Cuts aligned arrays out of the caller's workspace. With no memory it only counts the bytes.
class Carver {
 public:
  explicit Carver(void* memory = nullptr)
      : base_(static_cast<char*>(memory)),
        used_(memory ? (64 - reinterpret_cast<uintptr_t>(memory) % 64) % 64 : 64) {}

  template <class T>
  T* take(int64_t count) {
    char* here = base_ ? base_ + used_ : nullptr;
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(here);
  }
  size_t bytes() const { return used_; }

 private:
  char* base_;
  size_t used_;
};

}  // namespace ef
