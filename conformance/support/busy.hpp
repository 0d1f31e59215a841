// A handler that is known to be at work. It first emits one reply more than the output holds, so
// that it cannot have come to its work before the host took one of them; and when the host has
// taken the last, it waits for room no more. No backend has to be given "time to begin". A case
// that uses it needs RONDO_CAP_EMITS.
#pragma once

#include "kernel.hpp"

#include <thread>

namespace rondo::conformance {

inline kernel_spec busy_spec() {
  kernel_spec spec;
  spec.handler = "ConformanceBusy";
  spec.output_capacity = 2;
  return spec;
}

// Sends the request, and is there when its handler works: for so long, from then on.
class busy_handler {
 public:
  busy_handler(test_kernel& kernel, std::uint64_t microseconds, const place& at = place::current())
      : kernel_(kernel),
        shown_(kernel.info(kernel.output()).capacity + 1),
        sender_([this, microseconds] { send(microseconds); }) {
    try {
      for (std::uint64_t i = 0; i < shown_; ++i)
        (void)kernel_.receive(at).as<kernels::slow_reply>(at);
    } catch (...) {
      sender_.join();
      throw;
    }
  }
  ~busy_handler() {
    if (sender_.joinable()) sender_.join();
  }
  busy_handler(const busy_handler&) = delete;

  // Waits for push to return. A backend may run handlers there.
  rondo_status pushed() {
    sender_.join();
    return status_;
  }

 private:
  void send(std::uint64_t microseconds) {
    status_ = kernel_.try_send(kernels::busy_request{1, microseconds, shown_});
  }

  test_kernel& kernel_;
  const std::uint64_t shown_;
  rondo_status status_ = RONDO_INTERNAL;
  std::thread sender_;
};

}  // namespace rondo::conformance
