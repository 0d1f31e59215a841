// Buffers of a CUDA device: memory behind handles, in a table that handlers read. Device memory
// from the pool; or, where the host is to see it, pinned memory from the arena, which the device
// reaches across the bus. Nothing in here waits for a kernel that is resident, see memory.hpp. Any
// thread.
#pragma once

#include "memory.hpp"

#include <cstdint>
#include <mutex>
#include <vector>

namespace rondo::cuda {

class buffer_table {
 public:
  static constexpr std::uint32_t capacity = 4096;

  buffer_table(device_memory& memory, pinned_arena& pinned);
  ~buffer_table();
  buffer_table(const buffer_table&) = delete;
  buffer_table& operator=(const buffer_table&) = delete;

  // Throw failure: INVALID_ARGUMENT, OUT_OF_MEMORY, LIMIT_REACHED, NO_SUCH_BUFFER, DEVICE_LOST.
  rondo_buffer_handle create(std::uint64_t bytes);
  // Sets `host` to the host's address of it.
  rondo_buffer_handle create_visible(std::uint64_t bytes, void*& host);
  rondo_status destroy(rondo_buffer_handle handle);
  void write(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
             std::uint64_t bytes);
  void read(rondo_buffer_handle handle, std::uint64_t offset, void* to, std::uint64_t bytes);

  // rondo_buffer_entry[capacity] in device memory.
  std::uint64_t entries() const { return table_; }

  // A handler that never returned may still write to any buffer: from now on the memory of none is
  // used for anything else.
  void quarantine();

 private:
  struct place {
    std::uint64_t address = 0;     // the device's
    std::byte* visible = nullptr;  // the host's; nullptr: device memory
  };
  rondo_buffer_handle enter(const rondo_buffer_entry& made, std::byte* visible);
  std::uint32_t free_index() const;
  std::uint32_t find(rondo_buffer_handle handle) const;
  place range(rondo_buffer_handle handle, std::uint64_t offset, std::uint64_t bytes) const;
  void publish(std::uint32_t index);
  void give_back(const rondo_buffer_entry& entry, std::byte* visible);

  device_memory& memory_;
  pinned_arena& pinned_;
  mutable std::mutex mutex_;
  std::uint64_t table_ = 0;
  std::vector<rondo_buffer_entry> entries_;  // what is in the device's table
  std::vector<std::byte*> visible_;          // by index; nullptr: device memory
  std::vector<std::uint32_t> generations_;   // last used, by index
  std::vector<std::uint32_t> free_;          // indices
  bool quarantined_ = false;
};

}  // namespace rondo::cuda
