// Kernels for the experiments: one that stays until the host says so or its time is up, one that
// reads memory whose address it is told while it runs, one that traps, and one that does nothing
// and is loaded late.
#include <cstdint>

namespace {
__device__ std::uint64_t clock_ns() {
  std::uint64_t t;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
  return t;
}
}  // namespace

extern "C" __global__ void stay(const std::uint64_t* stop, std::uint64_t limit_ns) {
  const std::uint64_t end = clock_ns() + limit_ns;
  std::uint64_t seen = 0;
  do {
    asm volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(seen) : "l"(stop) : "memory");
  } while (seen == 0 && clock_ns() < end);
}

// 0: nobody told an address in time.
extern "C" __global__ void read_when_told(const std::uint64_t* address, std::uint64_t* answer,
                                          std::uint64_t limit_ns) {
  const std::uint64_t end = clock_ns() + limit_ns;
  std::uint64_t told = 0;
  do {
    asm volatile("ld.acquire.sys.global.u64 %0, [%1];" : "=l"(told) : "l"(address) : "memory");
  } while (told == 0 && clock_ns() < end);
  if (told != 0) *answer = *reinterpret_cast<const std::uint64_t*>(told);
}

// Deaf to everything but its own clock: a handler that hangs.
extern "C" __global__ void hang(std::uint64_t limit_ns) {
  const std::uint64_t end = clock_ns() + limit_ns;
  while (clock_ns() < end) {
  }
}

extern "C" __global__ void trap() { asm volatile("trap;"); }

extern "C" __global__ void nothing() {}
