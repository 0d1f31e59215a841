// Making streams ahead of time.
#include "streams.hpp"

#include <rondo/ring/wait.hpp>

#include <algorithm>

namespace rondo::cuda {

namespace {
constexpr std::uint64_t first_use_limit_ns = 5'000'000'000;
}

stream_pool::stream_pool(CUcontext context) : context_(context) {
  const context_scope current(context_);
  CUdeviceptr word = 0;
  for (int i = 0; i < size; ++i) {
    CUstream stream = nullptr;
    check(the_driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "CUDA streams",
          "they cannot be made");
    free_.push_back(stream);
  }
  // What a stream needs on the device it may get at its first use only.
  for (const CUstream stream : free_) {
    check(the_driver().cuMemAllocAsync(&word, sizeof(std::uint32_t), stream), "CUDA streams",
          "they cannot be used");
    check(the_driver().cuMemsetD8Async(word, 0, sizeof(std::uint32_t), stream), "CUDA streams",
          "they cannot be used");
    check(the_driver().cuMemFreeAsync(word, stream), "CUDA streams", "they cannot be used");
  }
  for (const CUstream stream : free_)
    check(wait_for_stream(stream, ring::now_ns() + first_use_limit_ns), "CUDA streams",
          "their first use did not end");
}

stream_pool::~stream_pool() {
  try {
    const context_scope current(context_);
    for (const CUstream stream : free_) the_driver().cuStreamDestroy(stream);
  } catch (const failure&) {  // the context is gone, and its streams with it
  }
}

CUstream stream_pool::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty())
    throw failure(RONDO_LIMIT_REACHED, "CUDA streams",
                  "all " + std::to_string(size) + " streams of the device are in use",
                  "Terminate kernels that are no longer needed");
  const CUstream stream = free_.back();
  free_.pop_back();
  return stream;
}

void stream_pool::give_back(CUstream stream) {
  const std::lock_guard lock(mutex_);
  free_.push_back(stream);
}

void stream_pool::abandon(CUstream stream) {
  const std::lock_guard lock(mutex_);
  abandoned_.push_back(stream);
}

bool stream_pool::has_abandoned() const {
  const std::lock_guard lock(mutex_);
  const context_scope current(context_);
  return std::any_of(abandoned_.begin(), abandoned_.end(), [](CUstream stream) {
    return the_driver().cuStreamQuery(stream) == CUDA_ERROR_NOT_READY;
  });
}

std::uint64_t stream_pool::in_use() const {
  const std::lock_guard lock(mutex_);
  return size - free_.size();
}

}  // namespace rondo::cuda
