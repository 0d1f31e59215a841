// Memory on a kernel's device for data larger than a message. Copies of a `buffer` share it; it is
// freed with the last copy. A request carries ref(); the sender keeps a copy until the reply is
// there.
#pragma once

#include <rondo/error.hpp>
#include <rondo/kernel/containers.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace rondo {

class RONDO_EXPORT buffer {
 public:
  // Made by kernel_handle::create_buffer.
  class storage;
  explicit buffer(std::shared_ptr<storage> memory);

  buffer_ref ref() const noexcept;
  std::uint64_t bytes() const noexcept;

  // Copy in and out, finished on return. Throw INVALID_ARGUMENT beyond the end, DEVICE_LOST. Any
  // thread; the application keeps the kernel from using the same bytes at the time.
  void write_bytes(std::uint64_t offset, const void* from, std::uint64_t bytes);
  void read_bytes(std::uint64_t offset, void* to, std::uint64_t bytes) const;

  template <class T>
  void write(std::span<const T> from, std::uint64_t first = 0) {
    write_bytes(first * sizeof(T), from.data(), from.size_bytes());
  }
  template <class T>
  std::vector<T> read(std::uint64_t count, std::uint64_t first = 0) const {
    std::vector<T> to(count);
    read_bytes(first * sizeof(T), to.data(), count * sizeof(T));
    return to;
  }

 private:
  std::shared_ptr<storage> memory_;
};

}  // namespace rondo
