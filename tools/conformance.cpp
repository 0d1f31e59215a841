// `rondo conformance`: runs the conformance suite on one plugin, in child processes of this
// program.
#include "output.hpp"
#include "selection.hpp"
#include "verbs.hpp"

#include "conformance/runner/report_text.hpp"
#include "conformance/runner/run.hpp"

#include <rondo/naming.hpp>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <random>

namespace rondo::cli {
namespace {

namespace fs = std::filesystem;
namespace suite = rondo::conformance;

struct conformance_options {
  std::string plugin;
  std::vector<fs::path> plugins;
  suite::run_options run;
  std::uint64_t seed = 0;
  std::string mode = "direct";
  fs::path waivers, kernels;
  bool as_json = false, list = false, verbose = false;
};

// "queue" and "kernel" of a plugin that was given as a file, or by the name that a file has in the
// usual places. Nothing is opened for it.
std::optional<fs::path> file_named(const conformance_options& options) {
  loader_options where;
  where.paths = options.plugins;
  where.use_environment = false;
  where.only = {"."};  // nobody's name: every candidate is filtered
  const std::string file = "rondo_" + options.plugin + ".so";
  for (const auto& root : load_plugins(where).roots)
    if (fs::exists(root.path / file)) return root.path / file;
  return std::nullopt;
}

fs::path find_plugin(const conformance_options& options) {
  const bool is_path =
      options.plugin.find('/') != std::string::npos || options.plugin.ends_with(".so");
  if (is_path) {
    std::error_code none;
    const auto path = fs::absolute(options.plugin, none);
    if (fs::is_regular_file(path, none)) return path;
    throw error(RONDO_LOAD_FAILED, options.plugin, "there is no such file",
                "Name the plugin's library, or a plugin as rondo backends shows it");
  }
  if (auto found = file_named(options)) return *found;
  loader_options where;
  where.paths = options.plugins;
  where.use_environment = false;
  where.only = {options.plugin};
  const auto report = load_plugins(where);
  if (const auto* found = report.find(options.plugin)) return found->path;
  where.only.clear();
  auto all = load_plugins(where);
  all.unmatched = report.unmatched;
  if (auto unknown = unknown_backend(all)) throw error(*std::move(unknown));
  throw error(RONDO_NO_SUCH_BACKEND, printable(options.plugin), "no plugin has this name",
              "Name the plugin's file, or its directory with --plugins");
}

fs::path own_program() { return fs::read_symlink("/proc/self/exe"); }

fs::path suite_file(const char* name) {
  return own_program().parent_path().parent_path() / "lib" / "rondo" / "conformance" / name;
}

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

json to_json(const suite::run_result& run) {
  auto cases = json::array();
  for (const auto& each : run.cases)
    cases.push_back({{"case", each.of->name()},
                     {"level", static_cast<int>(each.of->at)},
                     {"outcome", suite::to_string(each.outcome)},
                     {"rule", each.rule},
                     {"text", each.text},
                     {"file", each.file},
                     {"line", each.line},
                     {"checks", each.checks},
                     {"seconds", each.seconds},
                     {"notes", each.notes},
                     {"waiver", each.waiver}});
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

exit_code run_conformance(conformance_options& options) {
  if (options.list) return list_cases(options), exit_code::done;
  if (options.plugin.empty())
    throw error(RONDO_INVALID_ARGUMENT, "conformance", "PLUGIN is missing",
                "Name a plugin's file, or a plugin as rondo backends shows it");
  options.run.program = own_program();
  options.run.with.plugin = find_plugin(options);
  options.run.with.kernels =
      options.kernels.empty() ? suite_file("conformance_kernels.so") : options.kernels;
  if (!fs::exists(options.run.with.kernels))
    throw error(RONDO_NO_SUCH_MODULE, options.run.with.kernels.string(),
                "the suite's kernel module is not there", "Install Rondo whole");
  options.run.with.bridge = options.mode == "bridge";
  options.run.with.seed =
      options.seed != 0 ? options.seed : std::random_device()() | std::uint64_t{1};
  if (!options.waivers.empty()) options.run.waivers = suite::read_waivers(options.waivers);
  show_progress(options);
  const auto run = suite::run_suite(options.run);
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
          "direct: typed handles use mapped rings where there are; bridge: queue calls only")
      ->type_name("MODE")
      ->check(CLI::IsMember({"direct", "bridge"}));
  verb.add_flag("--in-process", options.run.in_process,
                "Run in this process, for a debugger: nothing is caught");
  verb.add_option("--seed", options.seed, "Of what is random; else a new one, which is printed")
      ->type_name("N");
  verb.add_option("--timeout", options.run.case_limit_s, "For each case; 30 if not given")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 86400.0));
  verb.add_option("--waivers", options.waivers, "Known failures, dated; see conformance/README.md")
      ->type_name("FILE");
  verb.add_option("--kernels", options.kernels, "Another kernel module of the suite")
      ->type_name("FILE");
  add_plugins_option(verb, options.plugins);
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
