// No fault: counters that are told late, each by itself, which abi.h allows [TEL-03] and which a
// sound plugin may do. RONDO_FAULT_LAG_MS=N, beside any fault or none: what a counter comes to is
// told N ms after the wrapper has first seen it, and one millisecond later for each counter that
// stands before it. uptime_ns is a clock and no counter, and is told as it is.
#pragma once

#include <rondo/abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace rondo::faults {

bool counters_are_late();

// The counters of one kernel. Any thread.
class late_counters {
 public:
  rondo_status tell(rondo_kernel* inner, rondo_kernel_counters& out);

 private:
  struct sight {
    std::uint64_t due_ns, value;
  };
  // All behind struct_size and state.
  static constexpr std::size_t begin = 2 * sizeof(std::uint32_t), each = sizeof(std::uint64_t);
  static constexpr std::size_t count = (sizeof(rondo_kernel_counters) - begin) / each;

  std::uint64_t delayed(std::size_t which, std::uint64_t value, std::uint64_t now);

  std::mutex mutex_;  // what follows
  std::array<std::uint64_t, count> told_{};
  std::array<std::vector<sight>, count> seen_;  // and not yet due, in order
};

}  // namespace rondo::faults
