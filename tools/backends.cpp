// `rondo backends`: every plugin file that was found, what became of it and why, its devices and
// capabilities, and every place that was searched.
#include "output.hpp"
#include "selection.hpp"
#include "verbs.hpp"

#include <rondo/naming.hpp>
#include <rondo/runtime.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace rondo::cli {
namespace {

struct backends_options {
  std::vector<std::filesystem::path> plugins;
  std::vector<std::string> only;
  probe_options probe;
  bool as_json = false;
  bool verbose = false;
};

const std::vector<device_description>& devices_of(const backend_survey& survey,
                                                  const candidate& it) {
  static const std::vector<device_description> none;
  const auto found = std::find_if(
      survey.backends.begin(), survey.backends.end(),
      [&](const auto& backend) { return backend.id == it.plugin.id && backend.path == it.path; });
  return found == survey.backends.end() ? none : found->devices;
}

json to_json(const device_description& device) {
  json properties = json::object();
  for (const auto& [key, value] : device.properties) properties[key] = value;
  return {{"index", device.index},
          {"name", device.name},
          {"usable", device.usable},
          {"reason", device.reason},
          {"memory_bytes", device.memory_bytes},
          {"processors", device.processors},
          {"max_resident_kernels", device.max_resident_kernels},
          {"properties", std::move(properties)}};
}

json to_json(const backend_survey& survey, const candidate& it) {
  json devices = json::array();
  for (const auto& device : devices_of(survey, it)) devices.push_back(to_json(device));
  return {{"id", it.plugin.id},
          {"name", it.plugin.name},
          {"version", it.plugin.version},
          {"build", it.plugin.build},
          {"abi", {{"min", it.plugin.abi.min}, {"max", it.plugin.abi.max}}},
          {"path", it.path.string()},
          {"verdict", to_string(it.verdict)},
          {"reason", it.reason},
          {"remedy", it.remedy},
          {"system_error", it.system_error},
          {"probe", to_string(it.probe)},
          {"capabilities", it.plugin.capabilities},
          {"devices", std::move(devices)}};
}

json to_json(const search_root& root) {
  return {{"path", root.path.string()},       {"origin", to_string(root.origin)},
          {"status", to_string(root.status)}, {"reason", root.reason},
          {"entries", root.entries},          {"candidates", root.candidates}};
}

json to_json(const backend_survey& survey) {
  json backends = json::array();
  json roots = json::array();
  for (const auto& it : survey.report.candidates) backends.push_back(to_json(survey, it));
  for (const auto& root : survey.report.roots) roots.push_back(to_json(root));
  return {{"backends", std::move(backends)}, {"roots", std::move(roots)}};
}

std::string spaced(std::string_view name) {
  std::string words(name);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

void print(const device_description& device) {
  fmt::print("  device {}: {}", device.index, clean(device.name));
  if (device.processors != 0)
    fmt::print(", {}", counted(device.processors, "processor", "processors"));
  if (device.memory_bytes != 0) fmt::print(", {}", human_bytes(device.memory_bytes));
  if (!device.usable) fmt::print(", not usable: {}", clean(device.reason));
  fmt::print("\n");
  for (const auto& [key, value] : device.properties)
    fmt::print("    {}: {}\n", clean(key), clean(value));
}

void print_details(const plugin_info& plugin, probe_state probe) {
  if (plugin.abi != abi_interval{})
    fmt::print("  ABI {} to {}, {}\n", plugin.abi.min, plugin.abi.max,
               plugin.unload_safe ? "may be unloaded" : "stays loaded");
  if (!plugin.build.empty()) fmt::print("  build: {}\n", clean(plugin.build));
  fmt::print("  probe: {}\n", spaced(to_string(probe)));
}

void print(const backend_survey& survey, const candidate& it, bool verbose) {
  const bool filtered = it.verdict == verdict::filtered;
  const auto how = it.accepted() ? colour::green : filtered ? colour::yellow : colour::red;
  const auto& plugin = it.plugin;
  fmt::print("{}: {}\n",
             painted(plugin.name.empty() ? clean(it.path.filename().string()) : clean(plugin.name),
                     colour::bold, stdout),
             painted(spaced(to_string(it.verdict)), how, stdout));
  if (!plugin.id.empty()) fmt::print("  {} {}\n", clean(plugin.id), clean(plugin.version));
  fmt::print("  file: {}\n", clean(it.path.string()));
  if (!it.reason.empty()) fmt::print("  reason: {}\n", clean(it.reason));
  if (!it.system_error.empty()) fmt::print("  in its own words: {}\n", clean(it.system_error));
  if (!it.remedy.empty()) fmt::print("  try: {}\n", clean(it.remedy));
  for (const auto& device : devices_of(survey, it)) print(device);
  if (!plugin.capabilities.empty())
    fmt::print("  capabilities: {}\n",
               clean(fmt::format("{}", fmt::join(plugin.capabilities, " "))));
  if (verbose) print_details(plugin, it.probe);
}

void print(const search_root& root) {
  fmt::print("  {} ({}): ", clean(root.path.string()), spaced(to_string(root.origin)));
  if (root.status == root_status::searched)
    fmt::print("{}, {} named *.so\n", counted(root.entries, "entry", "entries"), root.candidates);
  else if (root.status == root_status::ignored || root.status == root_status::unreadable)
    fmt::print("{}: {}\n", to_string(root.status), clean(root.reason));
  else fmt::print("{}\n", spaced(to_string(root.status)));
}

void print(const backend_survey& survey, bool verbose) {
  for (const auto& it : survey.report.candidates) {
    print(survey, it, verbose);
    fmt::print("\n");
  }
  fmt::print("Looked for plugins in:\n");
  for (const auto& root : survey.report.roots) print(root);
}

error_info nothing_to_use(const load_report& report) {
  auto info = nothing_usable(report);
  info.message.resize(std::min(info.message.find('\n'), info.message.size()));  // stdout has it all
  return info;
}

struct shortcoming {
  error_info info;
  exit_code code;
};

// What keeps the answer from being a success: a path or a name that is not there says that
// something else was found than was asked for, even if that works.
std::optional<shortcoming> shortcoming_of(const backend_survey& survey) {
  if (auto missing = missing_path(survey.report)) return {{*missing, exit_code::unusable}};
  if (auto unknown = unknown_backend(survey.report)) return {{*unknown, exit_code::usage}};
  if (!survey.backends.empty()) return std::nullopt;
  return {{nothing_to_use(survey.report), exit_code::unusable}};
}

exit_code print_backends(const backends_options& options) {
  runtime_options where;
  where.plugin_paths = options.plugins;
  where.only_backends = options.only;
  where.probe = options.probe;
  const auto survey = runtime::survey(where);
  const auto failure = shortcoming_of(survey);
  if (options.as_json) {
    auto document = to_json(survey);
    if (failure) document["error"] = cli::to_json(failure->info);
    print_json(document);
  } else {
    print(survey, options.verbose);
  }
  if (!failure) return exit_code::done;
  print_error(failure->info);
  return failure->code;
}

}  // namespace

void add_backends(CLI::App& app, action& chosen) {
  auto* const verb = app.add_subcommand(
      "backends", "Say which plugins were found where, whether they work, and why not");
  const auto options = std::make_shared<backends_options>();
  add_plugins_option(*verb, options->plugins);
  add_probe_option(*verb, options->probe);
  verb->add_option("--only", options->only, "Look only at the backend with this name or id")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_flag("--json", options->as_json, "Print one JSON document");
  verb->add_flag("-v,--verbose", options->verbose, "Say also what is only seldom of interest");
  verb->callback([&chosen, options] { chosen = [options] { return print_backends(*options); }; });
}

}  // namespace rondo::cli
