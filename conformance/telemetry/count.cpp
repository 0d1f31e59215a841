// What a kernel counts, compared with what was really done.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"
#include "../support/threads.hpp"

#include <rondo/host_services.hpp>

#include <atomic>

namespace rondo::conformance {

RONDO_CASE(telemetry, count, an_idle_kernel_has_handled_nothing, core, "TEL-01", "") {
  test_kernel kernel(it);
  kernel.start();
  let_pass(std::chrono::milliseconds(150), "an idle kernel may count nothing");
  const auto idle = kernel.counters();
  if (idle.messages_in != 0)
    fail("an idle kernel that was sent nothing says that it handled " +
         std::to_string(idle.messages_in) +
         " messages: it counts its looks at the queue, and messages_in counts messages");
  expect_equal(idle.messages_out, 0u, "messages_out of an idle kernel");
  expect_equal(idle.messages_failed, 0u, "messages_failed of an idle kernel");
  expect_equal(idle.bytes_in, 0u, "bytes_in of an idle kernel");
  expect_equal(idle.bytes_out, 0u, "bytes_out of an idle kernel");
  for (int i = 0; i < 10; ++i) (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  let_pass(std::chrono::milliseconds(50), "nothing more may be counted");
  const auto busy = kernel.counters_at(10);
  if (busy.messages_in != 10)
    fail("10 messages were sent and answered, and messages_in is " +
         std::to_string(busy.messages_in) +
         (busy.messages_in > 10 ? ": something else than messages is counted" : ""));
  count_check();
}

RONDO_CASE(telemetry, count, counts_are_what_was_done, core, "TEL-03 TEL-17", "") {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 1; i <= 30; ++i) {
    rule("TEL-03");
    (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
    kernel.counters_when([&](const rondo_kernel_counters& now) {
      expect_equal(now.messages_in, i, "messages_in");
      expect_equal(now.messages_out, i, "messages_out");
    });
    rule("TEL-17");
    kernel.counters_when([&](const rondo_kernel_counters& now) {
      expect_equal(now.bytes_in, i * sizeof(kernels::nonce_request), "bytes_in");
      expect_equal(now.bytes_out, i * sizeof(kernels::nonce_reply), "bytes_out");
    });
  }
  rule("TEL-03");
  const auto now = kernel.counters();
  expect_equal(now.messages_failed, 0u, "messages_failed");
  expect_equal(now.messages_dropped, 0u, "messages_dropped");
  expect_equal(now.state, RONDO_STATE_ACTIVE, "the state among the counters");
}

RONDO_CASE(telemetry, count, failures_are_replies_too, core, "TEL-01 TEL-14 TEL-15 TEL-17", "") {
  kernel_spec spec;
  spec.handler = "ConformanceFail";
  test_kernel kernel(it, spec);
  kernel.start();
  constexpr std::uint64_t all = 10, failing = 4;
  std::uint64_t bytes_out = 0;
  for (std::uint64_t i = 0; i < all; ++i) {
    kernels::fail_request request{};
    request.what = i < failing ? kernels::misdeed::fail : kernels::misdeed::none;
    request.text_length = static_cast<std::uint32_t>(7 * i);
    kernel.send(request);
    bytes_out += kernel.receive().header.length;
  }
  const auto expect = [&](std::string_view id, std::uint64_t rondo_kernel_counters::*field,
                          std::uint64_t due, std::string_view name) {
    rule(id);
    kernel.counters_when([&](const rondo_kernel_counters& now) {
      expect_equal(now.*field, due,
                   std::string(name) + " after ten requests, of which four failed,");
    });
  };
  expect("TEL-01", &rondo_kernel_counters::messages_in, all, "messages_in");
  expect("TEL-14", &rondo_kernel_counters::messages_out, all, "messages_out");
  expect("TEL-15", &rondo_kernel_counters::messages_failed, failing, "messages_failed");
  expect("TEL-17", &rondo_kernel_counters::bytes_in, all * sizeof(kernels::fail_request),
         "bytes_in");
  expect("TEL-17", &rondo_kernel_counters::bytes_out, bytes_out, "bytes_out");
}

RONDO_CASE(telemetry, count, all_begin_at_create_and_go_on_over_a_relaunch, core, "TEL-13", "") {
  test_kernel kernel(it);
  const auto first = kernel.counters();
  for (const std::uint64_t one :
       {first.messages_in, first.messages_out, first.messages_failed, first.messages_dropped,
        first.bytes_in, first.bytes_out, first.polls, first.handler_samples,
        first.handler_sampled_ns, first.handler_sampled_max_ns, first.dropped_oldest, first.expired,
        first.replies_dropped})
    expect_equal(one, 0u, "a counter of a kernel that was never launched");
  constexpr std::uint64_t each = 5;
  for (std::uint64_t life = 1; life <= (it.has(RONDO_CAP_RELAUNCH) ? 3u : 1u); ++life) {
    kernel.start();
    for (std::uint64_t i = 0; i < each; ++i)
      (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
    kernel.counters_when([&](const rondo_kernel_counters& now) {
      expect_equal(now.messages_in, life * each, "messages_in since create, over all launches,");
      expect_equal(now.messages_out, life * each, "messages_out since create, over all launches,");
      expect_equal(now.bytes_in, life * each * sizeof(kernels::nonce_request),
                   "bytes_in since create, over all launches,");
    });
    (void)kernel.terminate();
  }
}

RONDO_CASE(telemetry, count, uptime_is_since_the_last_launch, core, "TEL-11", "") {
  // What the clocks of host and device may differ by.
  constexpr std::uint64_t clocks_ns = 1'000'000;
  test_kernel kernel(it);
  expect_equal(kernel.counters().uptime_ns, 0u, "uptime_ns before the first launch");
  for (int life = 0; life < (it.has(RONDO_CAP_RELAUNCH) ? 2 : 1); ++life) {
    const auto before = now_ns();
    kernel.launch();
    const auto launched = now_ns();
    let_pass(std::chrono::milliseconds(30), "the uptime that is asked for grows");
    const auto least = now_ns() - launched;
    const auto uptime = kernel.counters().uptime_ns;
    const auto most = now_ns() - before;
    require(uptime + clocks_ns >= least && uptime <= most + clocks_ns,
            "uptime_ns is " + std::to_string(uptime) + " between " + std::to_string(least) +
                " and " + std::to_string(most) + " ns after a launch");
    (void)kernel.terminate();
  }
}

RONDO_CASE(telemetry, count, depths_are_the_queues, core, "TEL-20 TEL-03", "") {
  test_kernel kernel(it);
  kernel.launch();
  for (int i = 0; i < 7; ++i) kernel.send(kernels::nonce_request{});
  const auto waiting = kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.input_depth, 7u, "input_depth of a kernel with 7 waiting requests");
  });
  rule("TEL-03");
  expect_equal(waiting.messages_in, 0u,
               "messages_in of a kernel that was sent 7 requests and has handled none");
  rule("TEL-20");
  kernel.activate();
  kernel.counters_when([](const rondo_kernel_counters& now) {
    require(now.output_depth == 7,
            "output_depth is " + std::to_string(now.output_depth) + " while 7 replies wait");
  });
}

