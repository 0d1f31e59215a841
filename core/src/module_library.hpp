// Kernel modules: opening one, checking its record, and finding modules by name or by the handler
// they have. Modules stay loaded until the process ends: kernels run their code.
#pragma once

#include <rondo/error.hpp>
#include <rondo/options.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::detail {

class kernel_module {
 public:
  // `origin`: a path, or "the application".
  kernel_module(const rondo_module& record, std::string origin);

  std::string_view name() const;
  const std::string& origin() const { return origin_; }
  const rondo_module& record() const { return record_; }
  const rondo_handler* find_handler(std::string_view id) const;  // nullptr if there is none
  const rondo_image* find_image(std::string_view backend) const;
  std::vector<std::string> handler_ids() const;
  std::vector<const rondo_scenario*> scenarios_of(std::string_view handler_id) const;

 private:
  const rondo_module& record_;
  std::string origin_;
};

struct found_handler {
  std::shared_ptr<const kernel_module> module;
  const rondo_handler* handler = nullptr;
};

// The modules that one runtime can reach. Any thread.
class module_set {
 public:
  explicit module_set(const runtime_options& options);

  // By path (anything with a slash or ending in .so) or by name. Throws NO_SUCH_MODULE with where
  // was looked and the nearest name, or why the file was refused.
  std::shared_ptr<const kernel_module> find_module(const std::string& name_or_path);
  // In one module, or in all; throws NO_SUCH_KERNEL with what there is and the nearest.
  found_handler find_handler(std::string_view id, const std::string& module);
  // Every module in reach; those that cannot be opened are left out, and the log says so.
  std::vector<std::shared_ptr<const kernel_module>> all();

 private:
  std::shared_ptr<const kernel_module> open(const std::filesystem::path& path);
  std::vector<std::filesystem::path> files() const;

  std::mutex mutex_;
  std::vector<std::filesystem::path> roots_;
  std::vector<std::shared_ptr<const kernel_module>> linked_;
  std::vector<std::shared_ptr<const kernel_module>> opened_;
};

}  // namespace rondo::detail
