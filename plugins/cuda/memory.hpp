// Memory of a CUDA device, in two kinds. The pinned arena is host memory that the device reads and
// writes: rings, orders, reports, buffers that the host sees. Device memory comes from a pool of
// the driver, ordered by a stream of ours.
//
// Nothing in here waits for a kernel that is resident: pages are pinned and pools grown in large
// pieces, freed memory goes back to them, and every copy runs in a stream that no kernel is in.
// Any thread.
#pragma once

#include "context.hpp"

#include <rondo/ring/layout.hpp>

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

  // What a block of so many bytes takes.
  static constexpr std::size_t rounded(std::size_t bytes) {
    return (bytes + ring::line_bytes - 1) / ring::line_bytes * ring::line_bytes;
  }
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
  pinned_block take(std::size_t bytes);

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

}  // namespace rondo::cuda
