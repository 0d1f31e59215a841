// Makes a device's context the calling thread's for a scope, whatever context of whomever was
// there.
#pragma once

#include "error.hpp"

#include <cstdint>

namespace rondo::cuda {

class context_scope {
 public:
  explicit context_scope(CUcontext context) {
    check(the_driver().cuCtxPushCurrent(context), "CUDA context", "it cannot be made current");
  }
  ~context_scope() {
    CUcontext ignored = nullptr;
    the_driver().cuCtxPopCurrent(&ignored);
  }
  context_scope(const context_scope&) = delete;
  context_scope& operator=(const context_scope&) = delete;
};

// Waits until the stream's work is done. cuStreamSynchronize has no deadline, so it is asked again
// and again. CUDA_ERROR_NOT_READY when the deadline (CLOCK_MONOTONIC, nanoseconds) passes.
CUresult wait_for_stream(CUstream stream, std::uint64_t deadline_ns);

}  // namespace rondo::cuda
