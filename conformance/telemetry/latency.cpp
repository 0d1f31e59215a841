// How long requests waited and were handled, compared with times that the suite itself has made: a
// handler that is known to take a while, and requests that wait until the kernel is activated.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <algorithm>
#include <numeric>

namespace rondo::conformance {

namespace {

constexpr std::uint64_t every = RONDO_SAMPLE_EVERY;
// What the clocks of host and device may differ by. A backend says how much it is; here the least
// that a wait of 20 ms is still told by.
constexpr std::uint64_t clocks_ns = 1'000'000;

using buckets = std::uint64_t[RONDO_LATENCY_BUCKETS];

std::uint64_t sum_of(const buckets& all) {
  return std::accumulate(std::begin(all), std::end(all), std::uint64_t{0});
}
std::uint64_t begin_of(std::size_t bucket) { return bucket == 0 ? 0 : std::uint64_t{1} << bucket; }
// How many were surely shorter than this, and longer.
std::uint64_t shorter_than(const buckets& all, std::uint64_t ns) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i + 1 < std::size(all); ++i)
    if (begin_of(i + 1) <= ns) n += all[i];
  return n;
}
std::uint64_t longer_than(const buckets& all, std::uint64_t ns) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < std::size(all); ++i)
    if (begin_of(i) > ns) n += all[i];
  return n;
}

void expect_timed(const rondo_kernel_counters& now, std::uint64_t timed) {
  expect_equal(now.handler_samples, timed, "handler_samples");
  expect_equal(sum_of(now.handling), timed, "the sum of the buckets of handling");
}

void expect_one_stamped(const rondo_kernel_counters& now) {
  expect_equal(sum_of(now.queueing), 1u, "the sum of the buckets of queueing");
}

// When all that were handled are counted, and so many of them timed.
rondo_kernel_counters counters_when_timed(const test_kernel& kernel, std::uint64_t handled,
                                          std::uint64_t timed) {
  (void)kernel.counters_at(handled);
  return kernel.counters_when([&](const rondo_kernel_counters& now) { expect_timed(now, timed); });
}

}  // namespace

RONDO_CASE(telemetry, latency, each_timed_request_is_in_a_bucket_of_handling, core, "TEL-06 TEL-10",
           "kernel.latency") {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 0; i < 2 * every + 1; ++i)
    (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  (void)counters_when_timed(kernel, 2 * every + 1, 3);
  rule("TEL-10");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    require(shorter_than(now.handling, now.handler_sampled_max_ns) < 3,
            "the longest of three is in a bucket of shorter ones");
    expect_equal(longer_than(now.handling, now.handler_sampled_max_ns), 0u,
                 "how many were handled longer than handler_sampled_max_ns");
  });
}

RONDO_CASE(telemetry, latency, one_in_so_many_is_timed_from_the_first_on, core, "TEL-19",
           "kernel.latency") {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t handled = 1; handled <= 2 * every + 1; ++handled) {
    (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
    const std::uint64_t place = handled % every;
    if (place > 1) continue;  // the last that is not timed, or the first behind one that is
    kernel.counters_when([&](const rondo_kernel_counters& now) {
      expect_equal(now.messages_in, handled, "messages_in");
      expect_equal(now.handler_samples, (handled + every - 1) / every,
                   "handler_samples after " + std::to_string(handled) + " requests");
    });
  }
}

RONDO_CASE(telemetry, latency, the_bucket_of_handling_is_that_of_its_time, core, "TEL-06 TEL-10",
           "kernel.latency") {
  constexpr std::uint64_t least_ns = 5'000'000;
  kernel_spec spec;
  spec.handler = "ConformanceSlow";
  test_kernel kernel(it, spec);
  kernel.start();
  const std::uint64_t begin = now_ns();
  (void)kernel.call<kernels::slow_reply>(kernels::slow_request{1, least_ns / 1000});
  const auto now = counters_when_timed(kernel, 1, 1);
  const std::uint64_t most_ns = now_ns() - begin;
  expect_equal(shorter_than(now.handling, least_ns - clocks_ns), 0u,
               "how many were handled in less than the handler took");
  expect_equal(longer_than(now.handling, most_ns + clocks_ns), 0u,
               "how many were handled for longer than the request took as a whole");
}

