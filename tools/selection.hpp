// Which plugins a verb looks at, and what to say of a backend's name that none of them has. Used by
// every verb that opens plugins.
#pragma once

#include <rondo/error.hpp>
#include <rondo/loader.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}

namespace rondo::cli {

void add_plugins_option(CLI::App& verb, std::vector<std::filesystem::path>& paths);
// --probe-limit SECONDS. Fills `probe` so that this program tries each plugin before it is opened.
void add_probe_option(CLI::App& verb, probe_options& probe);
// --option KEY=VALUE.
void add_backend_option(CLI::App& verb, std::vector<std::pair<std::string, std::string>>& to);

// The first path given explicitly that is not there.
std::optional<error_info> missing_path(const load_report& report);

// The first name asked for that no plugin answers to, with the nearest of those that were read.
// None if no plugin could be read: then the name is not what is wrong.
std::optional<error_info> unknown_backend(const load_report& report);

}  // namespace rondo::cli
