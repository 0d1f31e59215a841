// `rondo version`: the versions that decide what fits together.
#include "output.hpp"
#include "verbs.hpp"

#include <rondo/plugin_library.hpp>
#include <rondo/ring/layout.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

namespace rondo::cli {
namespace {

#if defined(__clang__)
constexpr std::string_view compiler = "Clang " __clang_version__;
#else
constexpr std::string_view compiler = "GCC " __VERSION__;
#endif

exit_code print_version(bool as_json) {
  if (as_json)
    print_json({{"version", RONDO_VERSION},
                {"abi_version", host_abi.max},
                {"abi_oldest", host_abi.min},
                {"ring_layout_version", ring::layout_version},
                {"compiler", compiler}});
  else
    fmt::print("rondo {}\nABI version {}\nring layout version {}\ncompiled by {}\n", RONDO_VERSION,
               host_abi.max, ring::layout_version, compiler);
  return exit_code::done;
}

}  // namespace

void add_version(CLI::App& app, action& chosen) {
  auto* const verb = app.add_subcommand("version", "Print the versions of Rondo, ABI and ring");
  const auto as_json = std::make_shared<bool>(false);
  verb->add_flag("--json", *as_json, "Print one JSON document");
  verb->callback([&chosen, as_json] { chosen = [as_json] { return print_version(*as_json); }; });
}

}  // namespace rondo::cli
