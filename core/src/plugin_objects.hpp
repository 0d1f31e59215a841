// Owners of what a plugin gave out: backend, device, and the error that a call explained. Each
// keeps what it came from alive, down to the library.
#pragma once

#include <rondo/error.hpp>
#include <rondo/plugin_library.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rondo::detail {

inline std::string_view view_of(rondo_string s) { return {s.data, s.size}; }
inline rondo_string c_string(std::string_view s) { return {s.data(), s.size()}; }

// Catches what a plugin or module reports about a failing call. One per call.
class explanation {
 public:
  explanation();
  explanation(const explanation&) = delete;
  explanation& operator=(const explanation&) = delete;

  rondo_error_sink* sink() { return &sink_; }
  // What was reported; `object` and the code's general text stand in where nothing was.
  error_info info(status code, std::string_view object) const;
  // Throws unless the code is OK.
  void require(status code, std::string_view object) const;

 private:
  rondo_error_sink sink_;
  error_info reported_;
};

class open_device;

// A backend that was started. Devices are opened when first asked for and shared.
class open_backend : public std::enable_shared_from_this<open_backend> {
 public:
  using device_options = std::vector<std::pair<std::string, std::string>>;
  explicit open_backend(std::shared_ptr<plugin_library> library, device_options options = {});
  ~open_backend();
  open_backend(const open_backend&) = delete;
  open_backend& operator=(const open_backend&) = delete;

  const backend_api& api() const { return library_->api(); }
  const plugin_info& info() const { return library_->info(); }
  const plugin_library& library() const { return *library_; }
  std::uint32_t device_count() const;
  std::string why_none() const;
  rondo_device_info device_info(std::uint32_t index) const;
  bool has_usable_device() const;

  // Throws NO_SUCH_DEVICE, NO_USABLE_DEVICE.
  std::shared_ptr<open_device> device(std::uint32_t index);
  // nullptr if nobody holds it open.
  std::shared_ptr<open_device> device_if_open(std::uint32_t index);

 private:
  std::shared_ptr<plugin_library> library_;
  const device_options options_;
  friend class open_device;
  rondo_backend* handle_ = nullptr;
  std::mutex mutex_;
  std::map<std::uint32_t, std::weak_ptr<open_device>> devices_;
};

// What was made on a device and may be asked for by number. Holds nothing alive. Any thread.
class handle_directory {
 public:
  void enter(std::uint64_t handle, const std::shared_ptr<void>& object);
  // Before the number may be given to another.
  void forget(std::uint64_t handle);
  // nullptr if there is none, or the last owner is just letting go.
  std::shared_ptr<void> find(std::uint64_t handle) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::weak_ptr<void>> objects_;
};

class open_device {
 public:
  open_device(std::shared_ptr<open_backend> backend, std::uint32_t index);
  ~open_device();
  open_device(const open_device&) = delete;
  open_device& operator=(const open_device&) = delete;

  const backend_api& api() const { return backend_->api(); }
  open_backend& backend() const { return *backend_; }
  rondo_device* handle() const { return handle_; }
  std::uint32_t index() const { return index_; }
  std::string name() const;  // "cpu device 0", for errors
  std::vector<std::pair<std::string, std::string>> properties() const;
  handle_directory& buffers() { return buffers_; }

 private:
  friend class open_backend;
  std::shared_ptr<open_backend> backend_;
  std::uint32_t index_;
  rondo_device* handle_ = nullptr;
  handle_directory buffers_;
};

}  // namespace rondo::detail
