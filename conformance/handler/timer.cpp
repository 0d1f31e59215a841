// on_timer: that it comes when it was asked for, at no other time, and whatever else goes on. How
// long it took, and whether that was too early, is the handler's own measurement.
#include "../support/kernel.hpp"
#include "../support/log_watch.hpp"
#include "../support/suite.hpp"

#include "../kernels/hooks.hpp"

namespace rondo::conformance {

namespace {

using kernels::timer_reply;
using kernels::timer_request;

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t an_hour = 3'600'000 * ns_per_ms;

kernel_spec timer_spec(std::string_view handler = "ConformanceTimer") {
  kernel_spec spec;
  spec.handler = handler;
  return spec;
}

timer_request after(std::int64_t first, std::int64_t second = -1) {
  timer_request request;
  request.after_ns[0] = first;
  request.after_ns[1] = second;
  return request;
}

// Sends, and holds the reply against the handler's proof of what it tells.
timer_reply ask(test_kernel& kernel, timer_request request = {},
                const place& at = place::current()) {
  request.nonce = kernel.owner().number();
  const auto reply = kernel.call<timer_reply>(request, at);
  require(reply.proof == kernels::secret(request.nonce + reply.ticks, kernels::timer_salt),
          "the reply is not what the handler computes from its request and its timer's count", at);
  expect_equal(reply.early, 0u, "how often on_timer came before its time; it", at);
  return reply;
}

// Messages that come seldom, so that a timer that comes only with messages falls behind.
timer_reply ask_until(test_kernel& kernel, std::uint64_t ticks,
                      const place& at = place::current()) {
  const auto end = now_ns() + kernel.owner().patience_ns();
  auto pause = std::chrono::milliseconds(4);
  timer_reply reply;
  do {
    let_pass(pause, "a look for timers costs a round trip");
    pause *= 2;
    reply = ask(kernel, {}, at);
  } while (reply.ticks < ticks && now_ns() < end);
  expect_equal(reply.ticks, ticks, "how often on_timer came; it", at);
  return reply;
}

void expect_no_more(test_kernel& kernel, std::uint64_t ticks, const std::string& why,
                    const place& at = place::current()) {
  let_pass(std::chrono::milliseconds(15), "no timer may come");
  expect_equal(ask(kernel, {}, at).ticks, ticks, "how often on_timer came, " + why + "; it", at);
}

// Asks for a timer and does `then` before it can have come, in a further kernel with twice the time
// if that took too long. What has all the case's patience and is late has failed, like all else.
template <class Then>
void before_it_comes(bench& it, std::int64_t delay, Then&& then) {
  const auto most = std::max<std::int64_t>(it.patience().count(), delay);
  for (;; delay = std::min(2 * delay, most)) {
    test_kernel kernel(it, timer_spec());
    kernel.start();
    const auto begin = now_ns();
    (void)ask(kernel, after(delay));
    if (then(kernel, begin + static_cast<std::uint64_t>(delay))) return;
    if (delay >= most)
      fail("one request and one change of the kernel took longer than " +
           std::to_string(delay / ns_per_ms) +
           " ms, so that a timer of that long came before what the case is about");
  }
}

void let_pass_until(std::uint64_t end) {
  const auto now = now_ns();
  if (end > now) let_pass(nanoseconds(end - now), "the timer becomes due, and may not come");
}

}  // namespace

RONDO_CASE(handler, timer, comes_once_and_not_before_its_time, core, "TIME-01 TEL-01",
           RONDO_CAP_TIMER) {
  test_kernel kernel(it, timer_spec());
  kernel.start();
  expect_equal(ask(kernel).ticks, 0u, "how often on_timer came, where nothing was asked for; it");
  for (std::uint64_t round = 1; round <= 3; ++round) {
    (void)ask(kernel, after(static_cast<std::int64_t>(round) * 5 * ns_per_ms));
    const auto reply = ask_until(kernel, round);
    require(reply.after_ns + kernels::clocks_differ_ns >= round * 5 * ns_per_ms,
            "on_timer came " + std::to_string(reply.after_ns) + " ns after it was asked for in " +
                std::to_string(round * 5) + " ms");
  }
  expect_no_more(kernel, 3, "asked for three times");
  const auto sent = kernel.last_id();
  rule("TEL-01");
  expect_equal(kernel.counters_at(sent).messages_in, sent,
               "messages_in, in which a timer has no part,");
}

RONDO_CASE(handler, timer, comes_as_often_as_it_asks_for_itself, core, "TIME-01", RONDO_CAP_TIMER) {
  test_kernel kernel(it, timer_spec());
  kernel.start();
  auto request = after(ns_per_ms / 5);
  request.times = 60;  // more than there are messages meanwhile
  (void)ask(kernel, request);
  (void)ask_until(kernel, 60);
  expect_no_more(kernel, 60, "asked for sixty times");
}

RONDO_CASE(handler, timer, takes_the_place_of_an_earlier_one, core, "TIME-01", RONDO_CAP_TIMER) {
  test_kernel kernel(it, timer_spec());
  kernel.start();
  (void)ask(kernel, after(ns_per_ms, an_hour));
  expect_no_more(kernel, 0, "put off by an hour in the same request");
  (void)ask(kernel, after(ns_per_ms));
  (void)ask_until(kernel, 1);
  (void)ask(kernel, after(an_hour));
  expect_no_more(kernel, 1, "put off by an hour");
}

RONDO_CASE(handler, timer, comes_while_requests_keep_coming, core, "TIME-01", RONDO_CAP_TIMER) {
  test_kernel kernel(it, timer_spec());
  kernel.start();
  auto request = after(ns_per_ms);
  request.times = 6;
  (void)ask(kernel, request);
  constexpr std::uint64_t in_flight = 16;
  for (std::uint64_t i = 0; i < in_flight; ++i) kernel.send(timer_request{});
  const auto end = now_ns() + it.patience_ns();
  timer_reply reply;
  while (reply.ticks < 6 && now_ns() < end) {
    reply = kernel.receive().as<timer_reply>();
    require(reply.proof == kernels::secret(reply.ticks, kernels::timer_salt),
            "a reply among timers is not what the handler computes");
    kernel.send(timer_request{});
  }
  expect_equal(reply.ticks, 6u, "how often on_timer came among requests that kept coming; it");
  for (std::uint64_t i = 0; i < in_flight; ++i) reply = kernel.receive().as<timer_reply>();
  expect_equal(reply.early, 0u, "how often on_timer came before its time; it");
}

RONDO_CASE(handler, timer, of_an_inactive_kernel_waits, core, "TIME-02", RONDO_CAP_TIMER) {
  before_it_comes(it, 10 * ns_per_ms, [](test_kernel& kernel, std::uint64_t due) {
    const auto asked = now_ns();
    kernel.deactivate();
    if (now_ns() >= due) return false;
    let_pass_until(due + 20 * ns_per_ms);
    const auto waited = now_ns() - asked;
    kernel.activate();
    const auto reply = ask_until(kernel, 1);
    require(reply.after_ns + ns_per_ms >= waited,
            "on_timer came " + std::to_string(reply.after_ns) +
                " ns after it was asked for, when the kernel was inactive: that lasted until " +
                std::to_string(waited) + " ns");
    return true;
  });
}

RONDO_CASE(handler, timer, asked_for_by_on_start_waits_for_activate, core, "TIME-02",
           RONDO_CAP_TIMER " " RONDO_CAP_HOOKS) {
  test_kernel kernel(it, timer_spec("ConformancePulse"));
  kernel.launch();
  const auto launched = now_ns();
  let_pass(std::chrono::milliseconds(15), "no timer may come before the kernel is active");
  const auto waited = now_ns() - launched;
  kernel.activate();
  const auto reply = ask_until(kernel, 1);
  require(reply.after_ns + ns_per_ms >= waited,
          "on_timer came " + std::to_string(reply.after_ns) +
              " ns after on_start had asked for it, when the kernel was not yet active");
}

RONDO_CASE(handler, timer, is_forgotten_by_terminate, core, "TIME-03",
           RONDO_CAP_TIMER " " RONDO_CAP_RELAUNCH) {
  before_it_comes(it, 10 * ns_per_ms, [](test_kernel& kernel, std::uint64_t due) {
    kernel.terminate();
    if (now_ns() >= due) return false;
    let_pass_until(due + 5 * ns_per_ms);
    kernel.start();
    expect_no_more(kernel, 0, "forgotten when the kernel was terminated");
    (void)ask(kernel, after(ns_per_ms));
    (void)ask_until(kernel, 1);
    return true;
  });
}

RONDO_CASE(handler, timer, that_fails_is_logged_and_ends_nothing, core, "TIME-04",
           RONDO_CAP_TIMER) {
  const log_watch log;
  test_kernel kernel(it, timer_spec());
  kernel.start();
  auto request = after(ns_per_ms);
  request.times = 10;
  request.fails = 1;
  (void)ask(kernel, request);
  (void)ask_until(kernel, 10);
  kernel.expect_silence(std::chrono::milliseconds(3), "a timer has no reply, and its failure none");
  kernel.expect_state(RONDO_STATE_ACTIVE, "after on_timer failed ten times");
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.messages_failed, 0u, "messages_failed, in which a timer has no part,");
    expect_equal(now.messages_out, kernel.last_id(), "messages_out, in which a timer has no part,");
  });
  log.expect("a timer that fails", "on_timer", it.patience());
}

}  // namespace rondo::conformance
