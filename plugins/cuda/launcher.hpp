// What both runners are made of: launches of one grid in a stream, and its two lines.
#pragma once

#include "runner.hpp"

#include <time.h>

namespace rondo::cuda {

using device::command;

inline void nap(long ns) {
  const timespec t{0, ns};
  nanosleep(&t, nullptr);
}

// A stream, and launches of one grid in it.
class launcher {
 public:
  launcher(CUcontext context, stream_pool& streams, const grid& of)
      : context_(context), streams_(streams), grid_(of), stream_(streams.take()) {}
  ~launcher() {
    if (result() != CUDA_ERROR_NOT_READY) streams_.give_back(stream_);
  }
  launcher(const launcher&) = delete;
  launcher& operator=(const launcher&) = delete;

  void launch() {
    const context_scope current(context_);
    device::launch_args args = grid_.args;
    void* parameters[] = {&args};
    if (grid_.blocks > 1) {
      check(
          the_driver().cuMemsetD8Async(grid_.barrier_words, 0, 3 * sizeof(std::uint64_t), stream_),
          "kernel", "its barrier cannot be reset");
      check(
          the_driver().cuLaunchCooperativeKernel(grid_.function, grid_.blocks, 1, 1, grid_.threads,
                                                 1, 1, grid_.shared_bytes, stream_, parameters),
          "kernel", "the device does not launch it");
      return;
    }
    check(the_driver().cuLaunchKernel(grid_.function, 1, 1, 1, grid_.threads, 1, 1,
                                      grid_.shared_bytes, stream_, parameters, nullptr),
          "kernel", "the device does not launch it");
  }

  CUresult result() const {
    CUcontext before = nullptr;
    if (the_driver().cuCtxPushCurrent(context_) != CUDA_SUCCESS) return CUDA_ERROR_UNKNOWN;
    const CUresult now = the_driver().cuStreamQuery(stream_);
    the_driver().cuCtxPopCurrent(&before);
    return now;
  }

  // The launcher is not destroyed after.
  void abandon() { streams_.abandon(stream_); }

  const grid& of() const { return grid_; }

 private:
  const CUcontext context_;
  stream_pool& streams_;
  const grid grid_;
  const CUstream stream_;
};

inline void write_control(device::control_line& line, std::uint32_t word, std::uint32_t lease,
                          const lane_ends& drain_until) {
  const auto low = [](std::uint64_t n) { return static_cast<std::uint32_t>(n); };
  const auto high = [](std::uint64_t n) { return static_cast<std::uint32_t>(n >> 32); };
  const ring::chunk urgent{{low(drain_until.urgent), high(drain_until.urgent), 0}, word};
  const ring::chunk orders{{low(drain_until.normal), high(drain_until.normal), lease}, word};
  auto* const pieces = reinterpret_cast<ring::chunk*>(&line);
  ring::platform::store_chunk(pieces + 1, urgent);
  ring::platform::store_chunk(pieces, orders);  // SYNC: control
}

inline std::uint64_t read_report(const device::report_line& line) {
  return ring::platform::load_acquire(&line.obeyed);  // SYNC: report
}

}  // namespace rondo::cuda
