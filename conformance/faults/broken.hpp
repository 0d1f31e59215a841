// Included by the broken copies of our own sources that rondo_break makes, and by nothing that is
// shipped: which of their faults is in force, RONDO_FAULT=name, as for the wrapper.
#pragma once

#include <time.h>

#include <cstdlib>
#include <string_view>
#include <type_traits>

namespace rondo::faults {

inline bool is_chosen(std::string_view name) {
  static const char* const chosen = std::getenv("RONDO_FAULT");
  return chosen != nullptr && name == chosen;
}
// What the compiler computes is never broken.
constexpr bool is_broken(std::string_view name) {
  return !std::is_constant_evaluated() && is_chosen(name);
}

// Makes a race that would rarely show show soon.
inline void linger(long microseconds) {
  const timespec t{0, microseconds * 1000};
  ::nanosleep(&t, nullptr);
}

}  // namespace rondo::faults
