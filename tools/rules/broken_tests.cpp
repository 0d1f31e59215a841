// The program once for each fault, told by the environment which one is in force.
#include "broken_tests.hpp"

#include "conformance/runner/process.hpp"

#include <chrono>
#include <cstdio>

extern char** environ;

namespace rondo::rules {

namespace {

constexpr core_fault faults[] = {
#define RONDO_BROKEN(name, rule, mode, text, file, from, to) {#name, rule, text, mode},
#define RONDO_BROKEN_TOO(name, file, from, to)
#include "tests/broken/core.inc"
#undef RONDO_BROKEN
#undef RONDO_BROKEN_TOO
};

// A test with parameters has something before and behind its name.
std::string filter_of(const std::vector<std::string>& tests) {
  std::string filter;
  for (const auto& name : tests) filter += name + ":*/" + name + "/*:";
  return filter;
}

conformance::process_end run(const std::filesystem::path& program, std::string_view fault,
                             const std::string& filter) {
  conformance::process_order order;
  order.arguments = {program.string(), "--gtest_brief=1", "--gtest_filter=" + filter};
  for (char** each = environ; *each != nullptr; ++each) order.environment.emplace_back(*each);
  order.environment.push_back("RONDO_FAULT=" + std::string(fault));
  order.limit = std::chrono::seconds(60);
  return conformance::watch_process(
      order, [](std::string_view) { return conformance::after_event::goes_on; });
}

bool passed(const conformance::process_end& end) {
  return !end.timed_out && end.signal == 0 && end.exit_code == 0;
}

// The test that failed, as GoogleTest names it; else how the program ended.
std::string what_caught(const conformance::process_end& end) {
  constexpr std::string_view mark = "[  FAILED  ] ";
  const auto at = end.output.find(mark);
  if (at == std::string::npos) return "it " + conformance::describe(end);
  const auto name = at + mark.size();
  return end.output.substr(name, end.output.find_first_of(" ,\n", name) - name);
}

}  // namespace

std::span<const core_fault> core_faults() { return faults; }

bool all_are_caught(const std::filesystem::path& program,
                    const std::map<std::string, std::vector<std::string>, std::less<>>& tests) {
  std::string all_filters;
  for (const auto& [rule, names] : tests) all_filters += filter_of(names);
  if (const auto sound = run(program, "", all_filters); !passed(sound)) {
    std::printf("with nothing broken a test fails: %s\n%s\n", what_caught(sound).c_str(),
                sound.output.c_str());
    return false;
  }
  bool all = true;
  for (const core_fault& fault : faults) {
    const auto of_rule = tests.find(fault.rule);
    const auto end =
        run(program, fault.name, of_rule == tests.end() ? "" : filter_of(of_rule->second));
    const bool caught = of_rule != tests.end() && !passed(end);
    all = all && caught;
    std::printf("%-9s %-30s %-8s %s\n", caught ? "caught" : "SURVIVED", fault.name.data(),
                fault.rule.data(), caught ? what_caught(end).c_str() : fault.text.data());
  }
  std::printf("%zu faults of core%s\n", std::size(faults), all ? ", all caught" : "");
  return all;
}

}  // namespace rondo::rules
