// What a kernel counts, and what can be wrong about that.
#include "wrapped.hpp"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <numeric>
#include <utility>

namespace rondo::faults {

namespace {

// Counted by a thousandth of what it was.
void scale_down(std::uint64_t (&buckets)[RONDO_LATENCY_BUCKETS]) {
  constexpr std::size_t by = 10;
  for (std::size_t i = 0; i < std::size(buckets); ++i) {
    const std::uint64_t n = std::exchange(buckets[i], 0);
    buckets[i < by ? 0 : i - by] += n;
  }
}
void move_up(std::uint64_t (&buckets)[RONDO_LATENCY_BUCKETS]) {
  for (std::size_t i = std::size(buckets) - 1; i > 0; --i)
    buckets[i] = std::exchange(buckets[i - 1], 0);
}
void count_as_none(std::uint64_t (&buckets)[RONDO_LATENCY_BUCKETS]) {
  const std::uint64_t all =
      std::accumulate(std::begin(buckets), std::end(buckets), std::uint64_t{0});
  std::fill(std::begin(buckets), std::end(buckets), 0);
  buckets[0] = all;
}
void change_latencies(const rondo_kernel& kernel, rondo_kernel_counters& out) {
  if (out.struct_size < sizeof out) return;  // an older host's
  if (broken(fault::handling_empty)) std::fill(std::begin(out.handling), std::end(out.handling), 0);
  if (broken(fault::handling_in_microseconds)) scale_down(out.handling);
  if (broken(fault::handling_a_bucket_off)) move_up(out.handling);
  if (broken(fault::queueing_always_0)) count_as_none(out.queueing);
  if (broken(fault::sampled_longest_is_mean) && out.handler_samples != 0)
    out.handler_sampled_max_ns = out.handler_sampled_ns / out.handler_samples;
  if (broken(fault::waits_are_handling) && kernel.emits && out.handler_samples != 0)
    out.handler_sampled_ns = out.uptime_ns;
  if (broken(fault::sampled_total_is_longest)) out.handler_sampled_ns = out.handler_sampled_max_ns;
}

void change_uptime(rondo_kernel& kernel, rondo_kernel_counters& out) {
  if (broken(fault::uptime_of_the_host)) out.uptime_ns = now_ns();
  if (!broken(fault::uptime_of_the_kernel) || out.uptime_ns == 0) return;
  if (kernel.first_launch_ns == 0) kernel.first_launch_ns = now_ns() - out.uptime_ns;
  out.uptime_ns = now_ns() - kernel.first_launch_ns;
}

void change_counts(rondo_kernel_counters& out) {
  if (broken(fault::failures_not_in_out)) out.messages_out -= out.messages_failed;
  if (broken(fault::failed_not_counted)) out.messages_failed = 0;
  if (broken(fault::dropped_not_counted)) out.messages_dropped = 0;
  if (broken(fault::bytes_with_envelopes)) out.bytes_in += out.messages_in * sizeof(rondo_envelope);
  if (broken(fault::depths_untold)) out.input_depth = out.output_depth = 0;
  if (broken(fault::all_are_timed)) out.handler_samples = out.messages_in;
}

}  // namespace

void change_counters(rondo_kernel& kernel, rondo_kernel_counters& out) {
  if (broken(fault::writes_behind_struct) && out.struct_size > sizeof out)
    std::memset(&out + 1, 0, 8);
  if (broken(fault::counts_iterations)) out.messages_in += out.polls;
  if (broken(fault::polls_nothing)) out.messages_in = out.polls;
  if (broken(fault::counts_what_was_sent)) out.messages_in = kernel.pushes;
  out.messages_in -= kernel.base_in;
  change_counts(out);
  if (broken(fault::pool_is_polled) && kernel.is_pooled) out.polls += ++kernel.looks;
  if (broken(fault::no_heartbeat)) out.heartbeat_ns = 0;
  if (broken(fault::heartbeat_of_another_clock))
    out.heartbeat_ns = static_cast<std::uint64_t>(::time(nullptr)) * 1'000'000'000u;
  change_latencies(kernel, out);
  change_uptime(kernel, out);
  rules_change_counters(out);
  if (broken(fault::counts_nothing)) {
    const std::uint32_t size = out.struct_size, now = out.state;
    out = {};
    out.struct_size = size;
    out.state = now;
  }
}

}  // namespace rondo::faults
