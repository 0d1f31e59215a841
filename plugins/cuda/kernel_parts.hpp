// What the parts of the kernel share: kernel.cpp, its way through the states, kernel_memory.cpp,
// what it is made of, and kernel_watch.cpp, how it fails and who notices.
#pragma once

#include "kernel.hpp"

#include <rondo/ring/wait.hpp>

namespace rondo::cuda {

using device::command;
using device::ending;

// After a drain has run out of time the kernel gets this long to put its request down [LIFE-04].
inline constexpr std::uint64_t grace_ns = 900'000'000;

inline std::uint64_t deadline_after(std::uint64_t ns) {
  const std::uint64_t now = ring::now_ns();
  return ns > ring::no_deadline - now ? ring::no_deadline : now + ns;
}

inline ending ending_of(std::uint64_t answer) { return static_cast<ending>(answer >> 32); }

}  // namespace rondo::cuda
