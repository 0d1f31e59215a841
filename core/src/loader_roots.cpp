// Where plugins are looked for: the roots in their order, each with what became of it, and the
// files found below them.
#include "loader_internal.hpp"

#include <rondo/naming.hpp>

#include <dlfcn.h>
#include <sys/auxv.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace rondo::loading {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view elevated_reason =
    "the process has elevated privileges, so the environment is not trusted";

bool is_elevated(const loader_options& options) {
  return options.distrust_environment || ::getauxval(AT_SECURE) != 0;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

search_root ignored(fs::path path, root_origin origin, std::string_view reason) {
  return {std::move(path), origin, root_status::ignored, RONDO_OK, std::string(reason), 0, 0};
}

search_root wanted(fs::path path, root_origin origin) {
  return {std::move(path), origin, root_status::searched, RONDO_OK, {}, 0, 0};
}

void add_arguments(const loader_options& options, std::vector<search_root>& roots) {
  for (const auto& path : options.paths) {
    std::error_code failed;
    auto absolute = fs::absolute(path, failed).lexically_normal();
    if (path.empty() || failed)
      roots.push_back(ignored(path, root_origin::argument, "an empty path names nothing"));
    else roots.push_back(wanted(std::move(absolute), root_origin::argument));
  }
}

void add_environment(bool elevated, std::vector<search_root>& roots) {
  const auto value = variable("RONDO_PLUGIN_PATH");
  for (std::size_t begin = 0; begin <= value.size();) {
    const auto end = std::min(value.find(':', begin), value.size());
    const fs::path path = value.substr(begin, end - begin);
    begin = end + 1;
    if (path.empty()) continue;
    if (elevated) roots.push_back(ignored(path, root_origin::environment, elevated_reason));
    else if (!path.is_absolute())
      roots.push_back(ignored(path, root_origin::environment,
                              "it is not absolute, and the working directory is never searched"));
    else roots.push_back(wanted(path.lexically_normal(), root_origin::environment));
  }
}

void add_user_directory(bool elevated, std::vector<search_root>& roots) {
  // The XDG base directory specification: a relative value is to be ignored.
  fs::path data = variable("XDG_DATA_HOME");
  if (const fs::path home = variable("HOME"); !data.is_absolute() && home.is_absolute())
    data = home / ".local" / "share";
  const auto path = data / "rondo" / "plugins";
  if (!data.is_absolute())
    roots.push_back(ignored("~/.local/share/rondo/plugins", root_origin::user_directory,
                            "neither XDG_DATA_HOME nor HOME is set to an absolute path"));
  else if (elevated) roots.push_back(ignored(path, root_origin::user_directory, elevated_reason));
  else roots.push_back(wanted(path.lexically_normal(), root_origin::user_directory));
}

void add_installed_directory(std::vector<search_root>& roots) {
  const fs::path directory = installed_directory();
  if (directory.empty())
    roots.push_back(ignored("rondo/plugins", root_origin::installed_directory,
                            "the place of librondo cannot be told"));
  else roots.push_back(wanted(directory / "plugins", root_origin::installed_directory));
}

bool is_candidate(const fs::path& name) {
  return name.native().size() > 3 && name.native().ends_with(".so");
}

// Sets status and reason if the root cannot be searched as a directory.
bool is_searchable(search_root& root) {
  std::error_code failed;
  const auto type = fs::status(root.path, failed).type();
  if (type == fs::file_type::directory) return true;
  if (type == fs::file_type::not_found) {
    root.status = root_status::does_not_exist;
    root.reason = "it does not exist";
    if (root.origin == root_origin::argument) root.code = RONDO_NO_SUCH_DIRECTORY;
  } else if (type == fs::file_type::none) {
    root.status = root_status::unreadable;
    root.reason = failed.message();
  } else {
    root.status = root_status::not_a_directory;
    root.reason = "it is not a directory";
  }
  return false;
}

void search_directory(search_root& root, std::size_t index, std::vector<found_file>& files) {
  std::error_code failed;
  std::vector<fs::path> names;
  for (fs::directory_iterator entry(root.path, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    ++root.entries;
    if (is_candidate(entry->path().filename())) names.push_back(entry->path().filename());
  }
  if (failed) {
    root.status = root_status::unreadable;
    root.reason = failed.message();
  }
  // Directories have no order of their own; results must not depend on the file system.
  std::sort(names.begin(), names.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  root.candidates = names.size();
  for (const auto& name : names) files.push_back({root.path / name, index});
}

// An argument may name one file. A link that leads nowhere is such a file, with a verdict.
bool is_single_file(const search_root& root) {
  std::error_code failed;
  return root.origin == root_origin::argument && !fs::is_directory(root.path, failed) &&
         fs::exists(fs::symlink_status(root.path, failed));
}

// The earlier root that is the same directory, by whatever name.
const search_root* searched_before(const std::vector<search_root>& roots, std::size_t index) {
  for (std::size_t i = 0; i < index; ++i) {
    std::error_code failed;
    if (roots[i].status == root_status::searched &&
        fs::equivalent(roots[i].path, roots[index].path, failed) && !failed)
      return &roots[i];
  }
  return nullptr;
}

}  // namespace

search_result search_roots(const loader_options& options) {
  search_result result;
  auto& roots = result.roots;
  const bool elevated = is_elevated(options);
  add_arguments(options, roots);
  if (options.use_environment) add_environment(elevated, roots);
  if (options.use_user_directory) add_user_directory(elevated, roots);
  if (options.use_installed_directory) add_installed_directory(roots);
  for (std::size_t i = 0; i < roots.size(); ++i) {
    auto& root = roots[i];
    if (root.status != root_status::searched) continue;
    if (const auto* const before = searched_before(roots, i)) {
      root.status = root_status::ignored;
      root.reason =
          fmt::format("{} is the same and was searched before", in_quotes(before->path.native()));
    } else if (is_single_file(root)) {
      root.entries = root.candidates = 1;
      result.files.push_back({root.path, i});
    } else if (is_searchable(root)) {
      search_directory(root, i, result.files);
    }
  }
  return result;
}

fs::path installed_directory() {
  static const char inside_this_library = 0;
  Dl_info info{};
  if (::dladdr(&inside_this_library, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code failed;
  const fs::path library = fs::canonical(info.dli_fname, failed);
  return failed ? fs::path() : library.parent_path() / "rondo";
}

}  // namespace rondo::loading
