// `rondo faults`: shows that the conformance suite can fail. Each fault is a plugin that is sound
// but for one thing; the matrix says which rule caught it.
#include "output.hpp"
#include "selection.hpp"
#include "suite_files.hpp"
#include "verbs.hpp"

#include "conformance/runner/fault_run.hpp"
#include "conformance/runner/report_text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <thread>

namespace rondo::cli {
namespace {

namespace suite = rondo::conformance;

struct faults_options {
  std::string wrapped;
  std::vector<std::filesystem::path> plugins;
  probe_options probe;
  suite::fault_options how;
  bool as_json = false, list = false;
};

void list_faults(bool as_json) {
  auto all = json::array();
  for (const auto& each : suite::all_faults()) {
    if (as_json)
      all.push_back({{"fault", each.name},
                     {"rules", suite::words(each.rules)},
                     {"failure_mode", each.failure_mode},
                     {"needs", each.needs},
                     {"text", each.text}});
    else fmt::print("{:<28} {:<18} {}\n", each.name, each.rules, each.text);
  }
  if (as_json) print_json({{"faults", all}});
}

const char* verdict_of(const suite::fault_result& one) {
  if (one.left_out) return "n/a";
  if (one.killed) return "caught";
  return one.rule.empty() ? "SURVIVED" : "UNRELATED";
}

void print_row(const suite::fault_result& one) {
  fmt::print("{:<9} {:<28} {:<10} {:<8} {:>6.2f} s  {}\n", verdict_of(one), one.of->name, one.rule,
             one.outcome, one.seconds, one.left_out ? one.text : one.by_case);
  if (!one.killed && !one.left_out)
    fmt::print("          breaks {}: {}{}\n", one.of->rules, one.of->text,
               one.rule.empty() ? "; no case has failed"
                                : fmt::format("; only {} has caught it: {}", one.rule, one.text));
  std::fflush(stdout);
}

json to_json(const suite::fault_matrix& matrix) {
  auto all = json::array();
  for (const auto& one : matrix.faults)
    all.push_back({{"fault", one.of->name},
                   {"breaks", suite::words(one.of->rules)},
                   {"failure_mode", one.of->failure_mode},
                   {"text", one.of->text},
                   {"verdict", verdict_of(one)},
                   {"rule", one.rule},
                   {"case", one.by_case},
                   {"outcome", one.outcome},
                   {one.left_out ? "reason" : "said", one.text},
                   {"seconds", one.seconds}});
  return {{"killed", matrix.killed()},
          {"survived", matrix.survived()},
          {"not_applicable", matrix.left_out()},
          {"unbroken_failed", matrix.unbroken.failed()},
          {"unbroken_passed", matrix.unbroken.count(suite::outcome::pass)},
          {"faults", all}};
}

void print_unbroken(const suite::run_options& run, const suite::run_result& unbroken,
                    std::string_view what) {
  if (unbroken.cases.empty()) return;
  if (unbroken.exit_code() != 0) {
    fmt::print("{} without a fault does not pass, so nothing can be told:\n", what);
    for (const auto& each : unbroken.cases) fmt::print("{}", suite::to_text(run, each, false));
  }
  fmt::print("{}", suite::summary_text(run, unbroken));
}

// Most of the time a broken backend lets its case wait, for the whole patience of the suite, so
// that much more than the processors have to do can be under way; on the other hand cases have
// deadlines.
unsigned default_jobs() { return std::clamp(4 * std::thread::hardware_concurrency(), 4u, 16u); }

exit_code run_all_faults(faults_options& options) {
  if (options.list) return list_faults(options.as_json), exit_code::done;
  if (options.wrapped.empty())
    throw error(RONDO_INVALID_ARGUMENT, "faults", "--wrap is missing",
                "Name a sound plugin, for example --wrap cpu");
  auto& run = options.how.run;
  run.program = own_program();
  run.with.plugin = find_plugin(options.wrapped, options.plugins, options.probe);
  run.with.kernels = suite_file(kernels_name);
  options.how.wrapper = suite_file("rondo_fault.so");
  options.how.variant = suite_file_if_there("rondo_cpu_fault.so");
  if (!options.as_json) options.how.on_result = print_row;
  const auto matrix = suite::run_faults(options.how);
  if (options.as_json) {
    print_json(to_json(matrix));
  } else {
    print_unbroken(run, matrix.unbroken, "the wrapper");
    print_unbroken(run, matrix.unbroken_variant, "the variant");
    fmt::print("{} faults: {} caught by a rule that they break, {} not, {} not applicable\n",
               matrix.faults.size(), matrix.killed(), matrix.survived(), matrix.left_out());
  }
  return static_cast<exit_code>(matrix.exit_code());
}

}  // namespace

void add_faults(CLI::App& app, action& chosen) {
  auto* const verb = app.add_subcommand("faults", "Show that the conformance suite can fail");
  const auto options = std::make_shared<faults_options>();
  auto& run = options->how.run;
  verb->add_option("--wrap", options->wrapped, "The sound plugin that faults are put into")
      ->type_name("PLUGIN");
  verb->add_option("--filter", options->how.filter,
                   "Only faults with this in their name, or of this rule; several are separated by "
                   "commas")
      ->type_name("PATTERN");
  options->how.jobs = default_jobs();
  verb->add_option(
          "--jobs", options->how.jobs,
          "How many faults are tried at once; four for each processor if not given, at most 16")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  verb->add_flag(
      "--related-only", options->how.related_only,
      "Only cases of the rules that a fault breaks: what they do not catch has survived");
  verb->add_option("--level", run.highest_level, "As for conformance; 2 if not given")
      ->type_name("N")
      ->check(CLI::Range(0, 4));
  verb->add_option("--device", run.with.device, "Index of the device")->type_name("N");
  verb->add_option("--seed", run.with.seed, "Of what is random; 1 if not given")->type_name("N");
  verb->add_option("--timeout", run.case_limit_s, "For each case; 30 if not given")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 86400.0));
  add_plugins_option(*verb, options->plugins);
  add_probe_option(*verb, options->probe);
  verb->add_flag("--list", options->list, "Run nothing; list the faults");
  verb->add_flag("--json", options->as_json, "Print one JSON document");
  verb->callback([&chosen, options] { chosen = [options] { return run_all_faults(*options); }; });
}

}  // namespace rondo::cli
