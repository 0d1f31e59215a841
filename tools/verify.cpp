// `rondo verify`: recomputes what a certificate of conformance says.
#include "output.hpp"
#include "suite_files.hpp"
#include "verbs.hpp"

#include "conformance/runner/certificate.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <fstream>
#include <memory>
#include <sstream>

namespace rondo::cli {
namespace {

namespace fs = std::filesystem;

struct verify_options {
  fs::path file, plugin, kernels;
  int level = -1;  // none is asked for
  bool as_json = false;
};

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  if (!in)
    throw error(RONDO_LOAD_FAILED, file.string(), "the certificate cannot be read",
                "Make one with rondo conformance --certificate");
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

// Where the certificate's own path is meant, a file that is gone leaves a question open; one that
// is named here is an error.
void require_file(const fs::path& file, const char* what) {
  std::error_code none;
  if (file.empty() || (fs::is_regular_file(file, none) && std::ifstream(file))) return;
  throw error(RONDO_LOAD_FAILED, file.string(), fmt::format("the {} cannot be read", what),
              fmt::format("Name the file of the {} that the certificate is of", what));
}

void require_level(int due, conformance::verification& found) {
  if (due < 0 || (found.level && *found.level >= due)) return;
  found.broken.push_back(fmt::format(
      "level {}, which is asked for: it certifies {}", due,
      found.level ? fmt::format("level {}", *found.level) : "none, since " + found.no_level));
}

void print(const conformance::verification& found) {
  for (const auto& each : found.subjects) fmt::print("of      {}\n", clean(each));
  if (!found.verdict.empty()) fmt::print("says    {}\n", clean(found.verdict));
  fmt::print("level   {}\n",
             found.level ? fmt::format("{}", *found.level) : "none: " + clean(found.no_level));
  for (const auto& each : found.held) fmt::print("holds   {}\n", clean(each));
  for (const auto& each : found.broken) fmt::print("BROKEN  {}\n", clean(each));
  for (const auto& each : found.open) fmt::print("open    {}\n", clean(each));
}

exit_code verify(const verify_options& options) {
  const auto text = text_of(options.file);
  require_file(options.plugin, "plugin");
  require_file(options.kernels, "kernel module");
  auto found = conformance::verify_certificate(
      text, {options.plugin, options.kernels, suite_file_if_there(kernels_name)});
  require_level(options.level, found);
  if (options.as_json)
    print_json({{"holds", found.broken.empty()},
                {"verdict", found.verdict},
                {"level", found.level ? json(*found.level) : json()},
                {"no_level", found.no_level},
                {"subjects", found.subjects},
                {"held", found.held},
                {"broken", found.broken},
                {"open", found.open}});
  else print(found);
  return found.broken.empty() ? exit_code::done : exit_code::failed;
}

}  // namespace

void add_verify(CLI::App& app, action& chosen) {
  auto* const verb = app.add_subcommand("verify", "Recompute what a certificate says");
  const auto options = std::make_shared<verify_options>();
  verb->add_option("FILE", options->file, "A certificate of rondo conformance")->required();
  verb->add_option("--plugin", options->plugin, "The plugin's file, if it is elsewhere now")
      ->type_name("FILE");
  verb->add_option("--kernels", options->kernels,
                   "The module with the suite's handlers, if it is elsewhere now")
      ->type_name("FILE");
  verb->add_option("--level", options->level, "Fail unless it certifies this level or a higher one")
      ->type_name("N")
      ->check(CLI::Range(0, 4));
  verb->add_flag("--json", options->as_json, "Print one JSON document");
  verb->callback([&chosen, options] { chosen = [options] { return verify(*options); }; });
}

}  // namespace rondo::cli
