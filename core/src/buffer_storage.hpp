// The shared part of a buffer: frees the device memory with the last copy. Each device knows those
// that live on it, by handle.
#pragma once

#include "plugin_objects.hpp"

#include <rondo/buffer.hpp>

namespace rondo {

class buffer::storage {
 public:
  // Makes the memory and enters it where find() looks.
  static std::shared_ptr<storage> make(std::shared_ptr<detail::open_device> device,
                                       std::uint64_t bytes, memory kind);
  // Throws NO_SUCH_BUFFER.
  static std::shared_ptr<storage> find(detail::open_device& device, buffer_ref ref);

  storage(std::shared_ptr<detail::open_device> device, std::uint64_t bytes, memory kind);
  ~storage();
  storage(const storage&) = delete;
  storage& operator=(const storage&) = delete;

  rondo_buffer_handle handle() const { return handle_; }
  std::uint64_t bytes() const { return bytes_; }
  memory kind() const { return kind_; }
  std::byte* host() const { return host_; }  // nullptr unless the host sees it
  std::string name() const;
  void write(std::uint64_t offset, const void* from, std::uint64_t bytes);
  void read(std::uint64_t offset, void* to, std::uint64_t bytes) const;

 private:
  std::shared_ptr<detail::open_device> device_;
  rondo_buffer_handle handle_ = 0;
  const std::uint64_t bytes_;
  const memory kind_;
  std::byte* host_ = nullptr;
};

}  // namespace rondo