RONDO_CASE(telemetry, latency, a_wait_for_room_is_not_the_handlers_time, core, "TEL-23",
           "kernel.latency " RONDO_CAP_EMITS) {
  constexpr std::uint64_t least_ns = 40'000'000;
  constexpr std::uint32_t replies = 12;
  kernel_spec spec;
  spec.handler = "ConformanceEmit";
  spec.output_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.start();
  const std::uint64_t begin = now_ns();
  kernel.send(kernels::emit_request{it.number(), replies, 0});
  require(eventually([&] { return kernel.info(kernel.output()).depth >= 4; }, it.patience()),
          "a handler with twelve replies has not filled an output of four");
  // From here on it has nothing to do but to wait, or is about to: a busy machine may keep it from
  // beginning for a while, which is its own time then.
  const std::uint64_t full = now_ns();
  let_pass(std::chrono::nanoseconds(least_ns), "the handler waits for room meanwhile");
  const std::uint64_t waited_ns = (now_ns() - full) / 2;
  for (std::uint32_t i = 0; i < replies; ++i) (void)kernel.receive().as<kernels::emit_reply>();
  (void)counters_when_timed(kernel, 1, 1);
  const std::uint64_t most_ns = now_ns() - begin - waited_ns;
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    require(now.handler_sampled_ns <= most_ns + clocks_ns,
            "handler_sampled_ns is " + std::to_string(now.handler_sampled_ns) +
                " of a handler that waited for room for at least " + std::to_string(waited_ns) +
                " ns of the " + std::to_string(most_ns + waited_ns) + " that all of it took");
    expect_equal(longer_than(now.handling, most_ns + clocks_ns), 0u,
                 "how many were handled for longer than it took without the wait for room");
  });
}

RONDO_CASE(telemetry, latency, total_and_longest_are_those_of_the_timed, core, "TEL-12",
           "kernel.latency") {
  // Most of the timed take no time, so that their mean is far from the longest also where a busy
  // machine interrupts one of them.
  constexpr std::uint64_t samples = 8, first_ns = 4'000'000, second_ns = 60'000'000;
  kernel_spec spec;
  spec.handler = "ConformanceSlow";
  test_kernel kernel(it, spec);
  kernel.start();
  std::uint64_t longest_call_ns = 0;
  const std::uint64_t begin = now_ns();
  constexpr std::uint64_t last = (samples - 1) * every;
  for (std::uint64_t i = 0; i <= last; ++i) {
    const std::uint64_t handled_ns = i == 0 ? first_ns : i == last ? second_ns : 0;
    const std::uint64_t call = now_ns();
    (void)kernel.call<kernels::slow_reply>(kernels::slow_request{1, handled_ns / 1000});
    if (i % every == 0) longest_call_ns = std::max(longest_call_ns, now_ns() - call);
  }
  (void)kernel.counters_at(last + 1);
  const std::uint64_t most_ns = now_ns() - begin;
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.handler_samples, samples, "handler_samples");
    const std::uint64_t total = now.handler_sampled_ns, longest = now.handler_sampled_max_ns;
    require(total + clocks_ns >= first_ns + second_ns && total <= most_ns + clocks_ns,
            "handler_sampled_ns is " + std::to_string(total) + " of handlers of which two took " +
                std::to_string(first_ns + second_ns) + " ns at least");
    require(longest + clocks_ns >= second_ns && longest <= longest_call_ns + clocks_ns &&
                longest + first_ns <= total + clocks_ns,
            "handler_sampled_max_ns is " + std::to_string(longest) + " of handlers that took " +
                std::to_string(total) + " ns in all, of which one took " +
                std::to_string(second_ns) + " at least");
  });
}

RONDO_CASE(telemetry, latency, failures_are_timed_and_what_is_discarded_is_not, core, "TEL-06",
           "kernel.latency") {
  kernel_spec spec;
  spec.handler = "ConformanceFail";
  test_kernel kernel(it, spec);
  kernel.start();
  kernels::fail_request fails{};
  fails.what = kernels::misdeed::fail;
  for (std::uint64_t i = 0; i < every; ++i) {
    kernel.send(fails);
    require(kernel.receive().failed(), "a handler that fails has a reply that succeeds");
  }
  (void)counters_when_timed(kernel, every, 1);
  kernel.counters_when(expect_one_stamped);
  kernel.deactivate();
  kernel.send(fails);  // number 64
  (void)kernel.terminate(RONDO_TERMINATE_DISCARD);
  const auto now = kernel.counters();
  expect_timed(now, 1);
  expect_one_stamped(now);
}

RONDO_CASE(telemetry, latency, a_wait_is_not_counted_as_shorter_than_it_was, core, "TEL-07 TEL-08",
           "kernel.latency") {
  constexpr std::uint64_t least_ns = 20'000'000;
  kernel_spec spec;
  spec.input_capacity = spec.output_capacity = 2 * every;
  test_kernel kernel(it, spec);
  kernel.launch();
  const std::uint64_t begin = now_ns();
  for (std::uint64_t i = 0; i < every + 1; ++i) kernel.send(kernels::nonce_request{});
  let_pass(std::chrono::nanoseconds(least_ns), "the requests have waited for so long");
  kernel.activate();
  for (std::uint64_t i = 0; i < every + 1; ++i) (void)kernel.receive();
  rule("TEL-08");
  const auto now = kernel.counters_when([](const rondo_kernel_counters& seen) {
    expect_equal(sum_of(seen.queueing), 2u, "how many timed requests were stamped, of 2,");
  });
  const std::uint64_t most_ns = now_ns() - begin;
  rule("TEL-07");
  expect_equal(shorter_than(now.queueing, least_ns - clocks_ns), 0u,
               "how many waited less than they were made to");
  expect_equal(longer_than(now.queueing, most_ns + clocks_ns), 0u,
               "how many waited for longer than they were there");
}

}  // namespace rondo::conformance
