// Counting resident grids.
#include "residency.hpp"

namespace rondo::cuda {

using backend::failure;

void residency::take(const std::string& id, std::uint32_t grid, std::uint32_t per_multiprocessor) {
  const auto text = [](std::uint64_t n) { return std::to_string(n); };
  if (per_multiprocessor == 0)
    throw failure(RONDO_LIMIT_REACHED, id, "not one block of this size fits on a multiprocessor",
                  "Ask for smaller blocks");
  const std::uint64_t most = std::uint64_t{multiprocessors_} * per_multiprocessor;
  if (grid > most)
    throw failure(RONDO_LIMIT_REACHED, id,
                  text(grid) + " blocks were asked for and at most " + text(most) +
                      " of this size are resident at once",
                  "Ask for fewer or smaller blocks");
  const std::lock_guard lock(mutex_);
  if (grids_ >= max_grids)
    throw failure(RONDO_LIMIT_REACHED, id,
                  "all " + text(max_grids) + " resident grids of the device are in use" +
                      (lost_ != 0 ? ", " + text(lost_) + " of them by abandoned kernels" : ""),
                  "Terminate kernels that are no longer needed");
  const std::uint64_t wanted = part(grid, per_multiprocessor);
  const std::uint64_t all = multiprocessors_ * whole;
  if (wanted > all - taken_)
    throw failure(RONDO_LIMIT_REACHED, id,
                  text(grid) + " blocks were asked for and " +
                      text((all - taken_) * per_multiprocessor / whole) + " of " + text(most) +
                      " such blocks still fit beside the " + text(grids_) + " resident grids",
                  "Terminate kernels, or ask for fewer or smaller blocks");
  ++grids_;
  taken_ += wanted;
}

void residency::give_back(std::uint32_t grid, std::uint32_t per_multiprocessor) {
  const std::lock_guard lock(mutex_);
  --grids_;
  taken_ -= part(grid, per_multiprocessor);
}

void residency::lose(std::uint32_t, std::uint32_t) {
  const std::lock_guard lock(mutex_);
  ++lost_;
}

std::uint32_t residency::grids() const {
  const std::lock_guard lock(mutex_);
  return grids_;
}

std::uint32_t residency::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

}  // namespace rondo::cuda
