// For plugins that wrap another one: opening it, and taking its tables.
#pragma once

#include <rondo/abi.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace rondo::conformance {

// The descriptor of the plugin in this file, which stays loaded. NULL if it has none.
inline const rondo_plugin_descriptor* enter_plugin(const std::filesystem::path& file,
                                                   const rondo_host_services* host,
                                                   std::uint32_t min, std::uint32_t max) {
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  const auto entry =
      reinterpret_cast<rondo_plugin_entry_fn>(::dlsym(library, RONDO_PLUGIN_ENTRY_NAME));
  return entry != nullptr ? entry(host, min, max) : nullptr;
}

// Where the library lies that has this object.
inline std::filesystem::path directory_of(const void* object) {
  Dl_info found{};
  if (::dladdr(object, &found) == 0) return {};
  return std::filesystem::path(found.dli_fname).parent_path();
}

// Copies the functions if the table has that name; what `to` has beyond them stays as it is.
template <class Table>
bool copy_table(const rondo_table& from, std::string_view name, Table& to) {
  if (std::string_view(from.name.data, from.name.size) != name) return false;
  std::memcpy(&to, from.functions, std::min<std::size_t>(sizeof to, from.struct_size));
  return true;
}

}  // namespace rondo::conformance
