// The threads that run one persistent kernel, on a GPU: who I am, how we wait for each other, and
// what we say to each other inside the device. The loop takes this class as a template parameter,
// so that tests can run it on threads of a host. The *lead* is the first warp of the first block,
// or what there is of it: it alone polls.
#pragma once

#include <rondo/ring/layout.hpp>

#include <cstdint>

#if defined(__CUDACC__)

namespace rondo::device {

class gpu_threads {
 public:
  __device__ std::uint32_t thread() const { return threadIdx.x; }
  __device__ std::uint32_t threads() const { return blockDim.x; }
  __device__ std::uint32_t block() const { return blockIdx.x; }
  __device__ std::uint32_t blocks() const { return gridDim.x; }

  __device__ std::uint32_t lanes() const { return blockDim.x < 32 ? blockDim.x : 32; }
  __device__ bool in_first_warp() const { return threadIdx.x < 32; }

  // Whether each of so many pieces of a slot has a lane of its own.
  __device__ bool has_lane_for_each(std::uint32_t pieces) const { return pieces <= lanes(); }

  __device__ void sync_warp() const { __syncwarp(mask()); }
  __device__ void sync_block() const {
    if (blockDim.x <= 32) __syncwarp(mask());
    else __syncthreads();
  }
  // Called by every lane of the first warp: all get the OR of all, whether it is
  // so for all, or what one lane has.
  __device__ std::uint32_t any_of_warp(std::uint32_t bits) const {
    return __reduce_or_sync(mask(), bits);
  }
  __device__ bool all_of_warp(bool mine) const { return __all_sync(mask(), mine); }
  __device__ std::uint32_t from_lane(std::uint32_t word, std::uint32_t lane) const {
    return __shfl_sync(mask(), word, static_cast<int>(lane));
  }

  // Where `p`, which points into the block's memory, lies in it; and back. A place that was worked
  // out stays in a register, while the address of a variable is put together wherever it is used.
  __device__ static std::uint32_t place_of(const void* p) {
    auto place = static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
    ring::platform::work_out(place);
    return place;
  }
  __device__ static std::byte* at_place(std::uint32_t place) {
    return static_cast<std::byte*>(__cvta_shared_to_generic(place));
  }

  // Shared memory that the launch asked for.
  __device__ std::byte* dynamic_memory() const {
    extern __shared__ ring::chunk rondo_dynamic_memory[];
    return reinterpret_cast<std::byte*>(rondo_dynamic_memory);
  }

  __device__ std::uint64_t now() const {
    std::uint64_t t;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
    return t;
  }
  __device__ void nap(std::uint32_t ns) const { __nanosleep(ns); }

  // Memory of the block.
  __device__ void add_in_block(std::uint64_t* counter, std::uint64_t n) const {
    atomicAdd(reinterpret_cast<unsigned long long*>(counter), n);
  }
  __device__ void min_in_block(std::uint32_t* least, std::uint32_t n) const { atomicMin(least, n); }

  // Memory of the device, between blocks of one grid.
  __device__ std::uint64_t load_acquire(const std::uint64_t* p) const {
    std::uint64_t v;
    asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
  }
  __device__ void store_release(std::uint64_t* p, std::uint64_t v) const {
    asm volatile("st.release.gpu.global.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
  }
  __device__ void add_release(std::uint64_t* p, std::uint64_t v) const {
    asm volatile("red.release.gpu.global.add.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
  }

 private:
  __device__ static std::uint32_t mask() {
    return blockDim.x < 32 ? (1u << blockDim.x) - 1 : 0xffffffffu;
  }
};

// One block of one whole warp, which is the usual launch: known at compile time.
class gpu_warp : public gpu_threads {
 public:
  static constexpr std::uint32_t warp_lanes = 32;

  __device__ static constexpr std::uint32_t threads() { return warp_lanes; }
  __device__ static constexpr std::uint32_t block() { return 0; }
  __device__ static constexpr std::uint32_t blocks() { return 1; }
  __device__ static constexpr std::uint32_t lanes() { return warp_lanes; }
  __device__ static constexpr bool in_first_warp() { return true; }
  __device__ static constexpr bool has_lane_for_each(std::uint32_t) { return true; }
  static_assert(ring::max_chunks <= warp_lanes);

  __device__ void sync_warp() const { __syncwarp(); }
  __device__ void sync_block() const { __syncwarp(); }
  __device__ std::uint32_t any_of_warp(std::uint32_t bits) const {
    return __reduce_or_sync(all, bits);
  }
  __device__ bool all_of_warp(bool mine) const { return __all_sync(all, mine); }
  __device__ std::uint32_t from_lane(std::uint32_t word, std::uint32_t lane) const {
    return __shfl_sync(all, word, static_cast<int>(lane));
  }

 private:
  static constexpr std::uint32_t all = 0xffffffff;
};

}  // namespace rondo::device

#endif
