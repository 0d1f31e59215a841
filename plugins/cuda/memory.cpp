// Arenas and pools of a CUDA device.
#include "memory.hpp"

#include <rondo/ring/wait.hpp>

#include <time.h>
#include <boost/interprocess/managed_external_buffer.hpp>

#include <algorithm>
#include <cstring>

namespace rondo::cuda {

namespace bip = boost::interprocess;

namespace {

constexpr std::uint64_t operation_limit_ns = 10'000'000'000;
constexpr std::size_t chunk_bytes = std::size_t{32} << 20;
// What the manager of a chunk needs for itself, generously.
constexpr std::size_t chunk_slack = std::size_t{64} << 10;
// Beyond any machine; sizes up to it can be added to without overflow.
constexpr std::size_t most_bytes = std::size_t{1} << 48;

std::string text(std::uint64_t n) { return std::to_string(n); }

}  // namespace

CUresult wait_for_stream(CUstream stream, std::uint64_t deadline_ns) {
  constexpr int eager_looks = 200;
  for (int looks = 0;; ++looks) {
    const CUresult now = the_driver().cuStreamQuery(stream);
    if (now != CUDA_ERROR_NOT_READY) return now;
    if (ring::now_ns() >= deadline_ns) return now;
    if (looks < eager_looks) continue;
    const timespec nap{0, 50'000};
    nanosleep(&nap, nullptr);
  }
}

// ---- pinned host memory

struct pinned_arena::chunk {
  std::byte* host = nullptr;
  std::uint64_t device = 0;
  std::size_t bytes = 0;
  bip::managed_external_buffer manager;

  bool has(const void* p) const { return p >= host && p < host + bytes; }
};

pinned_arena::pinned_arena(CUcontext context) : context_(context) { add_chunk(chunk_bytes); }

pinned_arena::~pinned_arena() {
  try {
    const context_scope current(context_);
    for (const auto& each : chunks_) the_driver().cuMemFreeHost(each->host);
  } catch (const failure&) {  // the context is gone, and its pinned memory with it
  }
}

pinned_arena::chunk& pinned_arena::add_chunk(std::size_t bytes) {
  const context_scope current(context_);
  auto made = std::make_unique<chunk>();
  void* host = nullptr;
  check(the_driver().cuMemHostAlloc(&host, bytes,
                                    CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP),
        "pinned memory", "the host has no " + text(bytes) + " bytes to pin");
  made->host = static_cast<std::byte*>(host);
  made->bytes = bytes;
  CUdeviceptr device = 0;
  check(the_driver().cuMemHostGetDevicePointer(&device, host, 0), "pinned memory",
        "the device cannot reach it");
  made->device = device;
  made->manager = bip::managed_external_buffer(bip::create_only, host, bytes);
  chunks_.push_back(std::move(made));
  return *chunks_.back();
}

pinned_block pinned_arena::allocate(std::size_t bytes) {
  if (bytes > most_bytes)
    throw failure(RONDO_OUT_OF_MEMORY, "pinned memory", "there are no " + text(bytes) + " bytes",
                  "Use smaller queues or buffers, or fewer of them");
  const pinned_block block = take(rounded(bytes));
  std::memset(block.host, 0, block.bytes);
  return block;
}

pinned_block pinned_arena::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto take_from = [&](chunk& from) {
    return static_cast<std::byte*>(
        from.manager.allocate_aligned(bytes, ring::line_bytes, std::nothrow));
  };
  std::byte* host = nullptr;
  chunk* owner = nullptr;
  for (const auto& each : chunks_) {
    owner = each.get();
    if ((host = take_from(*owner)) != nullptr) break;
  }
  if (host == nullptr) {
    owner = &add_chunk(std::max(chunk_bytes, bytes + chunk_slack));
    host = take_from(*owner);
  }
  if (host == nullptr)
    throw failure(RONDO_OUT_OF_MEMORY, "pinned memory", "there are no " + text(bytes) + " bytes",
                  "Use smaller queues or buffers, or fewer of them");
  used_ += bytes;
  return {host, owner->device + static_cast<std::uint64_t>(host - owner->host), bytes};
}

void pinned_arena::release(const pinned_block& block) {
  if (block.host == nullptr) return;
  const std::lock_guard lock(mutex_);
  for (const auto& each : chunks_)
    if (each->has(block.host)) {
      each->manager.deallocate(block.host);
      used_ -= block.bytes;
      return;
    }
}

std::uint64_t pinned_arena::device_address(const void* host) const {
  const std::lock_guard lock(mutex_);
  for (const auto& each : chunks_)
    if (each->has(host))
      return each->device +
             static_cast<std::uint64_t>(static_cast<const std::byte*>(host) - each->host);
  return 0;
}

std::uint64_t pinned_arena::pinned_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& each : chunks_) sum += each->bytes;
  return sum;
}