RONDO_CASE(telemetry, count, what_is_discarded_is_counted, core, "TEL-16", "") {
  test_kernel kernel(it);
  kernel.launch();
  for (int i = 0; i < 9; ++i) kernel.send(kernels::nonce_request{});
  const auto report = kernel.terminate(RONDO_TERMINATE_DISCARD);
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.messages_dropped, report.discarded,
                 "messages_dropped after terminate discarded; it");
    expect_equal(now.messages_dropped, 9u, "messages_dropped of a kernel that handled nothing");
  });
}

RONDO_CASE(telemetry, count, counters_never_go_back, concurrent, "TEL-02", "") {
  test_kernel kernel(it);
  kernel.start();
  std::atomic<bool> stop{false};
  together(2, [&](unsigned thread) {
    if (thread == 0) {
      for (int i = 0; i < 2000; ++i) {
        kernel.send(kernels::nonce_request{});
        (void)kernel.receive();
        if (i % 500 == 499) kernel.deactivate().activate();
      }
      stop = true;
      return;
    }
    rondo_kernel_counters last{};
    while (!stop) {
      const auto now = kernel.counters();
      const auto grows = [&](std::uint64_t rondo_kernel_counters::*field, const char* name) {
        require(now.*field >= last.*field, std::string(name) + " went from " +
                                               std::to_string(last.*field) + " back to " +
                                               std::to_string(now.*field));
      };
      grows(&rondo_kernel_counters::messages_in, "messages_in");
      grows(&rondo_kernel_counters::messages_out, "messages_out");
      grows(&rondo_kernel_counters::messages_failed, "messages_failed");
      grows(&rondo_kernel_counters::messages_dropped, "messages_dropped");
      grows(&rondo_kernel_counters::bytes_in, "bytes_in");
      grows(&rondo_kernel_counters::bytes_out, "bytes_out");
      grows(&rondo_kernel_counters::polls, "polls");
      grows(&rondo_kernel_counters::heartbeat_ns, "heartbeat_ns");
      grows(&rondo_kernel_counters::uptime_ns, "uptime_ns");
      grows(&rondo_kernel_counters::handler_samples, "handler_samples");
      for (std::uint32_t i = 0; i < RONDO_LATENCY_BUCKETS; ++i)
        require(now.handling[i] >= last.handling[i] && now.queueing[i] >= last.queueing[i],
                "bucket " + std::to_string(i) + " of handling or queueing has gone back");
      require(now.messages_in <= 2000, "messages_in is beyond what was sent");
      last = now;
    }
  });
}

