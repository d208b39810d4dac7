#pragma once
#include <cstdint>
#include <functional>

namespace ef {

// Runs body(task, worker) for every task, on at most `threads` threads (the caller is one of them).
// `worker` is below `threads` and held by one thread at a time: an index into per-thread workspace.
// Tasks start in order. The first exception stops the rest and is rethrown; if the interrupt check
// says so, Interrupted is thrown. A call from inside a body, or while another thread uses the pool,
// runs serially.
void parallel_for(int64_t tasks, int threads,
                  const std::function<void(int64_t task, int worker)>& body);

// Asked by the calling thread between tasks, a few times a second. Set once, by the binding.
void set_interrupt_check(bool (*check)());

}  // namespace ef
