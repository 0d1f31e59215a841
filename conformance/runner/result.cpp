// Counting what became of cases.
#include "result.hpp"

#include <algorithm>

namespace rondo::conformance {

std::string_view to_string(outcome value) noexcept {
  switch (value) {
    case outcome::pass: return "pass";
    case outcome::fail: return "fail";
    case outcome::crash: return "crash";
    case outcome::timeout: return "timeout";
    case outcome::unsupported: return "unsupported";
    case outcome::waived: return "waived";
  }
  return "fail";
}

std::uint64_t run_result::count(outcome value) const {
  return static_cast<std::uint64_t>(std::count_if(
      cases.begin(), cases.end(), [&](const case_result& c) { return c.outcome == value; }));
}
std::uint64_t run_result::executed() const {
  return static_cast<std::uint64_t>(
      std::count_if(cases.begin(), cases.end(), [](const case_result& c) { return c.executed(); }));
}
std::uint64_t run_result::failed() const {
  return static_cast<std::uint64_t>(
      std::count_if(cases.begin(), cases.end(), [](const case_result& c) { return c.failed(); }));
}

std::string run_result::fact(std::string_view key) const {
  for (const auto& [name, value] : facts)
    if (name == key) return value;
  return {};
}

int run_result::exit_code() const {
  if (unusable) return 2;
  if (failed() > 0 || !problems.empty()) return 1;
  return executed() == 0 ? 3 : 0;
}

}  // namespace rondo::conformance
