// Unit tests built from broken copies of our own sources: for each fault of tests/broken/core.inc,
// and each of conformance/faults/backend.inc that breaks a rule of the ring, whether a test of that
// rule fails.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::rules {

struct core_fault {
  std::string_view name, rule, text;
  int failure_mode;
};

std::span<const core_fault> core_faults();  // those of core.inc

// Prints a line for each fault. `tests` are names of unit tests by the rules that they cite; only
// those that `program` has count. False too if the program fails with nothing broken.
bool all_are_caught(const std::filesystem::path& program,
                    const std::map<std::string, std::vector<std::string>, std::less<>>& tests);

}  // namespace rondo::rules
