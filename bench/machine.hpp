// The machine as the benchmarks see it: its clock, its processors, and what the report says about
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace bench {

// A time stamp that waits for earlier loads. Its unit is the tick; see clock_scale.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  unsigned processor;
  return __rdtscp(&processor);
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct clock_scale {
  double ns_per_tick = 1;
  double stamp_ns = 0;  // what one call of ticks() costs
  double pause_ns = 0;
};
// Measured once, in about a tenth of a second.
const clock_scale& scale();

inline std::uint64_t ticks_of(double seconds) {
  return static_cast<std::uint64_t>(seconds * 1e9 / scale().ns_per_tick);
}
inline double ns_of(std::uint64_t tick_count) {
  return static_cast<double>(tick_count) * scale().ns_per_tick;
}

// The processors that this process may use, ascending.
std::vector<int> allowed_cpus();
// Throws rondo::error if the system refuses.
void pin_this_thread(int cpu);
// How often this process lost a processor to another one so far.
std::uint64_t preemptions();

struct machine_description {
  std::string cpu;
  std::string kernel;
  std::string compiler;
  std::string commit;  // "unknown" outside a repository
  std::string date;    // UTC
};
machine_description describe_machine();

}  // namespace bench
