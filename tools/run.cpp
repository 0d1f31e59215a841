// `rondo run`: launches the handlers of a kernel module and drives the scenarios that the module
// brings along. It knows nothing of any one module.
#include "run.hpp"
#include "selection.hpp"
#include "verbs.hpp"

#include <rondo/naming.hpp>
#include <rondo/nearest.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <memory>

namespace rondo::cli {
namespace {

// A backend that was asked for by name is the only one opened: what else lies about must neither
// help nor hinder. A name that nothing answers to is the user's mistake, all else the plugins'.
runtime open_runtime(const run_options& options) {
  runtime_options where;
  where.plugin_paths = options.plugins;
  where.kernel_paths = options.kernels;
  where.probe = options.probe;
  if (!options.backend.empty()) where.only_backends = {options.backend};
  try {
    return runtime::open(where);
  } catch (const no_backend_error& nothing) {
    auto unknown = unknown_backend(nothing.report());
    if (!unknown) throw;
    unknown->message += "\nlooked in:";
    for (const auto& root : nothing.report().roots)
      unknown->message += fmt::format("\n  {} ({})", root.path.string(), to_string(root.status));
    throw error(*std::move(unknown));
  }
}

std::vector<handler_description> select(const run_options& options,
                                        std::vector<handler_description> handlers) {
  if (options.kernel.empty()) return handlers;
  std::vector<std::string> known;
  known.reserve(handlers.size());
  for (const auto& handler : handlers) known.push_back(handler.id);
  std::erase_if(handlers, [&](const auto& handler) { return handler.id != options.kernel; });
  if (!handlers.empty()) return handlers;
  const auto near = nearest(options.kernel, known);
  throw error(RONDO_NO_SUCH_KERNEL, printable(options.kernel),
              known.empty() ? "no module in reach has a handler"
                            : fmt::format("no handler has this id; there {} {}",
                                          known.size() == 1 ? "is" : "are", fmt::join(known, ", ")),
              near.empty() ? fmt::format("See what is there with rondo run {} --list",
                                         printable(options.module))
                           : fmt::format("Did you mean {}?", near));
}

nanoseconds timeout_of(const run_options& options) {
  return std::chrono::duration_cast<nanoseconds>(
      std::chrono::duration<double>(options.timeout_seconds));
}

std::filesystem::path plugin_of(const runtime& rt, const std::string& backend) {
  for (const auto& each : rt.backends())
    if (each.name == backend) return each.path;
  return {};
}

void drive(runtime& rt, const run_options& options, handler_run& run) {
  launch_options how;
  how.backend = options.backend;
  how.device = options.device;
  how.module = options.module;  // as the user gave it: a path finds what a name might not
  how.grid = options.grid;
  how.block = options.block;
  how.publish = options.publish;
  how.pump = options.pump;
  how.options = options.options;
  auto kernel = rt.launch(run.handler, how);
  run.backend = kernel.backend();
  run.device = kernel.device();
  run.plugin = plugin_of(rt, run.backend);
  kernel.activate();
  const auto progress = [&](const std::string& scenario, const scenario_case& one) {
    if (!options.as_json) print_case(scenario, one);
  };
  run.scenarios = run_scenarios(kernel, timeout_of(options), progress);
  if (options.stats) {
    // Counters may come a little behind the replies that they count. Of a kernel that has failed
    // they are shown as they are.
    static_cast<void>(kernel.flush(timeout_of(options)));
    run.stats = kernel.snapshot();
  }
  kernel.terminate({.mode = terminate_mode::discard, .deadline = std::chrono::seconds(2)});
}

// A handler that cannot run keeps no other from running; a wrong device would be wrong for all.
std::vector<handler_run> run_all(runtime& rt, const run_options& options,
                                 const std::vector<handler_description>& handlers) {
  std::vector<handler_run> runs;
  for (const auto& handler : handlers) {
    if (handler.scenarios == 0) continue;
    auto& run = runs.emplace_back();
    run.handler = handler.id;
    run.module = handler.module;
    try {
      drive(rt, options, run);
    } catch (const error& failure) {
      if (exit_code_of(failure.code()) == exit_code::usage) throw;
      run.refusal = failure.info();
    }
  }
  return runs;
}

error_info nothing_executed(const run_options& options) {
  const bool one = !options.kernel.empty();
  return {RONDO_EMPTY, one ? options.kernel : options.module,
          "there is no scenario to run, so nothing was executed",
          one ? "Name another --kernel; --list says which handlers have scenarios"
              : "Name a module that declares one with RONDO_SCENARIO"};
}

// What the shell hears of all runs together, and the error to tell if there is one.
exit_code judge(const run_options& options, const std::vector<handler_run>& runs,
                std::optional<error_info>& why) {
  std::uint64_t executed = 0;
  std::uint64_t passed = 0;
  for (const auto& run : runs) {
    executed += run.executed();
    passed += run.passed();
    if (run.refusal && !why) why = run.refusal;
  }
  if (passed != executed) return exit_code::failed;
  if (why) return exit_code_of(why->code);
  if (executed > 0) return exit_code::done;
  why = nothing_executed(options);
  return exit_code::nothing_executed;
}

exit_code run_module(const run_options& options) {
  auto rt = open_runtime(options);
  const auto handlers = select(options, rt.handlers(options.module));
  if (options.list) {
    if (options.as_json) print_json({{"handlers", cli::to_json(handlers)}});
    else print_handlers(handlers);
    return exit_code::done;
  }
  const auto runs = run_all(rt, options, handlers);
  std::optional<error_info> why;
  const auto code = judge(options, runs, why);
  if (options.as_json) {
    auto document = cli::to_json(runs);
    if (why) document["error"] = cli::to_json(*why);
    print_json(document);
  } else {
    print_summary(runs);
  }
  if (why) print_error(*why);
  return code;
}

exit_code run_or_refuse(const run_options& options) {
  if (options.module.empty() && !options.list)
    throw error(RONDO_INVALID_ARGUMENT, "run", "MODULE is missing",
                "Name one; rondo run --list shows those in reach");
  return run_module(options);
}

// Why this is no timeout, or nothing. Not CLI::Range, which lets "nan" pass.
std::string refuse_timeout(const std::string& text) {
  double seconds = 0;
  const bool is_number = CLI::detail::lexical_cast(text, seconds);
  if (is_number && seconds >= 0.001 && seconds <= 86400) return {};
  return in_quotes(text) + " is not a number of seconds from 0.001 to 86400";
}

void add_launch_options(CLI::App& verb, run_options& options) {
  verb.add_option("--grid", options.grid, "Blocks of a kernel, for devices that have them")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  verb.add_option("--block", options.block, "Threads of a block, for devices that have them")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  static const std::map<std::string, publish_policy> policies = {
      {"word", publish_policy::word},
      {"counted", publish_policy::counted},
      {"chunked", publish_policy::chunked}};
  verb.add_option_function<std::string>(
          "--publish", [&](const std::string& name) { options.publish = policies.at(name); },
          "How messages become visible: word, counted or chunked; else the backend chooses")
      ->type_name("HOW")
      ->check(CLI::IsMember({"word", "counted", "chunked"}));
  static const std::map<std::string, pump_policy> pumps = {{"always", pump_policy::always},
                                                           {"never", pump_policy::never}};
  verb.add_option_function<std::string>(
          "--pump", [&](const std::string& name) { options.pump = pumps.at(name); },
          "Whether a thread moves requests to the backend in batches: always or never; else where "
          "the backend needs it")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"always", "never"}));
  add_backend_option(verb, options.options);
}

