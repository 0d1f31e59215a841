// Kernel modules.
#include "module_library.hpp"

#include "module_record.hpp"
#include "plugin_objects.hpp"

#include <rondo/host_services.hpp>
#include <rondo/library_file.hpp>
#include <rondo/nearest.hpp>

#include "loader_internal.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace rondo::detail {

namespace fs = std::filesystem;

namespace {

// Libraries of modules, once per process and never closed.
class resident_modules {
 public:
  static resident_modules& instance() {
    static auto* const leaked = new resident_modules;
    return *leaked;
  }

  const rondo_module& open(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    if (const auto known = records_.find(path); known != records_.end()) return *known->second;
    if (auto refusal = check_permissions(path, ::geteuid())) throw_refusal(path, *refusal);
    if (auto refusal = inspect_library(path)) throw_refusal(path, *refusal);
    boost::dll::shared_library library;
    boost::dll::fs::error_code failed;
    library.load(path, failed, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (failed)
      throw error(RONDO_LOAD_FAILED, path, "the system refused to load it: " + failed.message(),
                  "Install the libraries that it needs; ldd shows which are missing");
    if (!library.has(RONDO_MODULE_ENTRY_NAME))
      throw error(RONDO_ENTRY_MISSING, path, "it does not export " RONDO_MODULE_ENTRY_NAME,
                  "Build it with rondo_add_kernels(), or name another file");
    auto& entry = library.get<const rondo_module*(void)>(RONDO_MODULE_ENTRY_NAME);
    const rondo_module& record = enter_module(&entry, path);
    records_.emplace(path, &record);
    libraries_.push_back(std::move(library));
    return record;
  }

 private:
  [[noreturn]] static void throw_refusal(const fs::path& path, const library_refusal& refusal) {
    throw error(refusal.code, path,
                refusal.system_error.empty() ? refusal.reason
                                             : refusal.reason + ": " + refusal.system_error,
                refusal.remedy);
  }

  std::mutex mutex_;
  std::map<fs::path, const rondo_module*> records_;
  std::vector<boost::dll::shared_library> libraries_;
};

std::vector<fs::path> kernel_roots(const runtime_options& options) {
  std::vector<fs::path> roots;
  for (const auto& path : options.kernel_paths) {
    if (!fs::exists(path))
      throw error(RONDO_NO_SUCH_DIRECTORY, path, "the kernel path does not exist",
                  "Name an existing directory or module");
    roots.push_back(fs::absolute(path).lexically_normal());
  }
  if (!options.standard_kernel_paths) return roots;
  if (const char* listed = ::secure_getenv("RONDO_KERNEL_PATH")) {
    const std::string_view all(listed);
    for (std::size_t at = 0; at <= all.size();) {
      const std::size_t end = std::min(all.find(':', at), all.size());
      const fs::path path(all.substr(at, end - at));
      if (path.is_absolute()) roots.push_back(path.lexically_normal());
      at = end + 1;
    }
  }
  const fs::path installed = loading::installed_directory();
  if (!installed.empty()) roots.push_back(installed / "kernels");
  return roots;
}

}  // namespace

kernel_module::kernel_module(const rondo_module& record, std::string origin)
    : record_(record), origin_(std::move(origin)) {}

std::string_view kernel_module::name() const { return view_of(record_.name); }

const rondo_handler* kernel_module::find_handler(std::string_view id) const {
  for (std::uint64_t i = 0; i < record_.handler_count; ++i)
    if (view_of(record_.handlers[i]->id) == id) return record_.handlers[i];
  return nullptr;
}

const rondo_image* kernel_module::find_image(std::string_view backend) const {
  for (std::uint64_t i = 0; i < record_.image_count; ++i)
    if (view_of(record_.images[i].backend) == backend) return &record_.images[i];
  return nullptr;
}

std::vector<std::string> kernel_module::handler_ids() const {
  std::vector<std::string> ids;
  for (std::uint64_t i = 0; i < record_.handler_count; ++i)
    ids.emplace_back(view_of(record_.handlers[i]->id));
  return ids;
}

std::vector<const rondo_scenario*> kernel_module::scenarios_of(std::string_view handler_id) const {
  std::vector<const rondo_scenario*> found;
  for (std::uint64_t i = 0; i < record_.scenario_count; ++i)
    if (view_of(record_.scenarios[i]->handler_id) == handler_id)
      found.push_back(record_.scenarios[i]);
  return found;
}

module_set::module_set(const runtime_options& options) : roots_(kernel_roots(options)) {
  for (const rondo_module_entry_fn entry : options.linked_modules) {
    const std::string origin = "the application";
    linked_.push_back(std::make_shared<kernel_module>(enter_module(entry, origin), origin));
  }
}

std::shared_ptr<const kernel_module> module_set::open(const fs::path& path) {
  const fs::path full = fs::weakly_canonical(path);
  for (const auto& known : opened_)
    if (known->origin() == full) return known;
  opened_.push_back(std::make_shared<kernel_module>(resident_modules::instance().open(full), full));
  return opened_.back();
}

// Files that look like modules, in the order of the roots, sorted within each.
std::vector<fs::path> module_set::files() const {
  std::vector<fs::path> found;
  for (const auto& root : roots_) {
    std::error_code failed;
    if (fs::is_regular_file(root, failed)) {
      found.push_back(root);
      continue;
    }
    std::vector<fs::path> here;
    for (fs::directory_iterator it(root, failed), end; !failed && it != end; it.increment(failed))
      if (it->path().extension() == ".so") here.push_back(it->path());
    std::sort(here.begin(), here.end());
    found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

std::shared_ptr<const kernel_module> module_set::find_module(const std::string& wanted) {
  const std::lock_guard lock(mutex_);
  for (const auto& module : linked_)
    if (module->name() == wanted) return module;
  const fs::path path(wanted);
  if (wanted.find('/') != std::string::npos || path.extension() == ".so") {
    if (!fs::exists(path))
      throw error(RONDO_NO_SUCH_MODULE, wanted, "there is no such file", "Check the path");
    return open(path);
  }
  std::vector<std::string> names;
  for (const auto& module : linked_) names.emplace_back(module->name());
  for (const auto& file : files()) {
    if (file.stem() == wanted) return open(file);
    names.push_back(file.stem());
  }
  const std::string near(nearest(wanted, names));
  std::string remedy = near.empty() ? std::string(
                                          "Name a module's path, or add its directory to "
                                          "RONDO_KERNEL_PATH")
                                    : fmt::format("Did you mean '{}'?", near);
  throw error(RONDO_NO_SUCH_MODULE, wanted,
              fmt::format("no kernel module has this name; looked in {}",
                          roots_.empty() ? "no directory"
                                         : fmt::format("{}", fmt::join(
                                                                 [&] {
                                                                   std::vector<std::string> text;
                                                                   for (const auto& root : roots_)
                                                                     text.push_back(root.string());
                                                                   return text;
                                                                 }(),
                                                                 ", "))),
              std::move(remedy));
}

std::vector<std::shared_ptr<const kernel_module>> module_set::all() {
  const std::lock_guard lock(mutex_);
  auto modules = linked_;
  for (const auto& file : files()) {
    try {
      modules.push_back(open(file));
    } catch (const error& refusal) {
      log()->warn("kernel module left out: {}", refusal.what());
    }
  }
  return modules;
}

found_handler module_set::find_handler(std::string_view id, const std::string& module) {
  const auto modules = module.empty()
                           ? all()
                           : std::vector<std::shared_ptr<const kernel_module>>{find_module(module)};
  std::vector<std::string> ids;
  for (const auto& candidate : modules) {
    if (const auto* handler = candidate->find_handler(id)) return {candidate, handler};
    for (auto& other : candidate->handler_ids()) ids.push_back(std::move(other));
  }
  const std::string near(nearest(id, ids));
  throw error(RONDO_NO_SUCH_KERNEL, std::string(id),
              module.empty()
                  ? fmt::format("none of the {} modules in reach has this handler", modules.size())
                  : fmt::format("module {} has only: {}", module, fmt::join(ids, ", ")),
              near.empty()
                  ? "Name the module that has it, or add its directory to RONDO_KERNEL_PATH"
                  : fmt::format("Did you mean '{}'?", near));
}

}  // namespace rondo::detail
