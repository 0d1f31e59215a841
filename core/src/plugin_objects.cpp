// Opening and closing of backends and devices.
#include "plugin_objects.hpp"

#include <rondo/host_services.hpp>

#include <fmt/format.h>

#include <new>

namespace rondo::detail {

explanation::explanation()
    : sink_{sizeof sink_, 0, &reported_,
            [](void* self, rondo_status code, rondo_string subject, rondo_string message,
               rondo_string remedy) {
              *static_cast<error_info*>(self) = {code, std::string(view_of(subject)),
                                                 std::string(view_of(message)),
                                                 std::string(view_of(remedy))};
            }} {}

error_info explanation::info(status code, std::string_view object) const {
  error_info info = reported_;
  info.code = code;
  if (info.object.empty()) info.object = object;
  if (info.message.empty()) info.message = status_text(code);
  return info;
}

void explanation::require(status code, std::string_view object) const {
  if (code != RONDO_OK) throw error(info(code, object));
}

open_backend::open_backend(std::shared_ptr<plugin_library> library, device_options options)
    : library_(std::move(library)), options_(std::move(options)) {
  const host_call_guard guard;
  explanation why;
  why.require(api().backend.open(&handle_, why.sink()), info().name);
  if (handle_ == nullptr)
    throw error(RONDO_INTERNAL, info().name, "the plugin reported success and gave no backend");
}

open_backend::~open_backend() {
  const host_call_guard guard;
  api().backend.close(handle_);
}

std::uint32_t open_backend::device_count() const {
  const host_call_guard guard;
  return api().backend.device_count(handle_);
}

std::string open_backend::why_none() const {
  const host_call_guard guard;
  std::string text(512, '\0');
  text.resize(
      api().backend.why_none(handle_, text.data(), static_cast<std::uint32_t>(text.size())));
  return text;
}

rondo_device_info open_backend::device_info(std::uint32_t index) const {
  const host_call_guard guard;
  rondo_device_info out{};
  out.struct_size = sizeof out;
  const status code = api().backend.device_info(handle_, index, &out);
  if (code != RONDO_OK)
    throw error(code, fmt::format("{} device {}", info().name, index), "it cannot be described");
  out.name[sizeof out.name - 1] = '\0';
  out.reason[sizeof out.reason - 1] = '\0';
  return out;
}

bool open_backend::has_usable_device() const {
  for (std::uint32_t i = 0; i < device_count(); ++i)
    if (device_info(i).usable != 0) return true;
  return false;
}

std::shared_ptr<open_device> open_backend::device(std::uint32_t index) {
  const std::lock_guard lock(mutex_);
  if (auto device = devices_[index].lock()) return device;
  const std::uint32_t count = device_count();
  if (index >= count)
    throw error(RONDO_NO_SUCH_DEVICE, fmt::format("{} device {}", info().name, index),
                fmt::format("the backend has {} device{}", count, count == 1 ? "" : "s"),
                count == 0 ? why_none() : fmt::format("Use a number from 0 to {}", count - 1));
  const rondo_device_info described = device_info(index);
  if (described.usable == 0)
    throw error(RONDO_NO_USABLE_DEVICE, fmt::format("{} device {}", info().name, index),
                described.reason);
  auto device = std::make_shared<open_device>(shared_from_this(), index);
  devices_[index] = device;
  return device;
}

std::shared_ptr<open_device> open_backend::device_if_open(std::uint32_t index) {
  const std::lock_guard lock(mutex_);
  const auto found = devices_.find(index);
  return found == devices_.end() ? nullptr : found->second.lock();
}

void handle_directory::enter(std::uint64_t handle, const std::shared_ptr<void>& object) {
  const std::lock_guard lock(mutex_);
  objects_[handle] = object;
}

void handle_directory::forget(std::uint64_t handle) {
  const std::lock_guard lock(mutex_);
  objects_.erase(handle);
}

std::shared_ptr<void> handle_directory::find(std::uint64_t handle) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(handle);
  return found == objects_.end() ? nullptr : found->second.lock();
}

open_device::open_device(std::shared_ptr<open_backend> backend, std::uint32_t index)
    : backend_(std::move(backend)), index_(index) {
  std::vector<rondo_option> options;
  for (const auto& [key, value] : backend_->options_)
    options.push_back({c_string(key), c_string(value)});
  const host_call_guard guard;
  explanation why;
  why.require(api().backend.open_device(backend_->handle_, index, options.data(), options.size(),
                                        &handle_, why.sink()),
              name());
}

open_device::~open_device() {
  const host_call_guard guard;
  api().backend.close_device(handle_);
}

std::vector<std::pair<std::string, std::string>> open_device::properties() const {
  struct collector {
    std::vector<std::pair<std::string, std::string>> all;
    bool out_of_memory = false;
  } found;
  const host_call_guard guard;
  const status code = api().backend.device_properties(
      handle_, &found, [](void* self, rondo_string key, rondo_string value) noexcept {
        auto& to = *static_cast<collector*>(self);
        try {
          to.all.emplace_back(view_of(key), view_of(value));
        } catch (...) {  // nothing may be thrown through the plugin
          to.out_of_memory = true;
        }
      });
  if (found.out_of_memory) throw std::bad_alloc();
  if (code != RONDO_OK) return {};
  return std::move(found.all);
}

std::string open_device::name() const {
  return fmt::format("{} device {}", backend_->info().name, index_);
}

}  // namespace rondo::detail
