// Threads whose failures are not lost.
#include "threads.hpp"

#include <exception>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

namespace rondo::conformance {

void together(unsigned count, const std::function<void(unsigned)>& body) {
  std::latch start(count);
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (unsigned i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (first == nullptr) first = std::current_exception();
      }
    });
  for (auto& each : threads) each.join();
  if (first != nullptr) std::rethrow_exception(first);
}

}  // namespace rondo::conformance