void add_options(CLI::App& verb, run_options& options) {
  verb.add_option("MODULE", options.module, "Name or path of a kernel module");
  verb.add_option("--kernel", options.kernel, "Only the handler with this id")->type_name("ID");
  verb.add_option("--backend", options.backend,
                  "Name or id of the backend; else the best that can run the handler")
      ->type_name("NAME");
  verb.add_option("--device", options.device, "Index of the device, 0 if not given")
      ->type_name("N");
  add_plugins_option(verb, options.plugins);
  add_probe_option(verb, options.probe);
  verb.add_option("--kernels", options.kernels,
                  "A directory with kernel modules, searched before the usual places; may be "
                  "repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  verb.add_option("--timeout", options.timeout_seconds, "For each message; 5 if not given")
      ->type_name("SECONDS")
      ->check(refuse_timeout);
  add_launch_options(verb, options);
  verb.add_flag("--json", options.as_json, "Print one JSON document");
  verb.add_flag("--stats", options.stats, "Print what each kernel counted");
  verb.add_flag(
      "--list", options.list,
      "Run nothing; list handlers, types, images and scenarios, of all modules in reach if "
      "none is named");
}

}  // namespace

void add_run(CLI::App& app, action& chosen) {
  auto* const verb =
      app.add_subcommand("run", "Run the scenarios that a kernel module brings along");
  const auto options = std::make_shared<run_options>();
  add_options(*verb, *options);
  verb->callback([&chosen, options] { chosen = [options] { return run_or_refuse(*options); }; });
}

}  // namespace rondo::cli
