// The table of buffers.
#include "memory.hpp"

namespace starter {

using rondo::backend::failure;

rondo_buffer_handle buffer_table::create(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < capacity; ++i) {
    if (entries_[i].handle != 0) continue;
    memory_[i].assign(bytes, std::byte{0});
    entries_[i].address = reinterpret_cast<std::uint64_t>(memory_[i].data());
    entries_[i].bytes = bytes;
    return set_handle(i, ++generation_ << 32 | i);
  }
  throw failure(RONDO_LIMIT_REACHED, "buffer", "all buffers are in use", "release some");
}

void buffer_table::destroy(rondo_buffer_handle handle) {
  const std::lock_guard lock(mutex_);
  set_handle(index_of(handle), 0);
}

std::byte* buffer_table::range(rondo_buffer_handle handle, std::uint64_t offset,
                               std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t index = index_of(handle);
  if (offset > entries_[index].bytes || bytes > entries_[index].bytes - offset)
    throw failure(RONDO_INVALID_ARGUMENT, "buffer", "the range is not in the buffer",
                  "keep offset and size within what create was asked for");
  return memory_[index].data() + offset;
}

std::size_t buffer_table::index_of(rondo_buffer_handle handle) const {
  const std::uint64_t index = handle & 0xffffffffu;
  if (handle == 0 || index >= capacity || entries_[index].handle != handle)
    throw failure(RONDO_NO_SUCH_BUFFER, "buffer", "the handle is not alive",
                  "use buffers that were not destroyed");
  return index;
}

// Handlers look at the handle first, without the mutex.
rondo_buffer_handle buffer_table::set_handle(std::size_t index, rondo_buffer_handle handle) {
  __atomic_store_n(&entries_[index].handle, handle, __ATOMIC_RELEASE);
  return handle;
}

}  // namespace starter
