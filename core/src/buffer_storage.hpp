// The shared part of a buffer: frees the device memory with the last copy.
#pragma once

#include "plugin_objects.hpp"

#include <rondo/buffer.hpp>

namespace rondo {

class buffer::storage {
 public:
  storage(std::shared_ptr<detail::open_device> device, std::uint64_t bytes);
  ~storage();
  storage(const storage&) = delete;
  storage& operator=(const storage&) = delete;

  rondo_buffer_handle handle() const { return handle_; }
  std::uint64_t bytes() const { return bytes_; }
  void write(std::uint64_t offset, const void* from, std::uint64_t bytes);
  void read(std::uint64_t offset, void* to, std::uint64_t bytes) const;

 private:
  std::shared_ptr<detail::open_device> device_;
  rondo_buffer_handle handle_ = 0;
  std::uint64_t bytes_;
};

}  // namespace rondo
