#include "cpu/parallel.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/errors.hpp"

namespace ef {
namespace {

std::atomic<bool (*)()> interrupt_check{nullptr};

// When this thread last asked. It outlives the job, so that many short jobs in a row can be
// interrupted too.
thread_local std::chrono::steady_clock::time_point last_check;

struct Job {
  int64_t tasks;
  const std::function<void(int64_t, int)>* body;
  std::atomic<int64_t> next{0};
  std::atomic<int> workers{1};  // the caller is worker 0
  std::mutex failure_mutex;
  std::exception_ptr failure;

  void fail(std::exception_ptr error) {
    std::lock_guard<std::mutex> lock(failure_mutex);
    if (!failure) failure = error;
    next = tasks;
  }
  void work(int worker, bool caller) {
    try {
      for (int64_t task; (task = next.fetch_add(1)) < tasks;) {
        (*body)(task, worker);
        const auto now = std::chrono::steady_clock::now();
        if (caller && now - last_check > std::chrono::milliseconds(100)) {
          last_check = now;
          const auto check = interrupt_check.load();
          if (check && check()) throw Interrupted();
        }
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }
};

// Threads look out for the next job, or for the end of one, so long before they sleep: waking up costs
// as much as a small image.
constexpr auto kLookOut = std::chrono::microseconds(100);

template <class Condition>
bool look_out(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + kLookOut;
  do {
    for (int k = 0; k < 64; ++k) {
      if (condition()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < until);
  return condition();
}

// Threads that join a job when one is posted. Grows on demand, never shrinks.
class Pool {
 public:
  void run(Job& job, int threads) {
    bool asleep;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      while (static_cast<int>(threads_.size()) < threads - 1)
        threads_.emplace_back([this] { loop(); });
      job_ = &job;
      seats_ = threads - 1;
      ++generation_;
      asleep = sleeping_ > 0;
    }
    if (asleep) wake_.notify_all();
    job.work(0, true);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      seats_ = 0;  // who has not come by now is not needed
    }
    const auto done = [this] { return active_ == 0; };
    if (!look_out(done)) {
      std::unique_lock<std::mutex> lock(mutex_);
      idle_.wait(lock, done);
    }
  }
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      ++generation_;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void loop() {
    // Signals belong to the Python main thread.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    for (uint64_t seen = 0;;) {
      const auto posted = [&] { return generation_ != seen; };
      const bool soon = look_out(posted);
      std::unique_lock<std::mutex> lock(mutex_);
      if (!soon) {
        ++sleeping_;
        wake_.wait(lock, posted);
        --sleeping_;
      }
      if (stopping_) return;
      seen = generation_;
      if (seats_ == 0) continue;
      --seats_;
      ++active_;
      Job* job = job_;
      lock.unlock();
      job->work(job->workers.fetch_add(1), false);
      lock.lock();
      if (--active_ == 0) idle_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  int seats_ = 0, sleeping_ = 0;
  std::atomic<int> active_{0};
  std::atomic<uint64_t> generation_{0};
  bool stopping_ = false;
};

// The pool belongs to one process: a forked child, which has none of its threads, makes its own and
// leaves the parent's object alone (its mutexes may be locked for ever).
struct Owner {
  std::mutex in_use;
  pid_t pid = getpid();
  std::unique_ptr<Pool> pool = std::make_unique<Pool>();
};
std::atomic<Owner*> owner{nullptr};

Owner& current_owner() {
  Owner* now = owner.load();
  while (!now || now->pid != getpid()) {
    auto* fresh = new Owner;
    if (owner.compare_exchange_strong(now, fresh)) return *fresh;
    delete fresh;
  }
  return *now;
}

}  // namespace

void set_interrupt_check(bool (*check)()) { interrupt_check = check; }

void parallel_for(int64_t tasks, int threads, const std::function<void(int64_t, int)>& body) {
  Job job;
  job.tasks = tasks;
  job.body = &body;
  if (threads > tasks) threads = static_cast<int>(tasks);
  if (threads > 1) {
    Owner& mine = current_owner();
    std::unique_lock<std::mutex> lock(mine.in_use, std::try_to_lock);
    if (lock.owns_lock()) {
      mine.pool->run(job, threads);
    } else {
      job.work(0, true);
    }
  } else {
    job.work(0, true);
  }
  if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace ef
