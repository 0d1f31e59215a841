// on_stop: when it runs. It writes into a buffer, so that the host sees what it did once the kernel
// has ended.
#include "../support/hooks_record.hpp"
#include "../support/kernel.hpp"
#include "../support/log_watch.hpp"
#include "../support/suite.hpp"

#include "../kernels/hooks.hpp"

namespace rondo::conformance {

namespace {

void expect_stopped(hooks_record& record, std::uint64_t nonce, std::uint64_t requests,
                    const std::string& when, const place& at = place::current()) {
  const auto now = record.read();
  expect_equal(now.stops, 1u, "how often on_stop has run " + when + "; it", at);
  require(
      now.proof == kernels::secret(nonce + requests, kernels::stop_salt),
      "on_stop did not run after the last of " + std::to_string(requests) + " requests, " + when,
      at);
}

}  // namespace

RONDO_CASE(handler, stop, runs_once_at_the_end_and_not_before, core, "HOOK-03",
           RONDO_CAP_HOOKS " " RONDO_CAP_BUFFER) {
  for (const std::uint32_t mode : {RONDO_TERMINATE_DRAIN, RONDO_TERMINATE_DISCARD}) {
    const std::string how = mode == RONDO_TERMINATE_DRAIN ? "when it drains" : "when it discards";
    hooks_record record(it);
    kernels::hooks_setup setup;
    setup.nonce = it.number();
    setup.record.handle = record.handle();
    kernel_spec spec;
    spec.handler = "ConformanceHooks";
    spec.start = encoded(setup);
    test_kernel kernel(it, spec);
    kernel.start();
    for (int i = 0; i < 3; ++i) (void)kernel.call<kernels::hooks_reply>(kernels::hooks_request{});
    kernel.deactivate();
    expect_equal(record.read().stops, 0u, "how often on_stop has run of an inactive kernel; it");
    kernel.activate().deactivate();
    for (int i = 0; i < 4; ++i) kernel.send(kernels::hooks_request{});
    expect_equal(record.read().stops, 0u, "how often on_stop has run before terminate; it");
    const auto report = kernel.terminate(mode);
    expect_stopped(record, setup.nonce, 3 + report.handled, how);
    kernel.terminate(mode);
    expect_equal(record.read().stops, 1u, "how often on_stop has run after a second terminate; it");
    kernel.destroy();
    expect_equal(record.read().stops, 1u, "how often on_stop has run after destroy; it");
  }
}

namespace {

constexpr std::uint64_t hang_us = 3'000'000;

// Behind the handler's return, when it might come.
void expect_no_stop(hooks_record& record, std::uint64_t began_ns, std::string_view of,
                    const place& at = place::current()) {
  const auto returned = began_ns + hang_us * 1000;
  if (const auto now = now_ns(); now < returned)
    let_pass(std::chrono::nanoseconds(returned - now), "the hung handler has come back");
  (void)eventually([&] { return record.read().stops != 0; }, std::chrono::milliseconds(400));
  expect_equal(record.read().stops, 0u,
               "how often on_stop has run of a kernel that " + std::string(of) + "; it", at);
}

}  // namespace

// Its handler comes back in the end, and is told nothing more.
RONDO_CASE(handler, stop, is_left_out_of_a_kernel_that_failed, core, "HOOK-07",
           RONDO_CAP_HOOKS " " RONDO_CAP_BUFFER " " RONDO_CAP_HANG_DETECTION) {
  hooks_record record(it);
  kernels::hooks_setup setup;
  setup.record.handle = record.handle();
  kernel_spec spec;
  spec.handler = "ConformanceHooks";
  spec.start = encoded(setup);
  rondo_terminate_report report{};
  {
    test_kernel kernel(it, spec);
    kernel.start();
    (void)kernel.call<kernels::hooks_reply>(kernels::hooks_request{});
    const auto began = now_ns();
    kernel.send(kernels::hooks_request{it.number(), hang_us});
    expect_status(kernel.try_terminate(RONDO_TERMINATE_DRAIN, ns_per_second / 10, report),
                  RONDO_HANDLER_HUNG, "terminate of a kernel whose handler hangs");
    expect_no_stop(record, began, "hung when it was terminated");
  }
  spec.handler_deadline_ns = ns_per_second / 10;
  test_kernel kernel(it, spec);
  kernel.start();
  const auto began = now_ns();
  kernel.send(kernels::hooks_request{it.number(), hang_us});
  (void)eventually([&] { return kernel.state() == RONDO_STATE_FAILED; }, it.patience());
  kernel.expect_state(RONDO_STATE_FAILED, "after a handler ran past its deadline");
  expect_no_stop(record, began, "is FAILED by its handler");
  (void)kernel.try_terminate(RONDO_TERMINATE_DISCARD, ns_per_second / 10, report);
  expect_no_stop(record, began, "was FAILED when it was terminated");
}

// It is logged, and the kernel has ended all the same.
RONDO_CASE(handler, stop, that_fails_is_logged, core, "HOOK-08",
           RONDO_CAP_HOOKS " " RONDO_CAP_BUFFER) {
  const log_watch log;
  hooks_record record(it);
  kernels::hooks_setup setup;
  setup.nonce = it.number();
  setup.record.handle = record.handle();
  setup.how = kernels::refusal::fail_at_stop;
  setup.text_length = 26;
  kernel_spec spec;
  spec.handler = "ConformanceHooks";
  spec.start = encoded(setup);
  test_kernel kernel(it, spec);
  kernel.launch();
  kernel.terminate();
  kernel.expect_state(RONDO_STATE_TERMINATED, "after terminate, where on_stop fails");
  expect_stopped(record, setup.nonce, 0, "and failed");
  std::string words;
  for (std::uint32_t i = 0; i < setup.text_length; ++i) words += kernels::letter(i);
  log.expect(words, "on_stop", it.patience());
}

RONDO_CASE(handler, stop, runs_also_where_no_request_ever_came, core, "HOOK-03",
           RONDO_CAP_HOOKS " " RONDO_CAP_BUFFER) {
  for (const bool fails : {false, true}) {
    hooks_record record(it);
    kernels::hooks_setup setup;
    setup.nonce = it.number();
    setup.record.handle = record.handle();
    if (fails) setup.how = kernels::refusal::fail;
    kernel_spec spec;
    spec.handler = "ConformanceHooks";
    spec.start = encoded(setup);
    test_kernel kernel(it, spec);
    if (fails) {
      expect_status(kernel.try_launch(30 * ns_per_second), RONDO_HANDLER_FAILED,
                    "launch of a kernel whose on_start failed");
      kernel.destroy();
      expect_equal(record.read().stops, 0u, "how often on_stop has run without a start; it");
      continue;
    }
    kernel.launch();
    kernel.terminate();
    expect_stopped(record, setup.nonce, 0, "of a kernel that was never active");
  }
}

}  // namespace rondo::conformance
