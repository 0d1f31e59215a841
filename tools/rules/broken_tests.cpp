// The program once for each fault, told by the environment which one is in force.
#include "broken_tests.hpp"

#include "conformance/runner/process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>

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

// Lines of the ring whose faults `rondo faults` tries with a backend: by the rule of the ring that
// each breaks first, if it breaks one, it is tried here too.
constexpr core_fault built_in_faults[] = {
#define RONDO_BROKEN(name, rules, mode, text, file, from, to) \
  {#name, std::string_view(rules).substr(0, std::string_view(rules).find(' ')), text, mode},
#define RONDO_BROKEN_TOO(name, file, from, to)
#include "conformance/faults/backend.inc"
#undef RONDO_BROKEN
#undef RONDO_BROKEN_TOO
};

std::vector<core_fault> faults_to_try() {
  std::vector<core_fault> all(std::begin(faults), std::end(faults));
  std::copy_if(std::begin(built_in_faults), std::end(built_in_faults), std::back_inserter(all),
               [](const core_fault& fault) { return fault.rule.starts_with("RING-"); });
  return all;
}

// They run for seconds, unless others have more to do on the machine.
constexpr std::chrono::seconds limit_of_all(300), limit_of_one(60);

// A test with parameters has something before and behind its name.
std::string filter_of(const std::vector<std::string>& tests) {
  std::string filter;
  for (const auto& name : tests) filter += name + ":*/" + name + "/*:";
  return filter;
}

conformance::process_end run(const std::filesystem::path& program, std::string_view fault,
                             const std::string& filter, std::chrono::seconds limit) {
  conformance::process_order order;
  order.arguments = {program.string(), "--gtest_brief=1", "--gtest_fail_fast",
                     "--gtest_filter=" + filter};
  for (char** each = environ; *each != nullptr; ++each) order.environment.emplace_back(*each);
  order.environment.push_back("RONDO_FAULT=" + std::string(fault));
  order.limit = limit;
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
  if (const auto sound = run(program, "", all_filters, limit_of_all); !passed(sound)) {
    std::printf("with nothing broken a test fails: %s\n%s\n", what_caught(sound).c_str(),
                sound.output.c_str());
    return false;
  }
  bool all = true;
  const auto to_try = faults_to_try();
  for (const core_fault& fault : to_try) {
    const auto of_rule = tests.find(fault.rule);
    const auto end = run(program, fault.name,
                         of_rule == tests.end() ? "" : filter_of(of_rule->second), limit_of_one);
    const bool caught = of_rule != tests.end() && !passed(end);
    all = all && caught;
    std::printf("%-9s %-30s %-8s %s\n", caught ? "caught" : "SURVIVED", fault.name.data(),
                std::string(fault.rule).c_str(),
                caught ? what_caught(end).c_str() : fault.text.data());
  }
  std::printf("%zu faults of core and the ring%s\n", to_try.size(), all ? ", all caught" : "");
  return all;
}

}  // namespace rondo::rules
