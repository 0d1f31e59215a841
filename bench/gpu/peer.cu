// What a user would launch for each request instead: the same answer, from mapped or device memory.
#include "kernels.hpp"

extern "C" __global__ void peer(const gpu_bench::request* in, gpu_bench::response* out) {
  if (threadIdx.x == 0) gpu_bench::answer(*in, *out);
}

// A neighbour that wants all of the memory's bandwidth.
extern "C" __global__ void copy_words(const uint4* from, uint4* to, std::uint64_t count) {
  const std::uint64_t stride = std::uint64_t{gridDim.x} * blockDim.x;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += stride)
    to[i] = from[i];
}
