// The states of a kernel and the ways between them.
#include "../support/busy.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

namespace rondo::conformance {

namespace {

enum class act { launch, activate, deactivate, terminate };
constexpr act all_acts[] = {act::launch, act::activate, act::deactivate, act::terminate};

const char* name_of(act what) {
  switch (what) {
    case act::launch: return "launch";
    case act::activate: return "activate";
    case act::deactivate: return "deactivate";
    default: return "terminate";
  }
}

rondo_status perform(test_kernel& kernel, act what) {
  rondo_terminate_report report{};
  switch (what) {
    case act::launch: return kernel.try_launch(30 * ns_per_second);
    case act::activate: return kernel.try_activate(5 * ns_per_second);
    case act::deactivate: return kernel.try_deactivate(5 * ns_per_second);
    default: return kernel.try_terminate(RONDO_TERMINATE_DRAIN, 5 * ns_per_second, report);
  }
}

// The state after, or 0 if the transition is refused: the table of abi.h.
std::uint32_t due(std::uint32_t from, act what, bool relaunch) {
  switch (what) {
    case act::launch:
      return from == RONDO_STATE_CREATED || (from == RONDO_STATE_TERMINATED && relaunch)
                 ? RONDO_STATE_LAUNCHED
                 : 0;
    case act::activate:
      return from == RONDO_STATE_LAUNCHED || from == RONDO_STATE_INACTIVE ||
                     from == RONDO_STATE_ACTIVE
                 ? RONDO_STATE_ACTIVE
                 : 0;
    case act::deactivate:
      if (from == RONDO_STATE_LAUNCHED) return RONDO_STATE_LAUNCHED;
      return from == RONDO_STATE_ACTIVE || from == RONDO_STATE_INACTIVE ? RONDO_STATE_INACTIVE : 0;
    default: return from != RONDO_STATE_CREATED ? RONDO_STATE_TERMINATED : 0;
  }
}

void bring_to(test_kernel& kernel, std::uint32_t state) {
  if (state >= RONDO_STATE_LAUNCHED) kernel.launch();
  if (state == RONDO_STATE_ACTIVE || state == RONDO_STATE_INACTIVE) kernel.activate();
  if (state == RONDO_STATE_INACTIVE) kernel.deactivate();
  if (state == RONDO_STATE_TERMINATED) kernel.terminate();
}

// Every transition from every state, each with a kernel of its own.
void try_all_transitions(bench& it, const kernel_spec& spec, std::string_view state_rule,
                         std::string_view refusal_rule) {
  const bool relaunch = it.has(RONDO_CAP_RELAUNCH);
  for (std::uint32_t from = RONDO_STATE_CREATED; from <= RONDO_STATE_TERMINATED; ++from)
    for (const act what : all_acts) {
      test_kernel kernel(it, spec);
      rule(state_rule);
      bring_to(kernel, from);
      kernel.expect_state(from, "where a test begins");
      const std::uint32_t to = due(from, what, relaunch);
      const std::string label =
          std::string(name_of(what)) + " of a kernel that is " + std::string(state_text(from));
      const rondo_status status = perform(kernel, what);
      if (to != 0) {
        expect_status(status, RONDO_OK, label);
        kernel.expect_state(to, "after " + label);
      } else {
        rule(refusal_rule);
        expect_one_of(
            status,
            what == act::launch && from == RONDO_STATE_TERMINATED
                ? std::initializer_list<rondo_status>{RONDO_INVALID_STATE, RONDO_UNSUPPORTED}
                : std::initializer_list<rondo_status>{RONDO_INVALID_STATE},
            label);
        kernel.expect_state(from, "after a refused " + label);
      }
    }
}

}  // namespace

RONDO_CASE(kernel, change, each_transition_leads_where_the_table_says, core, "LIFE-01 LIFE-02",
           "") {
  try_all_transitions(it, {}, "LIFE-01", "LIFE-02");
}

RONDO_CASE(kernel, change, in_a_pool_each_transition_leads_where_the_table_says, core, "POOL-01",
           RONDO_CAP_POOL) {
  kernel_spec spec;
  spec.threads = RONDO_THREADS_POOL;
  try_all_transitions(it, spec, "POOL-01", "POOL-01");
}

RONDO_CASE(kernel, change, a_refused_transition_disturbs_no_message, core, "LIFE-02", "") {
  test_kernel kernel(it);
  kernel.start();
  kernel.send(kernels::nonce_request{1, {}});
  expect_status(kernel.try_launch(ns_per_second), RONDO_INVALID_STATE,
                "launch of an active kernel");
  kernel.send(kernels::nonce_request{2, {}});
  expect_equal(kernel.receive().as<kernels::nonce_reply>().count, 1u, "the first reply's count");
  expect_equal(kernel.receive().as<kernels::nonce_reply>().count, 2u, "the second reply's count");
}

RONDO_CASE(kernel, change, repeating_a_change_is_no_change, core, "LIFE-01", "") {
  test_kernel kernel(it);
  kernel.start();
  kernel.send(kernels::nonce_request{});
  kernel.activate();
  expect_equal(kernel.receive().as<kernels::nonce_reply>().count, 1u, "the reply's count");
  kernel.deactivate().deactivate();
  kernel.expect_state(RONDO_STATE_INACTIVE, "after two deactivations");
  kernel.terminate();
  const auto again = kernel.terminate(RONDO_TERMINATE_DISCARD);
  expect_equal(again.state, RONDO_STATE_TERMINATED, "the state that a second terminate reports");
  expect_equal(again.discarded, 0u, "what a second terminate discards");
}

RONDO_CASE(kernel, change, messages_wait_while_it_is_not_active, core, "LIFE-03", "") {
  test_kernel kernel(it);
  kernel.launch();
  for (std::uint64_t i = 0; i < 10; ++i) kernel.send(kernels::nonce_request{i, {}});
  kernel.expect_silence(std::chrono::milliseconds(30),
                        "a kernel that was launched and not activated has not to handle anything");
  expect_equal(kernel.counters().messages_in, 0u, "messages_in before the kernel is active");
  expect_equal(kernel.info(kernel.input()).depth, 10u, "the depth of an input that waits");
  kernel.activate();
  std::uint64_t chain = kernels::chain_start;
  for (std::uint64_t i = 0; i < 10; ++i) {
    chain = kernels::secret(chain ^ i, kernels::chain_salt);
    const auto reply = kernel.receive().as<kernels::nonce_reply>();
    expect_equal(reply.count, i + 1, "the count of a message that waited");
    require(reply.chain == chain, "messages that waited were not handled in order");
  }
}

namespace {

// How many a kernel has taken that was deactivated just now: all that do not wait any more, as
// nothing is in hand. From the queue, whose depth is right at once; the counters follow, and only
// when they have can be told that nothing more was counted.
std::uint64_t taken_by(test_kernel& kernel) {
  return kernel.last_id() - kernel.info(kernel.input()).depth;
}
void expect_taken(const test_kernel& kernel, std::uint64_t taken) {
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(
        now.messages_in, taken,
        "messages_in of a kernel that had taken all but what still waited in its input when "
        "deactivate returned OK; it");
  });
}

}  // namespace

