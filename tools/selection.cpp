// Plugin options and wrong names.
#include "selection.hpp"

#include "suite_files.hpp"

#include <rondo/naming.hpp>
#include <rondo/nearest.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace rondo::cli {
namespace {

std::vector<std::string> names_read(const load_report& report) {
  std::vector<std::string> names;
  for (const auto& it : report.candidates)
    if (!it.plugin.name.empty() &&
        std::find(names.begin(), names.end(), it.plugin.name) == names.end())
      names.push_back(it.plugin.name);
  return names;
}

}  // namespace

namespace {

// An option as the user wrote it; the check below has seen that there is a key.
std::pair<std::string, std::string> key_and_value(const std::string& text) {
  const auto at = text.find('=');
  return {text.substr(0, at), text.substr(at + 1)};
}

std::string refuse_option(const std::string& text) {
  const auto at = text.find('=');
  return at != 0 && at != std::string::npos ? std::string() : in_quotes(text) + " is not KEY=VALUE";
}

}  // namespace

void add_backend_option(CLI::App& verb, std::vector<std::pair<std::string, std::string>>& to) {
  verb.add_option_function<std::vector<std::string>>(
          "--option",
          [&to](const std::vector<std::string>& all) {
            for (const auto& text : all) to.push_back(key_and_value(text));
          },
          "An option that only the backend knows; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check(refuse_option);
}

void add_plugins_option(CLI::App& verb, std::vector<std::filesystem::path>& paths) {
  verb.add_option("--plugins", paths,
                  "A directory with plugins, or one plugin file, searched before the usual places; "
                  "may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
}

void add_probe_option(CLI::App& verb, probe_options& probe) {
  probe.program = own_program();
  verb.add_option_function<double>(
          "--probe-limit",
          [&probe](double seconds) {
            // Up, or a limit below a millisecond would be none.
            probe.limit = std::chrono::ceil<std::chrono::milliseconds>(
                std::chrono::duration<double>(seconds));
            if (seconds == 0) probe.program.clear();
          },
          "How long opening one plugin may take in the process where it is tried first; 10 if not "
          "given, 0 to open plugins untried")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 3600.0));
}

std::optional<error_info> missing_path(const load_report& report) {
  for (const auto& root : report.roots)
    if (root.code != RONDO_OK)
      return error_info{root.code, root.path.string(),
                        root.reason.empty() ? std::string(status_text(root.code)) : root.reason,
                        "Name a directory that exists, or none to search the usual places only"};
  return std::nullopt;
}

std::optional<error_info> unknown_backend(const load_report& report) {
  const auto known = names_read(report);
  if (report.unmatched.empty() || known.empty()) return std::nullopt;
  const auto& wanted = report.unmatched.front().name;
  auto near = nearest(wanted, known);
  if (near.empty()) near = report.unmatched.front().nearest;
  return error_info{RONDO_NO_SUCH_BACKEND, printable(wanted),
                    fmt::format("no plugin has this name; there {} {}",
                                known.size() == 1 ? "is" : "are", fmt::join(known, ", ")),
                    near.empty() ? "See what is there with rondo backends"
                                 : fmt::format("Did you mean {}?", printable(near))};
}

}  // namespace rondo::cli
