// Buffers of the CPU device: host memory behind handles, in a table that handlers read without a
// lock. Created and destroyed from any thread; entries are published with release order. All are
// alike, whether the host asked to see them or not.
#pragma once

#include <rondo/abi.h>

#include <cstdint>
#include <mutex>
#include <vector>

namespace rondo::cpu {

class buffer_table {
 public:
  static constexpr std::uint32_t capacity = 4096;

  buffer_table();
  ~buffer_table();
  buffer_table(const buffer_table&) = delete;
  buffer_table& operator=(const buffer_table&) = delete;

  // Throw backend::failure: INVALID_ARGUMENT, OUT_OF_MEMORY, LIMIT_REACHED, NO_SUCH_BUFFER.
  rondo_buffer_handle create(std::uint64_t bytes);
  void* address(rondo_buffer_handle handle);
  rondo_status destroy(rondo_buffer_handle handle);
  void write(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
             std::uint64_t bytes);
  void read(rondo_buffer_handle handle, std::uint64_t offset, void* to, std::uint64_t bytes);

  const rondo_buffer_entry* entries() const { return entries_.data(); }

  // A handler that never returned may still write to any buffer: from now on none is freed.
  void quarantine();

 private:
  void let_go(std::uint64_t address) const;
  rondo_buffer_entry& find(rondo_buffer_handle handle);
  std::byte* range(rondo_buffer_handle handle, std::uint64_t offset, std::uint64_t bytes);

  std::mutex mutex_;
  std::vector<rondo_buffer_entry> entries_;  // fixed size: handlers hold its address
  std::vector<std::uint32_t> generations_;   // last used, by index
  std::vector<std::uint32_t> free_;          // indices
  bool quarantined_ = false;
};

}  // namespace rondo::cpu
