// One run of the suite: which cases, in which processes, and what became of them.
#pragma once

#include "../support/bench.hpp"
#include "result.hpp"
#include "waivers.hpp"

#include <functional>
#include <string>
#include <vector>

namespace rondo::conformance {

struct run_options {
  settings with;
  std::filesystem::path program;  // to start again for each group; it must call child_main()
  int highest_level = 2;
  std::string filter;  // see matches()
  bool strict = false;
  bool in_process = false;
  bool other_kernels = false;  // with.kernels are not those of the installation
  double case_limit_s = 30;
  std::vector<waiver> waivers;
  std::vector<std::string> environment;  // NAME=value, beyond what the process has
  bool asks_for_facts = true;  // about the plugin and its device, in a process of their own
  std::function<bool(const case_result&)> stops;  // the run ends with a case of which this is true
  std::function<void(const case_record&)> on_begin;
  std::function<void(const case_result&)> on_result;
};

// A pattern with * and ?, or a part of the name, or a rule's id. Several, separated by commas.
bool matches(std::string_view filter, const case_record& record);

std::vector<const case_record*> select_cases(const run_options& options);

run_result run_suite(const run_options& options);

// Only the facts about the plugin and its device, with no case run.
run_result facts_of(const run_options& options);

// The environment for children: without what would make a plugin or module be found that was not
// asked for. What was left out is told in `cleared`.
std::vector<std::string> hermetic_environment(std::vector<std::string>& cleared);

}  // namespace rondo::conformance
