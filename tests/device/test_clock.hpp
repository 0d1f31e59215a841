// Device threads whose clock stands still until the test moves it: what depends on time is tested
// without waiting for it.
#pragma once

#include "host_threads.hpp"

namespace rondo::test {

class clocked_threads : public host_threads {
 public:
  using host_threads::host_threads;
  std::uint64_t now() const { return time_.load(std::memory_order_relaxed); }

  static void reset() { time_.store(1'000'000); }
  static void advance(std::uint64_t ns) { time_.fetch_add(ns, std::memory_order_relaxed); }
  static std::uint64_t time() { return time_.load(std::memory_order_relaxed); }

 private:
  static inline std::atomic<std::uint64_t> time_{1'000'000};
};

}  // namespace rondo::test
