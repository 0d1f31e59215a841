// The end of a kernel: draining, discarding, deadlines, and handlers that do not return.
#include "../support/busy.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <atomic>
#include <thread>

namespace rondo::conformance {

RONDO_CASE(kernel, terminate, drain_handles_what_waits, core, "QUEUE-02 LIFE-01 LIFE-18", "") {
  test_kernel kernel(it);
  kernel.launch();
  for (std::uint64_t i = 0; i < 20; ++i) kernel.send(kernels::nonce_request{i, {}});
  const auto report = kernel.terminate(RONDO_TERMINATE_DRAIN);
  rule("LIFE-18");
  expect_equal(report.handled, 20u, "the requests that terminate says it handled while draining");
  expect_equal(report.discarded, 0u, "the requests that terminate says it discarded");
  expect_equal(report.state, RONDO_STATE_TERMINATED, "the state that terminate reports");
  rule("QUEUE-02");
  for (std::uint64_t i = 1; i <= 20; ++i)
    expect_equal(kernel.receive().as<kernels::nonce_reply>().count, i,
                 "the count of a reply that was made while draining");
  kernel.expect_silence(std::chrono::milliseconds(5), "all were taken");
  rule("LIFE-01");
  kernel.expect_state(RONDO_STATE_TERMINATED, "after terminate");
}

RONDO_CASE(kernel, terminate, discard_says_what_it_discarded, core, "QUEUE-02 LIFE-18", "") {
  test_kernel kernel(it);
  kernel.launch();
  for (std::uint64_t i = 0; i < 20; ++i) kernel.send(kernels::nonce_request{i, {}});
  const auto report = kernel.terminate(RONDO_TERMINATE_DISCARD);
  std::uint64_t replies = 0;
  received reply;
  while (kernel.try_receive(reply) == RONDO_OK) ++replies;
  expect_equal(replies + report.discarded, 20u, "replies and discarded requests, of 20 accepted,");
  expect_equal(report.discarded, 20u, "what terminate discarded of a kernel that was never active");
  rule("LIFE-18");
  expect_equal(report.handled, 0u, "the requests that a terminate that discards says it handled");
}

RONDO_CASE(kernel, terminate, producers_are_told, core, "QUEUE-04 QUEUE-03", "") {
  test_kernel kernel(it);
  kernel.start();
  kernel.terminate();
  for (int i = 0; i < 3; ++i)
    expect_status(kernel.try_send(kernels::nonce_request{}), RONDO_TERMINATED,
                  "push to a terminated kernel");
  rule("QUEUE-03");
  expect_equal(kernel.info(kernel.input()).depth, 0u,
               "the depth of a terminated kernel's input after pushes that were refused");
}

RONDO_CASE(kernel, terminate, a_full_queue_of_a_terminated_kernel_says_TERMINATED, core, "QUEUE-04",
           "") {
  kernel_spec spec;
  spec.input_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.launch();
  while (kernel.try_send(kernels::nonce_request{}) == RONDO_OK) count_check();
  kernel.terminate(RONDO_TERMINATE_DISCARD);
  expect_status(kernel.try_send(kernels::nonce_request{}), RONDO_TERMINATED,
                "push to a terminated kernel whose queue was full");
}

RONDO_CASE(kernel, terminate, replies_can_be_taken_afterwards, core, "QUEUE-02", "") {
  test_kernel kernel(it);
  kernel.start();
  for (std::uint64_t i = 0; i < 5; ++i) kernel.send(kernels::nonce_request{});
  (void)kernel.counters_at(5);
  const auto report = kernel.terminate(RONDO_TERMINATE_DISCARD);
  for (std::uint64_t i = 1; i <= 5 - report.discarded; ++i)
    expect_equal(kernel.receive().as<kernels::nonce_reply>().count, i,
                 "the count of a reply taken after terminate");
}

// Nobody takes the replies, so that a drain cannot finish.
RONDO_CASE(kernel, terminate, a_drain_that_cannot_finish_ends_in_time, core,
           "LIFE-04 LIFE-14 QUEUE-02", "") {
  kernel_spec spec;
  spec.output_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.start();
  std::uint64_t accepted = 0;
  while (accepted < 40 && kernel.try_send(kernels::nonce_request{}) == RONDO_OK) ++accepted;
  rondo_terminate_report report{};
  const auto begin = now_ns();
  const auto status = kernel.try_terminate(RONDO_TERMINATE_DRAIN, ns_per_second / 5, report);
  const auto took = now_ns() - begin;
  require(took < ns_per_second / 5 + ns_per_second,
          "terminate with a deadline of 200 ms took " + std::to_string(took / 1'000'000) + " ms");
  rule("LIFE-14");
  expect_status(status, RONDO_TIMEOUT, "a drain that cannot finish, as nobody takes the replies,");
  kernel.expect_state(RONDO_STATE_TERMINATED, "after a drain that ran out of time");
  rule("QUEUE-02");
  std::uint64_t replies = 0;
  received reply;
  while (kernel.try_receive(reply) == RONDO_OK) ++replies;
  expect_equal(replies + report.discarded, accepted,
               "replies and discarded requests, of " + std::to_string(accepted) + " accepted,");
}

// Somebody pushes all the time, faster than the handler handles, until told that it is over.
RONDO_CASE(kernel, terminate, a_drain_ends_however_much_is_pushed_meanwhile, concurrent,
           "LIFE-15 QUEUE-02", "") {
  kernel_spec spec;
  spec.handler = "ConformanceSlow";
  spec.input_capacity = 16;
  spec.output_capacity = 2048;  // nobody takes the replies meanwhile
  test_kernel kernel(it, spec);
  kernel.start();
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<bool> stops{false};
  std::jthread pushes([&] {
    rondo_status status = RONDO_OK;
    while (!stops && (status == RONDO_OK || status == RONDO_FULL)) {
      status = kernel.try_send(kernels::slow_request{1, 4'000});
      if (status == RONDO_OK) ++accepted;
      else let_pass(std::chrono::microseconds(200), "between two tries to push");
    }
  });
  rondo_terminate_report report{};
  const bool is_full = eventually([&] { return accepted >= 20; }, it.patience());
  const std::uint64_t before = accepted;
  const auto status = kernel.try_terminate(RONDO_TERMINATE_DRAIN, it.patience_ns(), report);
  stops = true;
  pushes.join();
  require(is_full, "twenty requests of 4 ms were not taken");
  expect_status(status, RONDO_OK,
                "a drain that somebody pushes into, with seconds for what takes 64 ms,");
  std::uint64_t replies = 0;
  received reply;
  while (kernel.try_receive(reply) == RONDO_OK) ++replies;
  require(replies >= before, "of " + std::to_string(before) +
                                 " requests that were accepted before "
                                 "the drain only " +
                                 std::to_string(replies) + " were answered");
  rule("QUEUE-02");
  expect_equal(replies + report.discarded, accepted.load(),
               "replies and discarded requests, of those that were accepted,");
}

RONDO_CASE(kernel, terminate, a_hung_handler_is_told_in_time, core, "LIFE-04 LIFE-05 LIFE-07",
           RONDO_CAP_EMITS) {
  test_kernel kernel(it, busy_spec());
  kernel.start();
  busy_handler handler(kernel, 2'000'000);
  rondo_terminate_report report{};
  const auto begin = now_ns();
  const auto status = kernel.try_terminate(RONDO_TERMINATE_DISCARD, ns_per_second / 5, report);
  const auto took = now_ns() - begin;
  (void)handler.pushed();
  require(took < ns_per_second / 5 + ns_per_second,
          "terminate of a kernel whose handler hangs took " + std::to_string(took / 1'000'000) +
              " ms with a deadline of 200 ms; a second more is allowed");
  rule("LIFE-05");
  expect_status(status, RONDO_HANDLER_HUNG, "terminate of a kernel whose handler hangs");
  kernel.expect_state(RONDO_STATE_FAILED, "after terminate said HANDLER_HUNG");
  expect_equal(report.state, RONDO_STATE_FAILED, "the state that terminate reports");
  rule("LIFE-07");
  char text[256];
  std::uint32_t length = 0;
  const auto why = it.api().kernel.failure(kernel.handle(), text, sizeof text, &length);
  expect_one_of(why, {RONDO_HANDLER_HUNG, RONDO_UNSUPPORTED}, "failure of a hung kernel");
  if (why == RONDO_HANDLER_HUNG)
    require(length > 0 && length <= sizeof text, "failure gives no sentence for a hung handler");
  // Its memory stays while the handler may still use it, and others go on.
  rule("LIFE-05");
  kernel.destroy();
  test_kernel other(it);
  other.start();
  (void)other.call<kernels::nonce_reply>(kernels::nonce_request{});
  let_pass(std::chrono::milliseconds(2'200) - std::chrono::nanoseconds(now_ns() - begin),
           "the hung handler has come back");
  (void)other.call<kernels::nonce_reply>(kernels::nonce_request{});
}

RONDO_CASE(kernel, terminate, a_healthy_kernel_has_no_failure, core, "LIFE-07", "") {
  test_kernel kernel(it);
  char text[64];
  std::uint32_t length = 7;
  kernel.start();
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  const auto why = it.api().kernel.failure(kernel.handle(), text, sizeof text, &length);
  expect_one_of(why, {RONDO_OK, RONDO_UNSUPPORTED}, "failure of a healthy kernel");
  if (why == RONDO_OK) expect_equal(length, 0u, "the length of a healthy kernel's reason");
}

RONDO_CASE(kernel, terminate, a_handler_past_its_deadline_fails_the_kernel, core, "LIFE-08 LIFE-07",
           RONDO_CAP_HANG_DETECTION) {
  kernel_spec spec;
  spec.handler = "ConformanceHang";
  spec.handler_deadline_ns = ns_per_second / 2;
  test_kernel kernel(it, spec);
  kernel.start();
  (void)kernel.call<kernels::slow_reply>(kernels::slow_request{1, 1'000});
  kernel.expect_state(RONDO_STATE_ACTIVE, "after a handler that kept its deadline");
  let_pass(std::chrono::milliseconds(700), "an idle kernel may not fail");
  kernel.expect_state(RONDO_STATE_ACTIVE,
                      "after it was idle for longer than the handler's deadline");
  kernel.send(kernels::slow_request{2, 4'000'000});
  require(eventually([&] { return kernel.state() == RONDO_STATE_FAILED; },
                     std::chrono::milliseconds(3'000)),
          "a handler ran for 3 s with a deadline of half a second, and the kernel is not FAILED");
  rule("LIFE-07");
  char text[256];
  std::uint32_t length = 0;
  expect_status(it.api().kernel.failure(kernel.handle(), text, sizeof text, &length),
                RONDO_HANDLER_HUNG, "failure of a kernel whose handler hung");
  require(length > 0 && length <= sizeof text, "failure gives no sentence for a hung handler");
  rondo_terminate_report report{};
  expect_status(kernel.try_terminate(RONDO_TERMINATE_DISCARD, ns_per_second / 5, report),
                RONDO_HANDLER_HUNG, "terminate of a kernel that is FAILED by its handler");
}

// The other kernel's lease is the backend's to renew, as nobody takes it over.
RONDO_CASE(kernel, terminate, a_lease_ends_a_kernel_that_nobody_renews, core, "LIFE-09 LIFE-17",
           RONDO_CAP_LEASE) {
  kernel_spec spec;
  spec.lease_ns = 2 * ns_per_second;
  test_kernel kernel(it, spec);
  spec.id = "not-taken-over";
  test_kernel other(it, spec);
  other.start();
  kernel.start();
  for (int i = 0; i < 8; ++i) {
    let_pass(std::chrono::milliseconds(300), "between two renewals");
    expect_status(it.api().kernel.renew(kernel.handle()), RONDO_OK, "renew");
  }
  rule("LIFE-17");
  other.expect_state(RONDO_STATE_ACTIVE, "2.4 s after its launch with a lease of 2 s");
  (void)other.call<kernels::nonce_reply>(kernels::nonce_request{});
  rule("LIFE-09");
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  require(eventually(
              [&] {
                const auto now = kernel.state();
                return now == RONDO_STATE_TERMINATED || now == RONDO_STATE_FAILED;
              },
              std::chrono::seconds(5)),
          "a kernel with a lease of two seconds lives five seconds after the last renewal");
}

}  // namespace rondo::conformance
