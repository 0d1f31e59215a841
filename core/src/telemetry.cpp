// What a snapshot says in words and in numbers that follow from its counts.
#include <rondo/telemetry.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace rondo {

std::uint64_t latency_histogram::count() const noexcept {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

latency_histogram::bounds latency_histogram::quantile(double share) const noexcept {
  const std::uint64_t all = count();
  if (all == 0) return {};
  const double rank = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(all));
  const auto wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, all);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets[i];
    if (seen >= wanted) return bounds_of(i);
  }
  return bounds_of(bucket_count - 1);
}

std::string_view to_string(kernel_state state) noexcept {
  switch (state) {
    case kernel_state::created: return "created";
    case kernel_state::launched: return "launched";
    case kernel_state::active: return "active";
    case kernel_state::inactive: return "inactive";
    case kernel_state::terminated: return "terminated";
    case kernel_state::failed: return "failed";
  }
  return "unknown";
}

}  // namespace rondo
