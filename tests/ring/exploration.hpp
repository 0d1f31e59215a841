// How far an exploration goes, and what it comes to.
#pragma once

#include <cstdint>
#include <string>

namespace rondo::test {

enum class memory_model {
  sequential,  // a store is seen by all at once
  buffered,    // stores wait in a first-in first-out buffer, as on x86
  unordered,   // stores to different places overtake each other unless release forbids it, as on a
               // GPU
};

constexpr unsigned no_limit = ~0u;

struct exploration_limits {
  unsigned preemptions = 2;  // switches away from a thread that could go on
  memory_model memory = memory_model::sequential;
  unsigned delays = 0;  // reads that do not get what another thread has stored already
  std::uint64_t runs = 3'000'000;
  bool merges = false;  // orders that lead to one state are followed once
};

struct exploration_result {
  std::uint64_t runs = 0;
  std::uint64_t states = 0;  // if they were merged
  bool complete = false;     // every order within the limits was tried
  std::string violation;     // what went wrong and how it came about; empty if nothing did
};

}  // namespace rondo::test
