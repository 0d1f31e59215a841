// Parses the command line with CLI11, and says what was most likely meant when it cannot.
#include "output.hpp"
#include "verbs.hpp"

#include <rondo/naming.hpp>
#include <rondo/nearest.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace rondo::cli {
namespace {

// The subcommand that the line got to: "rondo", "rondo queues", "rondo queues build".
CLI::App& innermost(CLI::App& app) {
  auto* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string full_name(const CLI::App& app) {
  const auto* const parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

std::vector<std::string> verbs_of(CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> options_of(CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string remedy_for(const CLI::App& app, std::string_view near) {
  const auto help = fmt::format("{} --help", full_name(app));
  return near.empty() ? "See " + help
                      : fmt::format("Did you mean {}? Otherwise see {}", near, help);
}

// "rondo queues build" is spoken of as "queues build": the line begins with "rondo:" already.
[[noreturn]] void refuse(const CLI::App& app, std::string message, std::string_view near = {}) {
  auto object = full_name(app);
  object.erase(0, std::min(object.find(' '), object.size() - 1) + 1);
  if (app.get_parent() == nullptr) object = "command line";
  throw error(RONDO_INVALID_ARGUMENT, std::move(object), std::move(message), remedy_for(app, near));
}

// The first argument that nobody took.
[[noreturn]] void refuse_extra(CLI::App& app, const std::string& extra) {
  if (extra.size() > 1 && extra.front() == '-') {
    const auto given = extra.substr(0, extra.find('='));
    refuse(app, fmt::format("there is no option {}", in_quotes(given)),
           nearest(given, options_of(app)));
  }
  const auto verbs = verbs_of(app);
  if (verbs.empty()) refuse(app, fmt::format("the argument {} is one too many", in_quotes(extra)));
  refuse(app, fmt::format("there is no command {}", in_quotes(extra)), nearest(extra, verbs));
}

void parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success&) {
    throw;  // help was asked for
  } catch (const CLI::ParseError& failure) {
    auto& at = innermost(app);
    if (const auto extras = app.remaining(true); !extras.empty()) refuse_extra(at, extras.front());
    std::string message = failure.what();
    message.erase(std::find(message.begin(), message.end(), '\n'), message.end());
    refuse(at, std::move(message));
  }
}

}  // namespace

exit_code parse_and_run(int argc, char** argv) {
  CLI::App app("Finds backends, runs kernel modules and explains queue names.", "rondo");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "rondo " RONDO_VERSION);
  app.footer(std::string(exit_code_table));
  action chosen;
  add_backends(app, chosen);
  add_run(app, chosen);
  add_queues(app, chosen);
  add_conformance(app, chosen);
  add_faults(app, chosen);
  add_verify(app, chosen);
  add_version(app, chosen);
  try {
    parse(app, argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return exit_code::done;
  } catch (const CLI::Success& version) {
    fmt::print("{}\n", version.what());
    return exit_code::done;
  }
  if (chosen) return chosen();
  fmt::print(stderr, "{}", app.help());
  refuse(innermost(app), "a command is missing");
}

}  // namespace rondo::cli
