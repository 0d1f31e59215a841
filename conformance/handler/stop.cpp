// on_stop: when it runs. It writes into a buffer, so that the host sees what it did once the kernel
// has ended.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include "../kernels/hooks.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

namespace {

// Two words on the device: what on_stop computed, and how often it ran.
class stop_record {
 public:
  explicit stop_record(bench& it) : it_(it) {
    rondo_device* const device = it.device();
    const host_call_guard guard;
    expect_status(it.api().buffer.create(device, sizeof(words), &handle_, nullptr), RONDO_OK,
                  "create of a buffer of two words");
  }
  ~stop_record() {
    const host_call_guard guard;
    (void)it_.api().buffer.destroy(it_.device(), handle_);
  }
  stop_record(const stop_record&) = delete;

  struct words {
    std::uint64_t proof = 0, stops = 0;
  };
  words read() {
    words out;
    rondo_device* const device = it_.device();
    const host_call_guard guard;
    expect_status(it_.api().buffer.read(device, handle_, 0, &out, sizeof out, nullptr), RONDO_OK,
                  "read of a buffer");
    return out;
  }
  rondo_buffer_handle handle() const { return handle_; }

 private:
  bench& it_;
  rondo_buffer_handle handle_ = 0;
};

void expect_stopped(stop_record& record, std::uint64_t nonce, std::uint64_t requests,
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
    stop_record record(it);
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

RONDO_CASE(handler, stop, runs_also_where_no_request_ever_came, core, "HOOK-03",
           RONDO_CAP_HOOKS " " RONDO_CAP_BUFFER) {
  for (const bool fails : {false, true}) {
    stop_record record(it);
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
