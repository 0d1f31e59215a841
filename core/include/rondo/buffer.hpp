// Memory on a kernel's device for data larger than a message. A request or a reply carries a
// handle, ref(), or a part, slice(); whoever sends one keeps a copy of the buffer until the other
// side is done with it.
//
// Copies of a `buffer` share the memory and count: it is freed with the last of them, and outlives
// the kernel that it was made on and the runtime. Handlers hold no count. A handle whose buffer is
// gone is never that of another one: it is empty to handlers and unknown to find_buffer().
//
// Threads: any. The application keeps host and kernel from using the same bytes at the same time.
#pragma once

#include <rondo/error.hpp>
#include <rondo/kernel/containers.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace rondo {

// Where a buffer lies. What a program may do with it follows from this alone, also on a backend
// where both are the same memory.
enum class memory {
  device,       // where handlers are fastest; the host copies in and out
  host_visible  // the host uses it in place; on a GPU, handlers reach it across the bus
};

class RONDO_EXPORT buffer {
 public:
  // Made by kernel_handle::create_buffer, or shared with one that was: kernel_handle::find_buffer.
  class storage;
  explicit buffer(std::shared_ptr<storage> shared);

  buffer_ref ref() const noexcept;
  std::uint64_t bytes() const noexcept;
  memory kind() const noexcept;
  // How many buffers there are with this memory, a snapshot.
  long use_count() const noexcept;

  // A part of it, for a message. Throws INVALID_ARGUMENT beyond the end.
  buffer_slice slice(std::uint64_t offset, std::uint64_t bytes) const;
  // From there to the end.
  buffer_slice slice(std::uint64_t offset) const;

  // Copy in and out, finished on return. A handler sees what was written before its request was
  // sent; once its reply is there, what it wrote is read. Throw INVALID_ARGUMENT beyond the end,
  // DEVICE_LOST.
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

  // The memory itself, without a copy, of a buffer made with memory::host_visible; it lives as long
  // as the last copy of the buffer. Throws UNSUPPORTED of every other.
  //
  // What a thread writes here before it sends a request is seen by that request's handler; what the
  // handler writes before it replies, or fails, is seen by whoever has that reply, and by whoever
  // has learnt from flush() that the request is done with. Nothing is promised of what is written
  // while the other side is at it, but see context::flush_buffers().
  std::span<std::byte> host_bytes() const;
  // As whole elements of T.
  template <class T>
  std::span<T> host_span() const {
    static_assert(std::is_trivially_copyable_v<T>);
    static_assert(alignof(T) <= 16, "a buffer is aligned to 16 bytes");
    const std::span<std::byte> all = host_bytes();
    return {reinterpret_cast<T*>(all.data()), all.size() / sizeof(T)};
  }

 private:
  std::shared_ptr<storage> shared_;
};

}  // namespace rondo
