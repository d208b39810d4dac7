#pragma once
#include <sanitizer/asan_interface.h>

#include <cstddef>
#include <cstdint>

namespace ef {

// Takes the place of csrc/core/carver.hpp under AddressSanitizer: the same arrays, with a forbidden
// gap behind each. Otherwise a step beyond one array would land in the next one of the same
// workspace and go unseen.
class Carver {
 public:
  explicit Carver(void* memory = nullptr)
      : base_(static_cast<char*>(memory)),
        used_(memory ? (64 - reinterpret_cast<uintptr_t>(memory) % 64) % 64 : 64) {}

  template <class T>
  T* take(int64_t count) {
    const size_t wanted = static_cast<size_t>(count) * sizeof(T),
                 taken = (wanted + 63) / 64 * 64 + kGap;
    char* here = base_ ? base_ + used_ : nullptr;
    if (here) {
      ASAN_UNPOISON_MEMORY_REGION(here, wanted);
      ASAN_POISON_MEMORY_REGION(here + wanted, taken - wanted);
    }
    used_ += taken;
    return reinterpret_cast<T*>(here);
  }
  size_t bytes() const { return used_; }

 private:
  static constexpr size_t kGap = 1024;
  char* base_;
  size_t used_;
};

}  // namespace ef
