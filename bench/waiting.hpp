// How the client and the peers' workers wait: by spinning, with a deadline for the client and a
// stop flag for a worker, neither of which costs anything while messages flow.
#pragma once

#include "machine.hpp"

#include <rondo/error.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>

namespace bench {

enum class spin { with_pause, without_pause };

inline constexpr std::chrono::seconds longest_wait{10};

// Make one per wait and call it after each look that found nothing. Throws TIMEOUT when `what` has
// not come after longest_wait.
class patience {
 public:
  explicit patience(const char* what) : what_(what) {}

  template <spin How = spin::with_pause>
  void wait() {
    if constexpr (How == spin::with_pause) pause();
    if (++looks_ % looks_per_clock == 0) [[unlikely]]
      look_at_clock();
  }

 private:
  using clock = std::chrono::steady_clock;
  static constexpr std::uint32_t looks_per_clock = 1u << 16;

  __attribute__((noinline)) void look_at_clock() {
    if (looks_ == looks_per_clock) deadline_ = clock::now() + longest_wait;
    if (clock::now() > deadline_)
      throw rondo::error(RONDO_TIMEOUT, what_, "nothing came for 10 s",
                         "Run on a machine that is not busy with other work");
  }

  const char* what_;
  std::uint32_t looks_ = 0;
  clock::time_point deadline_{};
};

// Alone in its cache lines, so that no other writer disturbs whoever polls it.
struct alignas(128) lonely_word {
  std::atomic<std::uint64_t> value{0};
};

// A thread pinned to a processor that runs `body(stop)` until it returns. The constructor waits
// until the thread is there; the destructor raises the stop flag and joins.
class worker_thread {
 public:
  template <class Body>
  worker_thread(int cpu, Body body)
      : thread_([this, cpu, body = std::move(body)] {
          try {
            pin_this_thread(cpu);
            ready_.store(true, std::memory_order_release);
          } catch (...) {
            failure_ = std::current_exception();
            ready_.store(true, std::memory_order_release);
            return;
          }
          body(std::as_const(stop_));
        }) {
    while (!ready_.load(std::memory_order_acquire)) std::this_thread::yield();
    if (failure_) {
      thread_.join();
      std::rethrow_exception(failure_);
    }
  }
  ~worker_thread() {
    stop_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
  }
  worker_thread(const worker_thread&) = delete;
  worker_thread& operator=(const worker_thread&) = delete;

 private:
  alignas(128) std::atomic<bool> stop_{false};
  alignas(128) std::atomic<bool> ready_{false};
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace bench
