// `rondo verify`: recomputes what a certificate of conformance says.
#include "output.hpp"
#include "verbs.hpp"

#include "conformance/runner/certificate.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <fstream>
#include <memory>
#include <sstream>

namespace rondo::cli {
namespace {

struct verify_options {
  std::filesystem::path file, plugin;
  bool as_json = false;
};

exit_code verify(const verify_options& options) {
  std::ifstream in(options.file);
  if (!in)
    throw error(RONDO_LOAD_FAILED, options.file.string(), "the certificate cannot be read",
                "Make one with rondo conformance --certificate");
  // Where the certificate's own path is meant, a file that is gone leaves a question open; one that
  // is named here is an error.
  if (!options.plugin.empty() && !std::ifstream(options.plugin))
    throw error(RONDO_LOAD_FAILED, options.plugin.string(), "the plugin cannot be read",
                "Name the file of the plugin that the certificate is of");
  std::ostringstream text;
  text << in.rdbuf();
  const auto found = conformance::verify_certificate(text.str(), options.plugin);
  if (options.as_json) {
    print_json({{"holds", found.broken.empty()},
                {"subjects", found.subjects},
                {"held", found.held},
                {"broken", found.broken},
                {"open", found.open}});
  } else {
    for (const auto& each : found.subjects) fmt::print("of      {}\n", clean(each));
    for (const auto& each : found.held) fmt::print("holds   {}\n", each);
    for (const auto& each : found.broken) fmt::print("BROKEN  {}\n", each);
    for (const auto& each : found.open) fmt::print("open    {}\n", each);
  }
  return found.broken.empty() ? exit_code::done : exit_code::failed;
}

}  // namespace

void add_verify(CLI::App& app, action& chosen) {
  auto* const verb = app.add_subcommand("verify", "Recompute what a certificate says");
  const auto options = std::make_shared<verify_options>();
  verb->add_option("FILE", options->file, "A certificate of rondo conformance")->required();
  verb->add_option("--plugin", options->plugin, "The plugin's file, if it is elsewhere now")
      ->type_name("FILE");
  verb->add_flag("--json", options->as_json, "Print one JSON document");
  verb->callback([&chosen, options] { chosen = [options] { return verify(*options); }; });
}

}  // namespace rondo::cli
