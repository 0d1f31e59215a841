// A backend plugin that was opened and found sound: its description, and its functions in tables
// that the host may call without looking for NULL. Made by the loader, shared by the load report
// and by every runtime object that still needs the library's code.
#pragma once

#include <rondo/abi.h>
#include <rondo/export.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rondo {

struct abi_interval {
  std::uint32_t min = 0;
  std::uint32_t max = 0;

  bool operator==(const abi_interval&) const = default;
};

inline constexpr abi_interval host_abi{RONDO_ABI_VERSION, RONDO_ABI_VERSION};

// What a plugin says about itself, copied, so that it outlives the library. Empty where unknown.
struct plugin_info {
  std::string id;       // reverse DNS, "dev.rondo.cpu"
  std::string name;     // what users type, "cpu"
  std::string version;  // semantic version
  std::string build;
  std::vector<std::string> capabilities;
  abi_interval abi;  // {0, 0} if unknown
  bool unload_safe = false;
};

// The plugin's functions. Every slot can be called: what the plugin's table does not reach, or
// leaves NULL, returns RONDO_UNSUPPORTED (0 or NULL where no status is returned) and has no effect
// [LOAD-03].
struct backend_api {
  rondo_backend_table backend;
  rondo_kernel_table kernel;
  rondo_queue_table queue;
  rondo_buffer_table buffer;
  std::uint32_t abi_version = 0;  // the highest that both sides speak
  std::vector<std::string> capabilities;

  RONDO_EXPORT bool has(std::string_view capability) const noexcept;
};

// The library stays loaded until the process ends, unless the plugin declares unload_safe: then the
// last owner's release closes it. Whoever keeps an object of the plugin keeps the library too, so a
// library with a live object is never closed [LOAD-04].
class RONDO_EXPORT plugin_library {
 public:
  struct parts;  // how the loader hands over what it opened; defined in src/

  explicit plugin_library(parts&& opened);
  ~plugin_library();
  plugin_library(const plugin_library&) = delete;
  plugin_library& operator=(const plugin_library&) = delete;

  const std::filesystem::path& path() const noexcept;
  const plugin_info& info() const noexcept;
  const backend_api& api() const noexcept;
  // As the plugin returned it; fields beyond its struct_size must not be read (ABI-02).
  const rondo_plugin_descriptor& descriptor() const noexcept;

 private:
  std::unique_ptr<parts> parts_;
};

}  // namespace rondo
