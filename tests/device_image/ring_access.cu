// One kernel for each memory operation of the ring and of the blocks of a grid among each other, so
// that ptx_test.cpp can look at what becomes of it. The kernel's name is the operation's.
#include <rondo/device/threads.hpp>
#include <rondo/ring/platform.hpp>

using rondo::device::gpu_threads;
using rondo::ring::chunk;
using rondo::ring::platform;

extern "C" {

__global__ void load_relaxed(const std::uint64_t* from, std::uint64_t* to) {
  *to = platform::load_relaxed(from);
}
__global__ void load_acquire(const std::uint64_t* from, std::uint64_t* to) {
  *to = platform::load_acquire(from);
}
__global__ void store_relaxed(std::uint64_t* to, std::uint64_t value) {
  platform::store_relaxed(to, value);
}
__global__ void store_release(std::uint64_t* to, std::uint64_t value) {
  platform::store_release(to, value);
}
__global__ void store_after_loads(std::uint64_t* to, std::uint64_t value) {
  platform::store_after_loads(to, value);
}
__global__ void settle_writes() { platform::settle_writes(); }
__global__ void load_chunk(const chunk* from, chunk* to) { *to = platform::load_chunk(from); }
__global__ void store_chunk(chunk* to, std::uint32_t word) {
  platform::store_chunk(to, {{word, word, word}, word});
}
__global__ void compare_exchange(std::uint64_t* at, std::uint64_t expected, std::uint64_t* won) {
  *won = platform::compare_exchange(at, expected, 1);
}
__global__ void exchange_acq_rel(std::uint64_t* at, std::uint64_t value, std::uint64_t* old) {
  *old = platform::exchange_acq_rel(at, value);
}
__global__ void blocks_load_acquire(const std::uint64_t* from, std::uint64_t* to) {
  *to = gpu_threads().load_acquire(from);
}
__global__ void blocks_store_release(std::uint64_t* to, std::uint64_t value) {
  gpu_threads().store_release(to, value);
}
__global__ void blocks_add_release(std::uint64_t* to, std::uint64_t value) {
  gpu_threads().add_release(to, value);
}
__global__ void pause() { platform::pause(); }

}  // extern "C"
