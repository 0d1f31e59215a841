// Finding plugins without opening them where that can be helped: one that traps must not end this
// process.
#include "suite_files.hpp"

#include "selection.hpp"

#include <rondo/loader.hpp>
#include <rondo/naming.hpp>

#include <optional>

namespace rondo::cli {
namespace {

namespace fs = std::filesystem;

loader_options where(const std::vector<fs::path>& searched, const probe_options& probe,
                     const std::string& only) {
  loader_options options;
  options.paths = searched;
  options.probe = probe;
  options.use_environment = false;
  if (!only.empty()) options.only = {only};
  return options;
}

// By the name that rondo_add_backend() gives to files.
std::optional<fs::path> file_named(const std::string& name, const std::vector<fs::path>& searched) {
  const std::string file = "rondo_" + name + ".so";
  for (const auto& root : plugin_roots(where(searched, {}, {})))
    if (fs::exists(root.path / file)) return root.path / file;
  return std::nullopt;
}

}  // namespace

fs::path find_plugin(const std::string& name, const std::vector<fs::path>& searched,
                     const probe_options& probe) {
  if (name.find('/') != std::string::npos || name.ends_with(".so")) {
    std::error_code none;
    const auto path = fs::absolute(name, none);
    if (fs::is_regular_file(path, none)) return path;
    throw error(RONDO_LOAD_FAILED, name, "there is no such file",
                "Name the plugin's library, or a plugin as rondo backends shows it");
  }
  if (auto found = file_named(name, searched)) return *found;
  const auto report = load_plugins(where(searched, probe, name));
  if (const auto* found = report.find(name)) return found->path;
  auto all = load_plugins(where(searched, probe, {}));
  all.unmatched = report.unmatched;
  if (auto unknown = unknown_backend(all)) throw error(*std::move(unknown));
  throw error(RONDO_NO_SUCH_BACKEND, printable(name), "no plugin has this name",
              "Name the plugin's file, or its directory with --plugins");
}

fs::path own_program() { return fs::read_symlink("/proc/self/exe"); }

fs::path suite_file_if_there(const char* name) {
  auto path = own_program().parent_path().parent_path() / "lib" / "rondo" / "conformance" / name;
  return fs::exists(path) ? path : fs::path();
}

fs::path suite_file(const char* name) {
  if (auto path = suite_file_if_there(name); !path.empty()) return path;
  throw error(RONDO_NO_SUCH_MODULE, name, "this file of the suite is not there",
              "Install Rondo whole");
}

}  // namespace rondo::cli
