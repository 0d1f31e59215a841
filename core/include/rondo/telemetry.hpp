// One look at a kernel: what it counted itself, and what the host counted on its side of the
// queues.
#pragma once

#include <rondo/abi.h>
#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/options.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rondo {

// Durations, counted in buckets that are powers of two of nanoseconds; see RONDO_LATENCY_BUCKETS in
// rondo/abi.h. Empty if nothing was timed, or the backend does not tell.
class latency_histogram {
 public:
  static constexpr std::size_t bucket_count = RONDO_LATENCY_BUCKETS;
  // What a bucket holds: durations of at_least and more that are shorter than below, which is
  // nanoseconds::max() for the last.
  struct bounds {
    nanoseconds at_least{0};
    nanoseconds below{0};
  };
  static constexpr bounds bounds_of(std::size_t bucket) {
    const auto power = [](std::size_t i) { return nanoseconds(std::int64_t{1} << i); };
    return {bucket == 0 ? nanoseconds(0) : power(bucket),
            bucket + 1 < bucket_count ? power(bucket + 1) : nanoseconds::max()};
  }

  std::array<std::uint64_t, bucket_count> buckets{};

  RONDO_EXPORT std::uint64_t count() const noexcept;
  // The bucket of the shortest duration that this share of all, from 0 to 1, is no longer than;
  // that of 1 holds the longest. 0 to 0 if there is none.
  RONDO_EXPORT bounds quantile(double share) const noexcept;
};

struct kernel_snapshot {
  std::string id;
  std::string backend;
  kernel_state state = kernel_state::created;
  // Why it is failed, in the backend's words; OK and empty while it is not. HANDLER_HUNG and no
  // words if the backend cannot say.
  status failure_code = RONDO_OK;
  std::string failure;

  // Counted by the kernel, single writer. "In" is requests handled: an idle kernel's stays 0.
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;     // replies published, failures included
  std::uint64_t messages_failed = 0;  // requests that ended in a failure
  // Requests that were not handled: abandoned, discarded or malformed, given up, expired.
  std::uint64_t messages_dropped = 0;
  std::uint64_t bytes_in = 0;  // payload
  std::uint64_t bytes_out = 0;
  std::uint64_t polls = 0;        // looks at the input, idle ones included
  std::uint64_t input_depth = 0;  // what waits in a pump is in it
  std::uint64_t output_depth = 0;
  nanoseconds uptime{0};              // since launch
  nanoseconds since_heartbeat{0};     // since the last sign of life; 0 if it never ran
  std::uint64_t handler_samples = 0;  // one request in RONDO_SAMPLE_EVERY is timed
  nanoseconds handler_sampled_mean{0};
  nanoseconds handler_sampled_max{0};
  // Of the same requests: the handler's time, and the time from when they were sent until their
  // handler began. Who fails counts; who never reaches the handler (discarded, given up, expired)
  // does not. A wait for room in the output is no handling. A request that was sent by a call of
  // the backend is in the second only if the backend stamps it; one that a pump sent, from when the
  // pump did.
  latency_histogram handling;
  latency_histogram queueing;

  // Counted by the host.
  std::uint64_t sent = 0;          // requests accepted by the input queue
  std::uint64_t late_replies = 0;  // replies whose caller had given up
  // Of a kernel with a pump: requests that it gave to the backend, and in how many calls.
  std::uint64_t pumped = 0;
  std::uint64_t pump_calls = 0;

  // What was lost, by cause. Of requests that were accepted:
  std::uint64_t dropped_oldest = 0;  // given up for newer ones
  std::uint64_t expired = 0;         // older than their time to live; also before there was room
  // Not accepted:
  std::uint64_t dropped_newest = 0;  // found the input full
  std::uint64_t duplicates = 0;      // had a key that was accepted before
  // Of replies:
  std::uint64_t replies_dropped = 0;  // found the output full
};

RONDO_EXPORT std::string_view to_string(kernel_state state) noexcept;

}  // namespace rondo
