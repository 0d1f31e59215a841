// The accessors of an open plugin. What it owns is in loader_internal.hpp.
#include "loader_internal.hpp"

#include <algorithm>

namespace rondo {

bool backend_api::has(std::string_view capability) const noexcept {
  return std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
}

plugin_library::plugin_library(parts&& opened)
    : parts_(std::make_unique<parts>(std::move(opened))) {}
plugin_library::~plugin_library() = default;

const std::filesystem::path& plugin_library::path() const noexcept { return parts_->path; }
const plugin_info& plugin_library::info() const noexcept { return parts_->info; }
const backend_api& plugin_library::api() const noexcept { return parts_->api; }
const rondo_plugin_descriptor& plugin_library::descriptor() const noexcept {
  return *parts_->descriptor;
}

}  // namespace rondo
