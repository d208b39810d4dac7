#include "cpu/memory.hpp"

#include <cstdint>
#include <utility>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ef {
namespace {

constexpr size_t kKept = size_t{1} << 22;

struct Kept {
  std::unique_ptr<char[]> memory;
  size_t bytes = 0;
};
thread_local Kept kept;

}  // namespace

void advise_huge_pages(void* memory, size_t bytes) {
#if defined(__linux__)
  constexpr uintptr_t kPage = 4096;
  if (bytes < kKept) return;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) / kPage * kPage,
                  end = (reinterpret_cast<uintptr_t>(memory) + bytes) / kPage * kPage;
  // Advice: where it is refused, pages stay small.
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)memory, (void)bytes;
#endif
}

// A call inside a call finds nothing kept, and allocates.
Workspace::Workspace(size_t bytes) : bytes_(bytes) {
  if (kept.bytes >= bytes) {
    memory_ = std::move(kept.memory);
    bytes_ = kept.bytes;
    kept.bytes = 0;
  } else {
    memory_.reset(new char[bytes]);
    advise_huge_pages(memory_.get(), bytes);
  }
}

Workspace::~Workspace() {
  if (bytes_ <= kKept && bytes_ > kept.bytes) kept = {std::move(memory_), bytes_};
}

}  // namespace ef
