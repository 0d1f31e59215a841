// Results of cases, made up.
#pragma once

#include "conformance/runner/result.hpp"

#include <algorithm>

namespace rondo::conformance {

inline case_result with(outcome what, std::size_t index = 0) {
  case_result one;
  one.of = &all_cases()[index];
  one.outcome = what;
  one.rule = words(one.of->rules).front();
  if (what != outcome::pass) one.text = "because <of> \"this\" & that";
  if (what == outcome::waived) one.waiver = "known (https://example.org/1, until 2030-01-31)";
  return one;
}

// The first case that needs something, and by it unsupported.
inline std::size_t index_of_one_that_needs() {
  const auto& all = all_cases();
  return static_cast<std::size_t>(
      std::find_if(all.begin(), all.end(),
                   [](const auto& record) { return !record.needs.empty(); }) -
      all.begin());
}
inline case_result left_out() {
  case_result one = with(outcome::unsupported, index_of_one_that_needs());
  one.capability = words(one.of->needs).front();
  return one;
}

}  // namespace rondo::conformance