std::uint64_t pinned_arena::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

// ---- device memory

device_memory::device_memory(CUcontext context, CUdevice device) : context_(context) {
  const context_scope current(context_);
  check(the_driver().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "CUDA stream",
        "none can be made");
  CUmemPoolProps properties{};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  properties.location.id = device;
  check(the_driver().cuMemPoolCreate(&pool_, &properties), "CUDA memory pool", "none can be made");
  // Memory that was freed stays in the pool: giving it back to the system waits for the device.
  cuuint64_t keep = ~cuuint64_t{0};
  check(the_driver().cuMemPoolSetAttribute(pool_, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep),
        "CUDA memory pool", "it cannot be told to keep what it has");
  warm_up();
}

// The driver has kernels of its own for setting memory, by size and alignment, and loads each when
// it is first needed, for which it waits until no kernel is resident. Here none is yet.
void device_memory::warm_up() {
  constexpr std::size_t most = std::size_t{4} << 20;
  CUdeviceptr at = 0;
  check(the_driver().cuMemAllocFromPoolAsync(&at, most, pool_, stream_), "device memory",
        "the device has no 4 MiB");
  for (std::size_t bytes = 1; bytes <= most; bytes *= 2)
    for (const std::size_t less : {std::size_t{0}, bytes / 2 + 1})
      for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{8}})
        if (bytes > less && offset + bytes - less <= most)
          check(the_driver().cuMemsetD8Async(at + offset, 0, bytes - less, stream_),
                "device memory", "it cannot be set to zero");
  check(the_driver().cuMemFreeAsync(at, stream_), "device memory", "it cannot be given back");
  finish("setting memory");
}

device_memory::~device_memory() {
  try {
    const context_scope current(context_);
    if (wait_for_stream(stream_, ring::now_ns() + operation_limit_ns) == CUDA_ERROR_NOT_READY)
      return;
    the_driver().cuMemPoolDestroy(pool_);
    the_driver().cuStreamDestroy(stream_);
  } catch (const failure&) {  // the context is gone, and all of this with it
  }
}

void device_memory::finish(const char* what) {
  const CUresult code = wait_for_stream(stream_, ring::now_ns() + operation_limit_ns);
  if (code == CUDA_ERROR_NOT_READY)
    throw failure(RONDO_TIMEOUT, "CUDA device", std::string(what) + " did not finish within 10 s",
                  "Something else holds the device's copy engines; see nvidia-smi");
  check(code, "CUDA device", std::string(what) + " failed");
}

std::uint64_t device_memory::allocate(std::size_t bytes) {
  const context_scope current(context_);
  const std::lock_guard lock(mutex_);
  CUdeviceptr address = 0;
  check(the_driver().cuMemAllocFromPoolAsync(&address, bytes, pool_, stream_), "device memory",
        "the device has no " + text(bytes) + " bytes");
  check(the_driver().cuMemsetD8Async(address, 0, bytes, stream_), "device memory",
        "it cannot be set to zero");
  finish("an allocation");
  used_ += bytes;
  return address;
}

void device_memory::release(std::uint64_t address, std::size_t bytes) noexcept {
  if (address == 0) return;
  try {
    const context_scope current(context_);
    const std::lock_guard lock(mutex_);
    the_driver().cuMemFreeAsync(address, stream_);
    used_ -= bytes;
  } catch (const std::exception&) {  // the context is gone, and the memory with it
  }
}

void device_memory::write(std::uint64_t to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  const context_scope current(context_);
  const std::lock_guard lock(mutex_);
  check(the_driver().cuMemcpyHtoDAsync(to, from, bytes, stream_), "CUDA device",
        "a copy to the device cannot begin");
  finish("a copy to the device");
}

void device_memory::read(void* to, std::uint64_t from, std::size_t bytes) {
  if (bytes == 0) return;
  const context_scope current(context_);
  const std::lock_guard lock(mutex_);
  check(the_driver().cuMemcpyDtoHAsync(to, from, bytes, stream_), "CUDA device",
        "a copy from the device cannot begin");
  finish("a copy from the device");
}

void device_memory::zero(std::uint64_t at, std::size_t bytes) {
  const context_scope current(context_);
  const std::lock_guard lock(mutex_);
  check(the_driver().cuMemsetD8Async(at, 0, bytes, stream_), "CUDA device", "memory cannot be set");
  finish("setting memory");
}

std::uint64_t device_memory::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace rondo::cuda
