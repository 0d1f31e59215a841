// Runs the scenarios that a kernel module brings along against a launched kernel. Core knows
// nothing of any one scenario: the module makes the requests and judges the replies.
#pragma once

#include <rondo/kernel.hpp>

#include <functional>
#include <string>
#include <vector>

namespace rondo {

struct scenario_case {
  std::string label;
  status code = RONDO_OK;
  std::string failure;        // why it failed; empty if it passed
  nanoseconds round_trip{0};  // send to reply, one sample: not a benchmark
};

struct scenario_outcome {
  std::string name;
  std::vector<scenario_case> cases;
  std::uint64_t passed() const {
    std::uint64_t n = 0;
    for (const auto& c : cases) n += c.code == RONDO_OK;
    return n;
  }
};

// Every scenario of the kernel's handler, each message with `timeout`. The kernel must be active.
// Beside each scenario's own judgement, ids, correlation and counters are checked. `progress` is
// called after each case. Empty if the module has no scenario for the handler.
RONDO_EXPORT std::vector<scenario_outcome> run_scenarios(
    kernel_handle& kernel, nanoseconds timeout,
    const std::function<void(const std::string& scenario, const scenario_case&)>& progress = {});

}  // namespace rondo
