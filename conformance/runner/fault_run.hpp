// Proof that the suite can fail: the wrapped plugin with each fault in turn, and whether a case of
// the rule that the fault breaks caught it.
#pragma once

#include "run.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

struct fault_text {
  std::string_view name;
  std::string_view rules;  // any of these may catch it
  int failure_mode;        // of the list that the suite began with; 0: none
  std::string_view needs;  // of the wrapped plugin
  std::string_view text;
};

std::span<const fault_text> all_faults();

struct fault_result {
  const fault_text* of = nullptr;
  bool killed = false;              // by a rule that it breaks
  bool left_out = false;            // the wrapped plugin lacks what the fault needs
  std::string rule, by_case, text;  // what caught it, or caught it instead
  std::string outcome;              // fail, crash or timeout
  double seconds = 0;
};

struct fault_options {
  run_options run;                // `with.plugin` is the plugin to wrap
  std::filesystem::path wrapper;  // rondo_fault.so
  std::string filter;             // parts of names, separated by commas
  std::function<void(const fault_result&)> on_result;
};

struct fault_matrix {
  run_result unbroken;  // the wrapper without a fault
  std::vector<fault_result> faults;

  std::uint64_t killed() const;
  std::uint64_t survived() const;
  // 0: all were caught and the unbroken wrapper passes; 1; 3: none was tried.
  int exit_code() const;
};

fault_matrix run_faults(const fault_options& options);

}  // namespace rondo::conformance
