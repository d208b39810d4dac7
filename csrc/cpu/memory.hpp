#pragma once
#include <cstddef>
#include <memory>

namespace ef {

// Asks for huge pages behind memory that nobody has written yet: its first writing then costs one fault
// for 2 MiB instead of one for 4 KiB. Does nothing where the system has none, and for less than 4 MiB.
void advise_huge_pages(void* memory, size_t bytes);

// Uninitialised memory for one call. What fits 4 MiB is kept for the thread's next call, for the first
// use of fresh pages takes as long as computing with them; more than that is backed by huge pages
// and given back.
class Workspace {
 public:
  explicit Workspace(size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* get() const { return memory_.get(); }

 private:
  std::unique_ptr<char[]> memory_;
  size_t bytes_;
};

}  // namespace ef
