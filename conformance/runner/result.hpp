// What became of the cases of one run, for the reports.
#pragma once

#include "../support/suite.hpp"
#include "../support/timing.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rondo::conformance {

enum class outcome { pass, fail, crash, timeout, unsupported, waived };
inline constexpr std::array all_outcomes = {outcome::pass,        outcome::fail,
                                            outcome::crash,       outcome::timeout,
                                            outcome::unsupported, outcome::waived};
std::string_view to_string(outcome value) noexcept;  // "pass"

struct case_result {
  const case_record* of = nullptr;
  conformance::outcome outcome = conformance::outcome::fail;
  std::string rule;        // that was looked at when it ended
  std::string text;        // why it did not pass
  std::string capability;  // for want of which it is unsupported
  std::string file;        // of the check that did not hold
  unsigned line = 0;
  std::uint64_t checks = 0;
  double seconds = 0;
  std::string output;              // what the process wrote to its terminal, if it did not pass
  std::vector<std::string> notes;  // figures, seeds
  std::vector<figure> figures;     // of timed cases
  std::string waiver;              // reason, where to read more, and until when

  bool failed() const {
    return outcome == outcome::fail || outcome == outcome::crash || outcome == outcome::timeout;
  }
  // Its body ran to some end.
  bool executed() const { return outcome != outcome::unsupported; }
};

struct run_result {
  std::vector<case_result> cases;
  std::vector<std::pair<std::string, std::string>> facts;  // about the plugin and its device
  std::vector<std::string> problems;  // of the run as a whole, such as an expired waiver
  std::vector<std::string> remarks;   // worth knowing, and no failure
  std::string facts_died;  // how the process that asks what the plugin is ended, if not well
  bool unusable = false;   // the plugin cannot be loaded or has no such device
  std::uint64_t seed = 0;
  double seconds = 0;

  std::uint64_t count(outcome value) const;
  std::uint64_t executed() const;
  std::uint64_t failed() const;
  std::string fact(std::string_view key) const;
  // 0 all that ran passed, 1 something failed, 2 unusable, 3 nothing was executed.
  int exit_code() const;
};

}  // namespace rondo::conformance
