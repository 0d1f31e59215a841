// The ping at device open: whether a kernel that is resident sees what the host writes, how long a
// round trip of 16 bytes takes for each place where rings can lie, and how far the device's clock
// is from the host's. What it finds decides the placement.
#pragma once

#include "bar.hpp"
#include "memory.hpp"

#include <optional>
#include <string>

namespace rondo::cuda {

enum class placement {
  pinned,  // host memory that the device polls
  bar,     // device memory that the host writes through the bus
  event,   // pinned, and the kernel is launched anew for what is waiting
};
const char* to_string(placement p);

struct ping_figures {
  bool answered = false;
  std::string why_not;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t least_ns = 0;
};

struct ping_result {
  ping_figures pinned;
  ping_figures bar;
  placement best = placement::event;
  // Device clock minus CLOCK_MONOTONIC, and the most it can be wrong.
  bool knows_clock = false;
  std::int64_t clock_offset_ns = 0;
  std::uint64_t clock_error_ns = 0;

  std::uint64_t to_host(std::uint64_t device_ns) const {
    return device_ns - static_cast<std::uint64_t>(clock_offset_ns);
  }
};

// Takes a few milliseconds, at most about a second. Throws DEVICE_LOST, NO_IMAGE.
ping_result ping_device(CUcontext context, pinned_arena& pinned,
                        const std::optional<bar_window>& bar);

}  // namespace rondo::cuda
