// The process that runs cases. The runner starts its own program again as `conformance-child`, so
// that a plugin that traps, hangs or exits takes nothing along but itself.
#pragma once

#include "../support/bench.hpp"

#include <string>
#include <vector>

namespace rondo::conformance {

inline constexpr std::string_view child_verb = "conformance-child";

struct child_order {
  settings with;
  std::vector<std::string> cases;  // none: only tell facts about the plugin and its device
  int descriptor = -1;             // where to report
};

std::vector<std::string> to_arguments(const child_order& order);

// Whether a program was started for this, and its main() then.
bool is_child(int argc, char** argv);
int child_main(int argc, char** argv);

// One case in this process, reported to current_reporter(); not caught are signals and exits.
void run_case(const case_record& record, const settings& with);

}  // namespace rondo::conformance
