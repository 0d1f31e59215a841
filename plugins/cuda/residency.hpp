// Who may be resident. A device runs at most 128 grids at once, and only as many blocks as its
// multiprocessors hold; a grid beyond that would wait for one that never ends. Any thread.
#pragma once

#include <rondo/backend/backend.hpp>

#include <cstdint>
#include <mutex>
#include <string>

namespace rondo::cuda {

class residency {
 public:
  // Eight of the 128 are left to others: copies that are kernels, probes, other libraries.
  static constexpr std::uint32_t max_grids = 120;

  explicit residency(std::uint32_t multiprocessors) : multiprocessors_(multiprocessors) {}

  // `blocks_per_multiprocessor` is how many blocks of this kernel one multiprocessor holds. Throws
  // LIMIT_REACHED with the limit.
  void take(const std::string& id, std::uint32_t grid, std::uint32_t blocks_per_multiprocessor);
  void give_back(std::uint32_t grid, std::uint32_t blocks_per_multiprocessor);
  // It will never end: what it holds is lost.
  void lose(std::uint32_t grid, std::uint32_t blocks_per_multiprocessor);

  std::uint32_t grids() const;
  std::uint32_t lost() const;

 private:
  // Parts of a multiprocessor, so that kernels of several sizes can be added up.
  static constexpr std::uint64_t whole = 1u << 20;
  static std::uint64_t part(std::uint32_t grid, std::uint32_t per_multiprocessor) {
    return grid * (whole / per_multiprocessor);
  }

  const std::uint32_t multiprocessors_;
  mutable std::mutex mutex_;
  std::uint32_t grids_ = 0;
  std::uint32_t lost_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace rondo::cuda
