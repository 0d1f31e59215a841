// The kernel behind the start-up ping: answers numbered 16-byte pieces that the host writes, and
// says when by its own clock. One warp, so that the poll is what a ring's poll is.
#include "ping_args.hpp"

extern "C" __global__ void rondo_cuda_ping(const __grid_constant__ rondo::cuda::ping_args args) {
  using P = rondo::ring::platform;
  const auto* in = reinterpret_cast<const rondo::ring::chunk*>(args.in);
  auto* out = reinterpret_cast<rondo::ring::chunk*>(args.out);
  const auto clock = [] {
    std::uint64_t t;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
    return t;
  };
  const std::uint64_t end = clock() + args.limit_ns;
  for (std::uint32_t next = 1; next <= args.count;) {
    const rondo::ring::chunk seen = P::load_chunk(in);
    const std::uint64_t now = clock();
    // All lanes decide alike, or one would wait for a tag that the host has overwritten.
    const bool is_there = __all_sync(0xffffffffu, seen.tag == next);
    if (__any_sync(0xffffffffu, now >= end)) return;
    if (!is_there) continue;
    if (threadIdx.x == 0) {
      rondo::ring::chunk answer;
      answer.content[0] = static_cast<std::uint32_t>(now);
      answer.content[1] = static_cast<std::uint32_t>(now >> 32);
      answer.content[2] = seen.content[0] ^ rondo::cuda::ping_secret;
      answer.tag = next;
      P::store_chunk(out, answer);
    }
    ++next;
  }
}
