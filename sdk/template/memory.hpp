// Buffers: host memory, found by handlers through a table that never moves. Any thread.
#pragma once

#include <rondo/backend/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace starter {

class buffer_table {
 public:
  static constexpr std::size_t capacity = 64;

  // Throw failure: LIMIT_REACHED, NO_SUCH_BUFFER, INVALID_ARGUMENT.
  rondo_buffer_handle create(std::uint64_t bytes);
  void destroy(rondo_buffer_handle handle);
  std::byte* range(rondo_buffer_handle handle, std::uint64_t offset, std::uint64_t bytes);

  const rondo_buffer_entry* entries() const { return entries_; }

 private:
  std::size_t index_of(rondo_buffer_handle handle) const;
  rondo_buffer_handle set_handle(std::size_t index, rondo_buffer_handle handle);

  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  rondo_buffer_entry entries_[capacity]{};
  std::vector<std::byte> memory_[capacity];
};

}  // namespace starter
