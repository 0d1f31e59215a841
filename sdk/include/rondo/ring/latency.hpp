// How long requests wait and how long they are handled: which are timed, the stamp that a sender
// puts into them, and the buckets that durations are counted in. See RONDO_SAMPLE_EVERY in
// rondo/abi.h. Shared by senders, backends and device code.
#pragma once

#include <rondo/abi.h>
#include <rondo/ring/platform.hpp>

#include <cstdint>

namespace rondo::ring {

// How many requests, from this one on, come before one that is timed.
RONDO_HD constexpr std::uint64_t before_timed(std::uint64_t sequence) {
  return (0 - sequence) % RONDO_SAMPLE_EVERY;
}
RONDO_HD constexpr bool is_timed(std::uint64_t sequence) {
  return sequence % RONDO_SAMPLE_EVERY == 0;
}

// Times are CLOCK_MONOTONIC, nanoseconds. Rounded down, so that no wait looks shorter than it was.
RONDO_HD constexpr std::uint32_t stamp_of(std::uint64_t now_ns) {
  const auto stamp = static_cast<std::uint32_t>(now_ns >> RONDO_STAMP_SHIFT);
  return stamp != 0 ? stamp : ~stamp;
}

// A stamp that lies ahead by less than this comes from a clock that goes a little ahead, not from
// the last round of the stamps.
inline constexpr std::uint64_t most_ahead_ns = 1'000'000'000;

RONDO_HD constexpr std::uint64_t since_stamp(std::uint32_t stamp, std::uint64_t now_ns) {
  constexpr std::uint64_t round_ns = std::uint64_t{1} << (32 + RONDO_STAMP_SHIFT);
  const std::uint64_t sent_ns = std::uint64_t{stamp} << RONDO_STAMP_SHIFT;
  const std::uint64_t since = (now_ns - sent_ns) & (round_ns - 1);
  return since < round_ns - most_ahead_ns ? since : 0;
}

RONDO_HD constexpr std::uint32_t latency_bucket(std::uint64_t ns) {
  std::uint32_t bucket = 0;
  for (std::uint32_t step = 32; step != 0; step /= 2)
    if (ns >> step != 0) {
      ns >>= step;
      bucket += step;
    }
  return bucket < RONDO_LATENCY_BUCKETS ? bucket : RONDO_LATENCY_BUCKETS - 1;
}

// Written by the thread that handles, read by anyone.
struct latency_counts {
  std::uint64_t handling[RONDO_LATENCY_BUCKETS];
  std::uint64_t queueing[RONDO_LATENCY_BUCKETS];
};

}  // namespace rondo::ring
