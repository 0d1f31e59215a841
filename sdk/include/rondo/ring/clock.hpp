// The clock that all times of the host are told by.
#pragma once

#include <time.h>

#include <cstdint>

namespace rondo::ring {

inline std::uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace rondo::ring
