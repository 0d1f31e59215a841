// `rondo conformance`: runs the conformance suite on one plugin, in child processes of this
// program.
#include "output.hpp"
#include "selection.hpp"
#include "suite_files.hpp"
#include "verbs.hpp"

#include "conformance/model/script.hpp"
#include "conformance/runner/certificate.hpp"
#include "conformance/runner/report_files.hpp"
#include "conformance/runner/report_text.hpp"
#include "conformance/runner/run.hpp"

#include <rondo/naming.hpp>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>

namespace rondo::cli {
namespace {

namespace fs = std::filesystem;
namespace suite = rondo::conformance;

struct conformance_options {
  std::string plugin;
  std::vector<fs::path> plugins;
  probe_options probe;
  suite::run_options run;
  std::uint64_t seed = 0;
  double minutes = 0;
  std::string mode = "direct";
  fs::path waivers, kernels, junit, certificate, html;
  bool as_json = false, list = false, verbose = false;
};

void list_cases(const conformance_options& options) {
  const auto cases = suite::select_cases(options.run);
  if (options.as_json) {
    auto all = json::array();
    for (const auto* each : cases)
      all.push_back({{"case", each->name()},
                     {"level", static_cast<int>(each->at)},
                     {"rules", suite::words(each->rules)},
                     {"needs", suite::words(each->needs)}});
    print_json({{"cases", all}});
    return;
  }
  for (const auto* each : cases)
    fmt::print("L{} {:<64} {}{}{}\n", static_cast<int>(each->at), each->name(), each->rules,
               each->needs.empty() ? "" : "  needs ", each->needs);
}

json to_json(const suite::case_result& each) {
  auto all = json::array();
  for (const auto& one : each.figures) {
    auto histogram = json::array();
    for (const auto& bucket : one.histogram)
      histogram.push_back(json::array({bucket.from_ns, bucket.count}));
    all.push_back({{"name", one.name},
                   {"samples", one.samples},
                   {"p50_ns", one.p50_ns},
                   {"p99_ns", one.p99_ns},
                   {"p99.9_ns", one.p999_ns},
                   {"max_ns", one.max_ns},
                   {"histogram", histogram}});
  }
  return {{"case", each.of->name()},
          {"level", static_cast<int>(each.of->at)},
          {"outcome", suite::to_string(each.outcome)},
          {"capability", each.capability},
          {"rule", each.rule},
          {"text", each.text},
          {"file", each.file},
          {"line", each.line},
          {"checks", each.checks},
          {"seconds", each.seconds},
          {"notes", each.notes},
          {"figures", all},
          {"waiver", each.waiver}};
}

json to_json(const suite::run_result& run) {
  auto cases = json::array();
  for (const auto& each : run.cases) cases.push_back(to_json(each));
  json facts = json::object();
  for (const auto& [key, value] : run.facts) facts[key] = value;
  return {{"passed", run.count(suite::outcome::pass)},
          {"failed", run.failed()},
          {"unsupported", run.count(suite::outcome::unsupported)},
          {"waived", run.count(suite::outcome::waived)},
          {"seed", run.seed},
          {"seconds", run.seconds},
          {"facts", facts},
          {"problems", run.problems},
          {"remarks", run.remarks},
          {"cases", cases}};
}

// On a terminal the case in hand is on the last line; elsewhere only what matters is said.
void show_progress(conformance_options& options) {
  const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
  if (options.as_json) return;
  if (on_terminal)
    options.run.on_begin = [](const suite::case_record& record) {
      fmt::print(stderr, "\r\033[K{}", record.name());
    };
  options.run.on_result = [&options, on_terminal](const suite::case_result& result) {
    if (on_terminal) fmt::print(stderr, "\r\033[K");
    fmt::print("{}", suite::to_text(options.run, result, options.verbose));
    std::fflush(stdout);
  };
}

void write_file(const fs::path& file, const std::function<std::string()>& text) {
  if (file.empty()) return;
  std::ofstream out(file);
  out << text() << std::flush;
  if (!out)
    throw error(RONDO_INTERNAL, file.string(), "it could not be written",
                "Make room, or write elsewhere");
}

void check_replay(const std::string& operations) {
  try {
    (void)suite::model::parse_script(operations);
  } catch (const std::invalid_argument& why) {
    throw error(RONDO_INVALID_ARGUMENT, "--replay", why.what(),
                "Give the operations as a failure of kernel.model prints them");
  }
}

fs::path given_kernels(const fs::path& file) {
  std::error_code none;
  if (fs::is_regular_file(file, none)) return fs::absolute(file);
  throw error(RONDO_NO_SUCH_MODULE, file.string(), "there is no such file",
              "Name a kernel module with the suite's handlers, or leave --kernels out");
}

// The minutes are shared by the cases that go on for as long as they are told to.
void plan_soak(conformance_options& options) {
  constexpr int endurance = static_cast<int>(suite::level::robust);
  options.run.highest_level = std::max(options.run.highest_level, endurance);
  std::size_t sharing = 0;
  for (const auto* each : suite::select_cases(options.run)) sharing += each->soaks ? 1 : 0;
  const double each = options.minutes * 60 / static_cast<double>(std::max<std::size_t>(sharing, 1));
  options.run.with.soak = std::chrono::nanoseconds(static_cast<std::int64_t>(each * 1e9));
}

exit_code run_conformance(conformance_options& options) {
  if (options.list) return list_cases(options), exit_code::done;
  if (options.plugin.empty())
    throw error(RONDO_INVALID_ARGUMENT, "conformance", "PLUGIN is missing",
                "Name a plugin's file, or a plugin as rondo backends shows it");
  options.run.program = own_program();
  options.run.with.plugin = find_plugin(options.plugin, options.plugins, options.probe);
  options.run.other_kernels = !options.kernels.empty();
  options.run.with.kernels =
      options.run.other_kernels ? given_kernels(options.kernels) : suite_file(kernels_name);
  options.run.with.set_mode(options.mode);
  options.run.with.seed =
      options.seed != 0 ? options.seed : std::random_device()() | std::uint64_t{1};
  check_replay(options.run.with.replay);
  if (options.minutes > 0) plan_soak(options);
  if (!options.waivers.empty()) options.run.waivers = suite::read_waivers(options.waivers);
  show_progress(options);
  const auto run = suite::run_suite(options.run);
  write_file(options.junit, [&] { return suite::junit_of(options.run, run); });
  write_file(options.html, [&] { return suite::html_of(options.run, run); });
  write_file(options.certificate, [&] { return suite::certificate_of(options.run, run); });
  if (options.as_json) print_json(to_json(run));
  else fmt::print("{}", suite::summary_text(options.run, run));
  return static_cast<exit_code>(run.exit_code());
}

void add_options(CLI::App& verb, conformance_options& options) {
  verb.add_option("PLUGIN", options.plugin, "A plugin's file, or its name as in rondo backends");
  verb.add_option("--level", options.run.highest_level,
                  "0 loads, 1 core, 2 concurrent, 3 robust, 4 timed; 2 if not given")
      ->type_name("N")
      ->check(CLI::Range(0, 4));
  verb.add_flag("--strict", options.run.strict, "What is left out for want of a capability fails");
  verb.add_option("--filter", options.run.filter,
                  "Only cases with this in their name, or matching it with * and ?, or of this "
                  "rule; several are separated by commas")
      ->type_name("PATTERN");
  verb.add_option("--device", options.run.with.device, "Index of the device, 0 if not given")
      ->type_name("N");
  verb.add_option(
          "--mode", options.mode,
          "direct: typed handles use mapped rings where there are; bridge: queue calls only; pump: "
          "the same with a pump in front")
      ->type_name("MODE")
      ->check(CLI::IsMember({"direct", "bridge", "pump"}));
  add_backend_option(verb, options.run.with.options);
  verb.add_flag("--in-process", options.run.in_process,
                "Run in this process, for a debugger: nothing is caught");
  verb.add_option("--seed", options.seed, "Of what is random; else a new one, which is printed")
      ->type_name("N");
  verb.add_option("--replay", options.run.with.replay,
                  "Operations for kernel.model, as a failure of it prints them, in place of random "
                  "ones")
      ->type_name("OPERATIONS");
  verb.add_option("--minutes", options.minutes,
                  "How long the cases of endurance go on, together; they are of level 3")
      ->type_name("N")
      ->check(CLI::Range(0.01, 1e6));
  verb.add_option("--timeout", options.run.case_limit_s, "For each case; 30 if not given")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 86400.0));
  verb.add_option("--junit", options.junit, "Write JUnit's XML")->type_name("FILE");
  verb.add_option("--certificate", options.certificate, "Write a certificate; see rondo verify")
      ->type_name("FILE");
  verb.add_option("--html", options.html, "Write a page for people")->type_name("FILE");
  verb.add_option("--waivers", options.waivers, "Known failures, dated; see conformance/README.md")
      ->type_name("FILE");
  verb.add_option("--kernels", options.kernels, "Another kernel module of the suite")
      ->type_name("FILE");
  add_plugins_option(verb, options.plugins);
  add_probe_option(verb, options.probe);
  verb.add_flag("--list", options.list, "Run nothing; list the cases");
  verb.add_flag("--verbose", options.verbose, "Tell of cases that passed, too");
  verb.add_flag("--json", options.as_json, "Print one JSON document");
}

}  // namespace

void add_conformance(CLI::App& app, action& chosen) {
  auto* const verb = app.add_subcommand("conformance", "Run the conformance suite on a plugin");
  const auto options = std::make_shared<conformance_options>();
  add_options(*verb, *options);
  verb->callback([&chosen, options] { chosen = [options] { return run_conformance(*options); }; });
}

}  // namespace rondo::cli
