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
  std::string_view needs;  // of the wrapped plugin; "!capability": that it has it not
  std::string_view text;
  bool is_built_in = false;  // into the variant of the CPU backend, where no wrapper reaches
};

std::span<const fault_text> all_faults();

struct fault_result {
  const fault_text* of = nullptr;
  bool killed = false;              // by a rule that it breaks
  bool left_out = false;            // it cannot show with the wrapped plugin; text says why
  std::string rule, by_case, text;  // what caught it, or caught it instead
  std::string outcome;              // fail, crash or timeout
  double seconds = 0;
};

struct fault_options {
  run_options run;                // `with.plugin` is the plugin to wrap
  std::filesystem::path wrapper;  // rondo_fault.so
  std::filesystem::path variant;  // rondo_cpu_fault.so; empty if there is none
  std::string filter;             // parts of names, separated by commas
  unsigned jobs = 1;              // how many plugins are tried at once
  // A fault that the cases of its rules do not catch has survived, and no other case is asked.
  bool related_only = false;
  std::function<void(const fault_result&)> on_result;  // one at a time
};

struct fault_matrix {
  run_result unbroken;               // the wrapper without a fault; no case if it was not needed
  run_result unbroken_variant;       // and the variant, by the cases that its faults are tried with
  std::vector<fault_result> faults;  // in the order of the list; those that were not begun are left

  std::uint64_t killed() const;
  std::uint64_t left_out() const;
  std::uint64_t survived() const;
  // 0: all were caught and what is unbroken passes; 1; 3: none was tried.
  int exit_code() const;
};

fault_matrix run_faults(const fault_options& options);

}  // namespace rondo::conformance
