// What the two halves of the worker share: worker.cpp, the way of a request, and worker_run.cpp,
// everything around it.
#pragma once

#include "pool.hpp"
#include "worker.hpp"

#include <time.h>

namespace rondo::cpu {

// How long a producer sleeps between looks at a full output once it has stopped spinning: the host
// does not announce free slots.
inline constexpr std::uint64_t full_output_nap_ns = 50'000;

inline constexpr std::uint32_t looks_per_heartbeat = 1024;  // while spinning

inline void nap() {
  const timespec t{0, static_cast<long>(full_output_nap_ns)};
  nanosleep(&t, nullptr);
}

// Counters have one writer: a plain add, made visible to readers on other threads.
inline void add(std::uint64_t& counter, std::uint64_t n) {
  ring::platform::store_relaxed(&counter, counter + n);
}

}  // namespace rondo::cpu
