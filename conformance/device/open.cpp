// Opening devices, right and wrong.
#include "../support/kernel.hpp"
#include "../support/reporter.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"
#include "../support/threads.hpp"

#include <rondo/host_services.hpp>

#include <algorithm>
#include <limits>
#include <memory>

namespace rondo::conformance {

RONDO_CASE(device, open, an_index_beyond_the_last_is_no_device, core, "DEV-03 ABI-05", "") {
  const std::uint32_t count = it.api().backend.device_count(it.backend());
  auto* const untouched = reinterpret_cast<rondo_device*>(&it);
  for (const std::uint32_t index : {count, ~std::uint32_t{0}}) {
    rule("DEV-03");
    rondo_device* out = untouched;
    const auto status =
        it.api().backend.open_device(it.backend(), index, nullptr, 0, &out, nullptr);
    expect_status(
        status, RONDO_NO_SUCH_DEVICE,
        "open_device(" + std::to_string(index) + ") of " + std::to_string(count) + " devices");
    rule("ABI-05");
    require(out == untouched, "open_device failed and has changed its out parameter");
  }
}

RONDO_CASE(device, open, an_option_that_it_does_not_know_is_refused, core, "OPT-01 ABI-05", "") {
  const rondo_option option = {c_text("no.such.option"), c_text("1")};
  auto* const untouched = reinterpret_cast<rondo_device*>(&it);
  rondo_device* out = untouched;
  const auto status =
      it.api().backend.open_device(it.backend(), it.with().device, &option, 1, &out, nullptr);
  expect_status(status, RONDO_INVALID_ARGUMENT, "open_device with an unknown option");
  rule("ABI-05");
  require(out == untouched, "open_device failed and has changed its out parameter");
}

RONDO_CASE(device, open, opening_and_closing_leaves_nothing, core, "DEV-05", "") {
  const auto once = [&] {
    (void)it.device();
    it.close_device();
    it.close_backend();
  };
  once();
  const auto before = count_holdings();
  // What is kept for the next opening is kept once; what is lost is lost each time.
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t heap = count_holdings().heap_bytes;
    once();
    least = std::min(least, static_cast<std::int64_t>(count_holdings().heap_bytes - heap));
  }
  const auto after = count_holdings(before.threads);
  expect_equal(after.threads, before.threads, "the number of threads after five more openings");
  expect_equal(after.descriptors, before.descriptors,
               "the number of open descriptors after five more openings");
  expect_equal(after.host_bytes, before.host_bytes, "the bytes held of the host's allocator");
  require(least < 4096,
          "each of five openings left " + std::to_string(least) + " bytes of memory or more");
}

namespace {

void expect_proof(test_kernel& kernel, std::uint64_t nonce) {
  expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{nonce, {}}).proof,
               kernels::secret(nonce, kernels::nonce_salt),
               "the proof of a kernel that several threads use in turn");
}

}  // namespace

RONDO_CASE(device, open, what_one_thread_made_others_use, core, "ABI-16", "") {
  (void)it.device();
  (void)it.handler("ConformanceNonce");
  std::unique_ptr<test_kernel> kernel;
  const std::function<void()> steps[] = {
      [&] { kernel = std::make_unique<test_kernel>(it); },
      [&] { kernel->launch(); },
      [&] { kernel->activate(); },
      [&] { expect_proof(*kernel, 1); },
      [&] { (void)kernel->deactivate().counters(); },
      [&] { kernel->activate().expect_state(RONDO_STATE_ACTIVE, "after activate"); },
      [&] { expect_proof(*kernel, 2); },
      [&] { (void)kernel->terminate(); },
      [&] { kernel.reset(); }};
  for (const auto& step : steps) together(1, [&](unsigned) { step(); });
}

RONDO_CASE(device, open, several_threads_use_it_at_once, concurrent, "ABI-16", "") {
  (void)it.device();
  (void)it.handler("ConformanceNonce");
  together(3, [&](unsigned thread) {
    kernel_spec spec;
    spec.id = "thread-" + std::to_string(thread);
    for (std::uint64_t round = 0; round < 3; ++round) {
      test_kernel kernel(it, spec);
      kernel.start();
      expect_proof(kernel, 10 * round + thread);
      (void)kernel.terminate();
    }
  });
}

// Where an opening takes half a second that is ten minutes: the watchdog is told that it goes on.
RONDO_CASE(device, open, a_thousand_openings_leave_nothing, robust, "DEV-05", "") {
  constexpr int due = 1000;
  constexpr std::uint64_t minutes = 20;
  const auto once = [&] {
    (void)it.device();
    it.close_device();
    it.close_backend();
    current_reporter().alive();
  };
  for (int i = 0; i < 20; ++i) once();
  const auto before = count_holdings();
  const auto end = now_ns() + minutes * 60 * ns_per_second;
  int times = 0;
  while (times < due && now_ns() < end) once(), ++times;
  const std::string after_so_many = " after " + std::to_string(times) + " openings";
  const auto after = count_holdings(before.threads);
  expect_equal(after.threads, before.threads, "the number of threads" + after_so_many);
  expect_equal(after.descriptors, before.descriptors,
               "the number of open descriptors" + after_so_many);
  require(after.heap_bytes < before.heap_bytes + 100'000,
          "memory grew by " + std::to_string(after.heap_bytes - before.heap_bytes) + " bytes" +
              after_so_many);
  require(times == due, "in " + std::to_string(minutes) + " minutes the device was opened " +
                            std::to_string(times) + " times of " + std::to_string(due) +
                            ": too slow to show that nothing is left");
}

}  // namespace rondo::conformance