RONDO_CASE(kernel, change, nothing_is_taken_after_deactivate, core, "LIFE-06 LIFE-03", "") {
  test_kernel kernel(it);
  kernel.start();
  for (int round = 0; round < 20; ++round) {
    rule("LIFE-06");
    for (int i = 0; i < 8; ++i) kernel.send(kernels::nonce_request{});
    kernel.deactivate();
    const auto taken = taken_by(kernel);
    for (int i = 0; i < 4; ++i) kernel.send(kernels::nonce_request{});
    expect_taken(kernel, taken);
    std::uint64_t replies = 0;
    received reply;
    const auto end = now_ns() + 2'000'000;
    while (now_ns() < end)
      if (kernel.try_receive(reply) == RONDO_OK) ++replies;
    expect_equal(
        kernel.counters().messages_in, taken,
        "messages_in of an inactive kernel, some milliseconds after deactivate returned OK,");
    rule("LIFE-03");
    kernel.activate();
    while (replies < 12) {
      (void)kernel.receive();
      ++replies;
    }
  }
}

RONDO_CASE(kernel, change, deactivate_waits_for_the_handler, core, "LIFE-06", RONDO_CAP_EMITS) {
  test_kernel kernel(it, busy_spec());
  kernel.start();
  busy_handler handler(kernel, 100'000);
  expect_status(handler.pushed(), RONDO_OK, "push");
  kernel.send(kernels::busy_request{it.number(), 100'000, 0});
  kernel.deactivate();
  const auto taken = taken_by(kernel), replies = kernel.info(kernel.output()).depth;
  expect_taken(kernel, taken);
  let_pass(std::chrono::milliseconds(150), "nothing more may be taken");
  expect_equal(kernel.counters().messages_in, taken,
               "messages_in 150 ms after deactivate returned OK: a handler went on; it");
  expect_equal(kernel.info(kernel.output()).depth, replies,
               "the output's depth 150 ms after deactivate returned OK: a handler went on; it");
}

// A handler that is busy for longer than the deadline.
RONDO_CASE(kernel, change, a_change_that_is_late_is_TIMEOUT_and_not_made, core, "LIFE-11",
           RONDO_CAP_EMITS) {
  test_kernel kernel(it, busy_spec());
  kernel.start();
  busy_handler handler(kernel, 1'500'000);
  const auto begin = now_ns();
  const auto status = kernel.try_deactivate(50'000'000);
  const auto took = now_ns() - begin;
  expect_status(handler.pushed(), RONDO_OK, "push");
  expect_status(status, RONDO_TIMEOUT, "deactivate with a deadline of 50 ms and a busy handler");
  require(took < 1'050'000'000,
          "deactivate with a deadline of 50 ms took " + std::to_string(took / 1'000'000) + " ms");
  kernel.expect_state(RONDO_STATE_ACTIVE, "after a deactivate that timed out");
  (void)kernel.call<kernels::slow_reply>(kernels::busy_request{it.number(), 0, 1});
  kernel.expect_state(RONDO_STATE_ACTIVE, "after the late handler had returned");
}

RONDO_CASE(kernel, change, a_relaunched_kernel_goes_on_where_it_was, core, "EXEC-03 LIFE-01",
           RONDO_CAP_RELAUNCH) {
  kernel_spec spec;
  spec.handler = "ConformanceCounter";
  test_kernel kernel(it, spec);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    rule("LIFE-01");
    kernel.start();
    rule("EXEC-03");
    const auto reply = kernel.call<kernels::counter_reply>(kernels::counter_request{3});
    expect_equal(reply.requests, i, "the requests that a relaunched kernel's state remembers");
    expect_equal(reply.total, 3 * i, "the sum that a relaunched kernel's state remembers");
    kernel.terminate();
  }
}

// Ten relaunches while messages come: each is answered once, or was refused or discarded.
RONDO_CASE(kernel, change, relaunches_lose_and_repeat_nothing, concurrent, "QUEUE-02",
           RONDO_CAP_RELAUNCH) {
  test_kernel kernel(it);
  std::uint64_t accepted = 0, answered = 0, discarded = 0;
  for (int round = 0; round < 10; ++round) {
    kernel.start();
    received reply;
    for (int i = 0; i < 30; ++i) {
      if (kernel.try_send(kernels::nonce_request{}) == RONDO_OK) ++accepted;
      if (i % 7 == round % 7) kernel.deactivate().activate();
      while (kernel.try_receive(reply) == RONDO_OK) ++answered;
    }
    rondo_terminate_report report{};
    const auto status = kernel.try_terminate(
        round % 2 ? RONDO_TERMINATE_DISCARD : RONDO_TERMINATE_DRAIN, 5 * ns_per_second, report);
    expect_status(status, RONDO_OK, "terminate");
    discarded += report.discarded;
    while (kernel.try_receive(reply) == RONDO_OK) ++answered;
  }
  expect_equal(answered + discarded, accepted,
               "answered and discarded together, of what was accepted over ten relaunches,");
}

}  // namespace rondo::conformance
