// What the host and the kernel of the start-up ping agree on.
#pragma once

#include <rondo/ring/platform.hpp>

#include <cstdint>

namespace rondo::cuda {

struct ping_args {
  std::uint64_t in;   // a ring::chunk: the host writes tags 1, 2, …
  std::uint64_t out;  // a ring::chunk in host memory: the kernel's answers
  std::uint32_t count;
  std::uint32_t reserved;
  std::uint64_t limit_ns;  // the kernel ends after this, whatever came
};

// An answer's last word is the question's first mixed with this: nothing but the kernel makes it.
inline constexpr std::uint32_t ping_secret = 0x9e3779b9u;

}  // namespace rondo::cuda
