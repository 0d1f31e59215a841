// Unit tests built from broken copies of our own sources: for each fault of tests/broken/core.inc,
// whether a test of the rule that it breaks fails.
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

std::span<const core_fault> core_faults();

// Prints a line for each fault. `tests` are names of unit tests by the rules that they cite; only
// those that `program` has count. False too if the program fails with nothing broken.
bool all_are_caught(const std::filesystem::path& program,
                    const std::map<std::string, std::vector<std::string>, std::less<>>& tests);

}  // namespace rondo::rules
