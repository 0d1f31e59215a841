// What the hooks of ConformanceHooks write into a buffer, for cases that look at it.
#pragma once

#include "bench.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

class hooks_record {
 public:
  explicit hooks_record(bench& it) : it_(it) {
    rondo_device* const device = it.device();
    const host_call_guard guard;
    expect_status(it.api().buffer.create(device, sizeof(words), &handle_, nullptr), RONDO_OK,
                  "create of a buffer of three words");
  }
  ~hooks_record() {
    const host_call_guard guard;
    (void)it_.api().buffer.destroy(it_.device(), handle_);
  }
  hooks_record(const hooks_record&) = delete;

  struct words {
    std::uint64_t proof = 0;    // what on_stop computed
    std::uint64_t stops = 0;    // how often it ran
    std::uint64_t started = 0;  // what on_start computed at its end
  };
  words read() {
    words out;
    rondo_device* const device = it_.device();
    const host_call_guard guard;
    expect_status(it_.api().buffer.read(device, handle_, 0, &out, sizeof out, nullptr), RONDO_OK,
                  "read of a buffer");
    return out;
  }
  rondo_buffer_handle handle() const { return handle_; }

 private:
  bench& it_;
  rondo_buffer_handle handle_ = 0;
};

}  // namespace rondo::conformance
