// One look at a kernel: what it counted itself, and what the host counted on its side of the
// queues.
#pragma once

#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/options.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo {

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
