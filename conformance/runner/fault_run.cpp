// One run of the suite for each fault, first the cases of the rules that it breaks. Several at
// once: most of the time a broken backend lets its cases wait.
#include "fault_run.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace rondo::conformance {

namespace {

constexpr fault_text faults[] = {
#define RONDO_FAULT(name, rules, mode, needs, text) {#name, rules, mode, needs, text},
#include "../faults/list.inc"
#undef RONDO_FAULT
#define RONDO_BROKEN(name, rules, mode, text, file, from, to) \
  {#name, rules, mode, RONDO_CAP_MAPPED, text, true},
#define RONDO_BROKEN_TOO(name, file, from, to)
#include "../faults/backend.inc"
#undef RONDO_BROKEN
#undef RONDO_BROKEN_TOO
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

// Why a plugin that offers this is not one that the fault can show with; empty if it is.
std::string objection(std::string_view needs, std::string_view offered) {
  for (auto each : words(needs)) {
    const bool unwanted = each.front() == '!';
    if (unwanted) each.remove_prefix(1);
    if (is_one_of(each, offered) == unwanted)
      return (unwanted ? "the plugin advertises " : "the plugin does not advertise ") +
             std::string(each);
  }
  return {};
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

constexpr std::string_view cpu_id = "dev.rondo.cpu";  // the backend that the variant is made of

class fault_run {
 public:
  explicit fault_run(const fault_options& options) : options_(options) {}

  fault_matrix all() {
    const run_result known = facts_of(options_.run);
    capabilities_ = known.fact("capabilities");
    wraps_cpu_ = known.fact("id") == cpu_id;
    std::string wrapper_rules, variant_rules;
    for (const fault_text& fault : faults) {
      if (!wanted(options_.filter, fault)) continue;
      fault_result& result = matrix_.faults.emplace_back();
      result.of = &fault;
      result.text = why_not(fault);
      result.left_out = !result.text.empty();
      if (result.left_out) continue;
      std::string& rules = fault.is_built_in ? variant_rules : wrapper_rules;
      rules += (rules.empty() ? "" : ",") + comma_separated(fault.rules);
    }
    // The unbroken ones take longest, so they go first. With no fault left out on request the
    // wrapper passes everything.
    if (!wrapper_rules.empty())
      tasks_.push_back([this, filter = options_.filter.empty() ? "" : wrapper_rules] {
        matrix_.unbroken = unbroken(nullptr, filter);
      });
    if (!variant_rules.empty())
      tasks_.push_back([this, variant_rules] {
        matrix_.unbroken_variant = unbroken(&options_.variant, variant_rules);
      });
    for (fault_result& result : matrix_.faults) tasks_.push_back([this, &result] { run(result); });
    work();
    return std::move(matrix_);
  }

 private:
  // Why it cannot show with the plugin that is wrapped; empty if it can.
  std::string why_not(const fault_text& fault) const {
    if (fault.is_built_in && !wraps_cpu_)
      return "it is built into a variant of the CPU backend, and another one is wrapped";
    if (fault.is_built_in && options_.variant.empty())
      return "the variant of the CPU backend is not installed";
    return objection(fault.needs, capabilities_);
  }

  run_options with_fault(const fault_text* fault, bool is_built_in) const {
    run_options run = options_.run;
    run.environment.push_back("RONDO_FAULT_WRAP=" + options_.run.with.plugin.string());
    if (fault != nullptr) run.environment.push_back("RONDO_FAULT=" + std::string(fault->name));
    run.with.plugin = is_built_in ? options_.variant : options_.wrapper;
    run.asks_for_facts = fault == nullptr;
    return run;
  }

  // With the patience that the broken ones have: a backend that is merely slow would fail here too,
  // so that no fault is caught for want of time alone.
  run_result unbroken(const std::filesystem::path* variant, const std::string& filter) {
    run_options run = with_fault(nullptr, variant != nullptr);
    run.filter = filter;
    run.stops = [](const case_result& each) { return each.failed(); };
    const run_result result = run_suite(run);
    if (result.exit_code() != 0) stop_ = true;  // then nothing can be told
    return result;
  }

  void run(fault_result& result) {
    if (!result.left_out) try_fault(result);
    const std::lock_guard lock(mutex_);
    if (options_.on_result) options_.on_result(result);
  }

  void try_fault(fault_result& result) {
    const auto begin = std::chrono::steady_clock::now();
    run_options run = with_fault(result.of, result.of->is_built_in);
    run.stops = [&](const case_result& each) {
      return each.failed() && is_one_of(each.rule, result.of->rules);
    };
    run.filter = comma_separated(result.of->rules);
    judge(run_suite(run), result);
    if (result.rule.empty() && !options_.related_only) {  // not by its own rules; by any?
      run.filter.clear();
      run.stops = [](const case_result& each) { return each.failed(); };
      judge(run_suite(run), result);
    }
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  void work() {
    std::atomic<std::size_t> next{0};
    const auto take = [&] {
      for (std::size_t i; !stop_ && (i = next++) < tasks_.size();) tasks_[i]();
    };
    // A child process dies with the thread that has started it, so these live until all is done.
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < options_.jobs; ++i) others.emplace_back(take);
    take();
  }

  const fault_options& options_;
  std::string capabilities_;
  bool wraps_cpu_ = false;
  fault_matrix matrix_;
  std::vector<std::function<void()>> tasks_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
};

}  // namespace

std::span<const fault_text> all_faults() { return faults; }

std::uint64_t fault_matrix::killed() const {
  return static_cast<std::uint64_t>(
      std::count_if(faults.begin(), faults.end(), [](const auto& f) { return f.killed; }));
}
std::uint64_t fault_matrix::left_out() const {
  return static_cast<std::uint64_t>(
      std::count_if(faults.begin(), faults.end(), [](const auto& f) { return f.left_out; }));
}
std::uint64_t fault_matrix::survived() const { return faults.size() - killed() - left_out(); }
int fault_matrix::exit_code() const {
  for (const auto* each : {&unbroken, &unbroken_variant})
    if (!each->cases.empty() && each->exit_code() != 0) return each->exit_code();
  if (survived() > 0) return 1;
  return killed() == 0 ? 3 : 0;
}

fault_matrix run_faults(const fault_options& options) { return fault_run(options).all(); }

}  // namespace rondo::conformance
