// Percentiles of one pass, and medians over repeats.
#pragma once

#include <cstdint>
#include <vector>

namespace bench {

// Times in ticks. Its memory is there, and touched, before the first is recorded.
class samples {
 public:
  explicit samples(std::size_t room) : ticks_(room, 1) { ticks_.clear(); }

  // Times beyond 2^32 - 1 ticks, more than a second, are recorded as that; what finds no room is
  // not recorded.
  void record(std::uint64_t tick_count) {
    if (ticks_.size() < ticks_.capacity())
      ticks_.push_back(tick_count > UINT32_MAX ? UINT32_MAX
                                               : static_cast<std::uint32_t>(tick_count));
  }
  bool full() const { return ticks_.size() == ticks_.capacity(); }
  std::vector<std::uint32_t>& all() { return ticks_; }

 private:
  std::vector<std::uint32_t> ticks_;
};

struct percentiles {
  double p50_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
};
// Sorts the samples. Each sample covers `messages` messages; the result is per message.
percentiles percentiles_of(samples& from, std::uint32_t messages);

// 0 of nothing.
double median_of(std::vector<double> values);
// Largest less smallest, as a part of the median.
double spread_of(const std::vector<double>& values);

}  // namespace bench
