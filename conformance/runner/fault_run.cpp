// One run of the suite for each fault, first the cases of the rules that it breaks.
#include "fault_run.hpp"

#include <algorithm>
#include <chrono>

namespace rondo::conformance {

namespace {

constexpr fault_text faults[] = {
#define RONDO_FAULT(name, rules, mode, needs, text) {#name, rules, mode, needs, text},
#include "../faults/list.inc"
#undef RONDO_FAULT
};

bool is_one_of(std::string_view rule, std::string_view rules) {
  const auto all = words(rules);
  return std::find(all.begin(), all.end(), rule) != all.end();
}

bool wanted(std::string_view filter, const fault_text& fault) {
  if (filter.empty()) return true;
  for (std::size_t begin = 0; begin <= filter.size();) {
    const auto end = std::min(filter.find(',', begin), filter.size());
    const auto part = filter.substr(begin, end - begin);
    begin = end + 1;
    if (!part.empty() &&
        (fault.name.find(part) != std::string_view::npos || is_one_of(part, fault.rules)))
      return true;
  }
  return false;
}

// Of what a fault needs, and the plugin does not offer. The wrapper hides the map unless a fault is
// about it; whether there is one shows in the run.
std::string_view first_missing(std::string_view needs, std::string_view offered) {
  for (const auto each : words(needs))
    if (each != RONDO_CAP_MAPPED && !is_one_of(each, offered)) return each;
  return {};
}

run_options with_fault(const fault_options& options, const fault_text* fault) {
  run_options run = options.run;
  run.environment.push_back("RONDO_FAULT_WRAP=" + options.run.with.plugin.string());
  if (fault != nullptr) run.environment.push_back("RONDO_FAULT=" + std::string(fault->name));
  run.with.plugin = options.wrapper;
  return run;
}

std::string comma_separated(std::string_view rules) {
  std::string all(rules);
  std::replace(all.begin(), all.end(), ' ', ',');
  return all;
}

// The first failure that `is_due` says it should be; otherwise the first at all.
void judge(const run_result& run, fault_result& result) {
  for (const bool related : {true, false})
    for (const auto& each : run.cases) {
      if (!each.failed() || is_one_of(each.rule, result.of->rules) != related) continue;
      result.killed = related;
      result.rule = each.rule;
      result.by_case = each.of->name();
      result.text = each.text;
      result.outcome = to_string(each.outcome);
      return;
    }
}

fault_result try_fault(const fault_options& options, const fault_text& fault) {
  const auto begin = std::chrono::steady_clock::now();
  fault_result result;
  result.of = &fault;
  run_options run = with_fault(options, &fault);
  run.stops = [&](const case_result& each) {
    return each.failed() && is_one_of(each.rule, fault.rules);
  };
  run.filter = comma_separated(fault.rules);
  judge(run_suite(run), result);
  if (result.rule.empty()) {  // not by its own rules; by any?
    run.filter.clear();
    run.stops = [](const case_result& each) { return each.failed(); };
    judge(run_suite(run), result);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace

std::span<const fault_text> all_faults() { return faults; }

std::uint64_t fault_matrix::killed() const {
  return static_cast<std::uint64_t>(
      std::count_if(faults.begin(), faults.end(), [](const auto& f) { return f.killed; }));
}
std::uint64_t fault_matrix::survived() const {
  return static_cast<std::uint64_t>(std::count_if(
      faults.begin(), faults.end(), [](const auto& f) { return !f.killed && !f.left_out; }));
}
int fault_matrix::exit_code() const {
  if (unbroken.exit_code() != 0) return unbroken.exit_code();
  if (survived() > 0) return 1;
  return killed() == 0 ? 3 : 0;
}

fault_matrix run_faults(const fault_options& options) {
  fault_matrix matrix;
  matrix.unbroken = run_suite(with_fault(options, nullptr));
  if (matrix.unbroken.exit_code() != 0) return matrix;
  const std::string all = matrix.unbroken.fact("capabilities");
  for (const fault_text& fault : faults) {
    if (!wanted(options.filter, fault)) continue;
    fault_result result;
    const auto missing = first_missing(fault.needs, all);
    if (!missing.empty()) {
      result.of = &fault;
      result.left_out = true;
      result.text = "the plugin does not advertise " + std::string(missing);
    } else {
      result = try_fault(options, fault);
    }
    matrix.faults.push_back(result);
    if (options.on_result) options.on_result(result);
  }
  return matrix;
}

}  // namespace rondo::conformance
