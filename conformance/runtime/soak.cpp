// Traffic for as long as it was asked for with --minutes: kernels come and go, many callers share
// them, and afterwards nothing is left of it.
#include "../support/bench.hpp"
#include "../support/reporter.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"
#include "../support/threads.hpp"

#include "../kernels/handlers.hpp"

#include <rondo/runtime.hpp>

#include <algorithm>

namespace rondo::conformance {

namespace kernels = conformance_kernels;

namespace {

constexpr unsigned callers = 4;

// One kernel's life; returns how many calls it answered.
std::uint64_t live_once(bench& it, runtime& with, std::uint64_t round) {
  const std::string id = "soak-" + std::to_string(round);
  auto kernel = with.launch<kernels::nonce_handler>(it.launch(id));
  kernel.activate();
  const std::uint64_t each = is_sanitized ? 50 : 500;
  together(callers, [&](unsigned thread) {
    for (std::uint64_t i = 0; i < each; ++i) {
      const std::uint64_t nonce = round << 32 | std::uint64_t{thread} << 24 | i;
      const auto answer = kernel.call({nonce, {}}, 4 * it.patience());
      if (!answer)
        fail("a call failed in round " + std::to_string(round) + ": " + answer.failure().text());
      expect_equal(answer->proof, kernels::secret(nonce, kernels::nonce_salt),
                   "the proof in an answer in round " + std::to_string(round));
    }
  });
  require(
      eventually([&] { return kernel.snapshot().messages_in == callers * each; }, it.patience()),
      "messages_in is " + std::to_string(kernel.snapshot().messages_in) + " after " +
          std::to_string(callers * each) + " calls in round " + std::to_string(round));
  kernel.terminate();
  with.remove(id);
  return callers * each;
}

}  // namespace

RONDO_SOAK_CASE(runtime, soak, traffic_goes_on_and_leaves_nothing,
                "QUEUE-02 EXEC-01 TEL-03 LIFE-12", "") {
  const auto time = it.with().soak.count() > 0 ? it.with().soak : std::chrono::seconds(5);
  auto with = it.open_runtime();
  std::uint64_t round = 0, calls = 0;
  for (; round < 5; ++round) (void)live_once(it, with, round);
  const auto before = count_holdings();
  const auto end = now_ns() + static_cast<std::uint64_t>(time.count());
  for (; now_ns() < end; ++round) {
    calls += live_once(it, with, round);
    current_reporter().alive();
  }
  current_reporter().note(std::to_string(calls) + " calls, " + std::to_string(round) + " kernels");
  rule("LIFE-12");
  const auto after = count_holdings(before.threads);
  expect_equal(after.threads, before.threads, "the number of threads after the traffic");
  expect_equal(after.descriptors, before.descriptors, "the open descriptors after the traffic");
  const std::uint64_t allowed = before.heap_bytes + 100'000 + round * 200;
  require(after.heap_bytes <= allowed,
          "the traffic took " + std::to_string(after.heap_bytes - before.heap_bytes) +
              " bytes of memory in " + std::to_string(round) + " rounds");
}

}  // namespace rondo::conformance