// By no clock: the handler has not returned when they were told.
RONDO_CASE(telemetry, count, a_busy_kernel_can_be_asked, core, "TEL-05", "") {
  const auto is_told_meanwhile = [&](std::uint64_t microseconds) {
    kernel_spec spec;
    spec.handler = "ConformanceSlow";
    test_kernel kernel(it, spec);
    kernel.start();
    received reply;
    bool is_at_work = false;
    together(2, [&](unsigned thread) {
      if (thread == 0) return kernel.send(kernels::slow_request{1, microseconds});
      let_pass(std::chrono::milliseconds(150), "the handler begins");
      (void)kernel.counters();
      (void)kernel.state();
      is_at_work = kernel.try_receive(reply) == RONDO_EMPTY;
    });
    if (is_at_work) (void)kernel.receive();
    return is_at_work;
  };
  bool is_told = false;
  for (const std::uint64_t microseconds : {500'000u, 1'000'000u, 2'000'000u})
    if ((is_told = is_told_meanwhile(microseconds))) break;
  require(is_told,
          "counters and state of a kernel whose handler was at work for two seconds were told only "
          "when it had returned");
}

RONDO_CASE(telemetry, count, an_active_kernel_shows_signs_of_life, core, "TEL-04 TEL-18", "") {
  test_kernel kernel(it);
  rule("TEL-18");
  expect_equal(kernel.counters().heartbeat_ns, 0u, "heartbeat_ns before the first launch");
  rule("TEL-04");
  kernel.start();
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  rondo_kernel_counters first{};
  require(eventually([&] { return (first = kernel.counters()).heartbeat_ns != 0; }, it.patience()),
          "heartbeat_ns is 0 although the kernel has run");
  rule("TEL-18");
  require(first.heartbeat_ns <= now_ns() + 50'000'000,
          "heartbeat_ns lies ahead of the host's monotonic clock");
  require(now_ns() - std::min(now_ns(), first.heartbeat_ns) < 60'000'000'000,
          "heartbeat_ns is not of the host's monotonic clock");
  rule("TEL-04");
  for (int i = 0; i < 200; ++i) (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  require(eventually([&] { return kernel.counters().heartbeat_ns > first.heartbeat_ns; },
                     it.patience()),
          "heartbeat_ns stands still while the kernel works");
}

}  // namespace rondo::conformance
