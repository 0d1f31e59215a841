// Memory of a CUDA device, in three kinds. The pinned arena is host memory that the device reads
// and writes: rings, orders, reports. Device memory comes from a pool of the driver, ordered by a
// stream of ours. Buffers are device memory behind handles, in a table that handlers read.
//
// Nothing in here waits for a kernel that is resident: pages are pinned and pools grown in large
// pieces, freed memory goes back to them, and every copy runs in a stream that no kernel is in.
// Any thread.
#pragma once

#include "context.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace rondo::cuda {

// Host memory and its address on the device.
struct pinned_block {
  std::byte* host = nullptr;
  std::uint64_t device = 0;
  std::size_t bytes = 0;
};

class pinned_arena {
 public:
  explicit pinned_arena(CUcontext context);
  ~pinned_arena();
  pinned_arena(const pinned_arena&) = delete;
  pinned_arena& operator=(const pinned_arena&) = delete;

  // Zeroed, aligned to 128. Throws OUT_OF_MEMORY.
  pinned_block allocate(std::size_t bytes);
  void release(const pinned_block& block);
  std::uint64_t device_address(const void* host) const;
  // Bytes pinned, and of these in use.
  std::uint64_t pinned_bytes() const;
  std::uint64_t used_bytes() const;

 private:
  struct chunk;
  chunk& add_chunk(std::size_t bytes);

  const CUcontext context_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<chunk>> chunks_;
  std::uint64_t used_ = 0;
};

// Device memory, and the stream in which it is allocated, copied and freed.
class device_memory {
 public:
  device_memory(CUcontext context, CUdevice device);
  ~device_memory();
  device_memory(const device_memory&) = delete;
  device_memory& operator=(const device_memory&) = delete;

  // Zeroed. Throws OUT_OF_MEMORY, DEVICE_LOST, TIMEOUT.
  std::uint64_t allocate(std::size_t bytes);
  void release(std::uint64_t address, std::size_t bytes) noexcept;
  // Finished on return. Throw DEVICE_LOST, TIMEOUT.
  void write(std::uint64_t to, const void* from, std::size_t bytes);
  void read(void* to, std::uint64_t from, std::size_t bytes);
  void zero(std::uint64_t at, std::size_t bytes);
  std::uint64_t used_bytes() const;

 private:
  void warm_up();
  void finish(const char* what);

  const CUcontext context_;
  mutable std::mutex mutex_;  // one operation at a time: each is waited for
  CUstream stream_ = nullptr;
  CUmemoryPool pool_ = nullptr;
  std::uint64_t used_ = 0;
};

class buffer_table {
 public:
  static constexpr std::uint32_t capacity = 4096;

  explicit buffer_table(device_memory& memory);
  ~buffer_table();
  buffer_table(const buffer_table&) = delete;
  buffer_table& operator=(const buffer_table&) = delete;

  // Throw failure: INVALID_ARGUMENT, OUT_OF_MEMORY, LIMIT_REACHED, NO_SUCH_BUFFER, DEVICE_LOST.
  rondo_buffer_handle create(std::uint64_t bytes);
  rondo_status destroy(rondo_buffer_handle handle);
  void write(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
             std::uint64_t bytes);
  void read(rondo_buffer_handle handle, std::uint64_t offset, void* to, std::uint64_t bytes);

  // rondo_buffer_entry[capacity] in device memory.
  std::uint64_t entries() const { return table_; }

 private:
  const rondo_buffer_entry& find(rondo_buffer_handle handle) const;
  std::uint64_t range(rondo_buffer_handle handle, std::uint64_t offset, std::uint64_t bytes) const;
  void publish(std::uint32_t index);

  device_memory& memory_;
  mutable std::mutex mutex_;
  std::uint64_t table_ = 0;
  std::vector<rondo_buffer_entry> entries_;  // what is in the device's table
  std::vector<std::uint32_t> generations_;   // last used, by index
  std::vector<std::uint32_t> free_;          // indices
};

}  // namespace rondo::cuda
