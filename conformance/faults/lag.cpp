// What was seen of the counters waits here until it is due.
#include "wrapped.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace rondo::faults {

namespace {

std::uint64_t lag_ms() {
  static const char* const text = std::getenv("RONDO_FAULT_LAG_MS");
  static const std::uint64_t all = text != nullptr ? std::strtoull(text, nullptr, 10) : 0;
  return all;
}

}  // namespace

bool counters_are_late() { return lag_ms() != 0; }

std::uint64_t late_counters::delayed(std::size_t which, std::uint64_t value, std::uint64_t now) {
  auto& seen = seen_[which];
  const std::uint64_t last = seen.empty() ? told_[which] : seen.back().value;
  if (value != last) seen.push_back({now + (lag_ms() + which) * 1'000'000, value});
  const auto next =
      std::find_if(seen.begin(), seen.end(), [&](const sight& one) { return one.due_ns > now; });
  if (next != seen.begin()) told_[which] = std::prev(next)->value;
  seen.erase(seen.begin(), next);
  return told_[which];
}

rondo_status late_counters::tell(rondo_kernel* kernel, rondo_kernel_counters& out) {
  // Together with the look itself, or what one thread has seen would come behind what another has
  // seen after it.
  const std::lock_guard lock(mutex_);
  const auto status = inner.kernel.counters(kernel, &out);
  if (status != RONDO_OK) return status;
  // Of an older host's struct, as far as it goes.
  const std::size_t size = std::min<std::size_t>(out.struct_size, sizeof out);
  auto* const bytes = reinterpret_cast<std::byte*>(&out);
  const std::uint64_t now = now_ns();
  for (std::size_t i = 0; begin + (i + 1) * each <= size; ++i) {
    std::byte* const at = bytes + begin + i * each;
    if (at == reinterpret_cast<std::byte*>(&out.uptime_ns)) continue;
    std::uint64_t value = 0;
    std::memcpy(&value, at, each);
    value = delayed(i, value, now);
    std::memcpy(at, &value, each);
  }
  return status;
}

}  // namespace rondo::faults
