// The streams of a device, made and used once before any kernel is resident: from about the
// thirtieth on the driver waits for the device when it makes one. Any thread.
#pragma once

#include "context.hpp"

#include <cstdint>
#include <mutex>
#include <vector>

namespace rondo::cuda {

class stream_pool {
 public:
  // One for each grid that may be resident, and some for probes and destructors.
  static constexpr int size = 128;

  explicit stream_pool(CUcontext context);
  ~stream_pool();
  stream_pool(const stream_pool&) = delete;
  stream_pool& operator=(const stream_pool&) = delete;

  // Throws LIMIT_REACHED.
  CUstream take();
  // Nothing runs in it.
  void give_back(CUstream stream);
  // What runs in it may never end; it is not given back.
  void abandon(CUstream stream);
  // Whether something that was abandoned still runs: then the driver may wait for it, and for ever.
  bool has_abandoned() const;
  std::uint64_t in_use() const;

 private:
  const CUcontext context_;
  mutable std::mutex mutex_;
  std::vector<CUstream> free_;
  std::vector<CUstream> abandoned_;
};

// A stream for one scope. One in which something still runs is not given back.
class pooled_stream {
 public:
  explicit pooled_stream(stream_pool& pool) : pool_(pool), stream_(pool.take()) {}
  ~pooled_stream() {
    if (the_driver().cuStreamQuery(stream_) != CUDA_ERROR_NOT_READY) pool_.give_back(stream_);
  }
  pooled_stream(const pooled_stream&) = delete;
  pooled_stream& operator=(const pooled_stream&) = delete;
  CUstream get() const { return stream_; }

 private:
  stream_pool& pool_;
  const CUstream stream_;
};

}  // namespace rondo::cuda
