// The end of a kernel: draining and discarding, what is said about messages that were not handled,
// and its return with state and options.
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>

namespace {

using namespace core_test;
using rondo::kernel_state;
using rondo::terminate_mode;
using testing::HasSubstr;

rondo::status call_code(rondo::kernel<oracle>& kernel) { return kernel.call({}, patience).code(); }

class terminate : public on_each_kind<> {};
class relaunch : public on_each_kind<> {};
INSTANTIATE_TEST_SUITE_P(threads, terminate, testing::Combine(each_kind), name_of_kind);
INSTANTIATE_TEST_SUITE_P(threads, relaunch, testing::Combine(each_kind), name_of_kind);

TEST_P(terminate, draining_handles_everything_that_waits) {
  auto runtime = open_runtime();
  auto kernel = launch<oracle>(runtime);
  for (std::uint64_t i = 1; i <= 100; ++i) kernel.send({.nonce = i}, patience).value();
  const auto report = kernel.terminate({.mode = terminate_mode::drain, .deadline = patience});
  EXPECT_EQ(report.handled, 100u);
  EXPECT_EQ(report.discarded, 0u);
  EXPECT_EQ(kernel.snapshot().messages_in, 100u);
  for (std::uint64_t i = 1; i <= 100; ++i)
    EXPECT_TRUE(answers(kernel.receive(patience).value().outcome.value(), i));
  EXPECT_EQ(kernel.receive(patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(kernel.try_receive().code(), RONDO_TERMINATED);
}

TEST_P(terminate, discarding_counts_what_was_not_handled) {
  auto runtime = open_runtime();
  auto kernel = launch<oracle>(runtime);
  for (std::uint64_t i = 0; i < 100; ++i) kernel.send({}, patience).value();
  const auto report = kernel.terminate({.mode = terminate_mode::discard});
  EXPECT_EQ(report.handled, 0u);
  EXPECT_EQ(report.discarded, 100u);
  const auto counted = kernel.snapshot();
  EXPECT_EQ(counted.sent, 100u);
  EXPECT_EQ(counted.messages_in, 0u);
  EXPECT_EQ(counted.messages_dropped, 100u);
  EXPECT_EQ(counted.input_depth, 0u);
}

TEST_P(terminate, is_a_no_op_the_second_time) {
  running<oracle> it;
  it.kernel.send({}, patience).value();
  it.kernel.terminate();
  const auto again = it.kernel.terminate({.mode = terminate_mode::discard});
  EXPECT_EQ(again.handled, 0u);
  EXPECT_EQ(again.discarded, 0u);
}

TEST_P(terminate, refuses_a_mode_that_does_not_exist_and_goes_on) {
  running<oracle> it;
  const auto info = refusal_of([&] { it.kernel.terminate({.mode = terminate_mode{7}}); });
  EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(it.kernel.state(), kernel_state::active);
  EXPECT_EQ(call_code(it.kernel), RONDO_OK);
}

enum class reach { mapped, calls, pump };
class terminate_under_senders : public on_each_kind<terminate_mode, rondo::publish_policy, reach> {
};

TEST_P(terminate_under_senders, accounts_for_every_accepted_message) {  // QUEUE-02
  const auto [kind, mode, publish, by] = GetParam();
  (void)kind;
  for (int round = 0; round < 5; ++round) {
    running<oracle> it(
        {.input_capacity = 64,
         .publish = publish,
         .avoid_mapped = by != reach::mapped,
         .pump = by == reach::pump ? rondo::pump_policy::always : rondo::pump_policy::never});
    std::atomic<std::uint64_t> accepted{0}, received{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (;;) {
          const auto id = it.kernel.send({.nonce = 1}, patience);
          if (id) {
            ++accepted;
            continue;
          }
          EXPECT_EQ(id.code(), RONDO_TERMINATED);
          return;
        }
      });
    threads.emplace_back([&] {
      for (;;) {
        const auto reply = it.kernel.receive(patience);
        if (!reply) {
          EXPECT_EQ(reply.code(), RONDO_TERMINATED);
          return;
        }
        EXPECT_TRUE(reply->outcome && answers(*reply->outcome, 1));
        ++received;
      }
    });
    ASSERT_TRUE(eventually([&] { return received > 200; }));
    const auto report = it.kernel.terminate({.mode = mode, .deadline = patience});
    threads.clear();
    const auto counted = it.kernel.snapshot();
    EXPECT_EQ(accepted, counted.messages_in + report.discarded);
    EXPECT_EQ(received, counted.messages_in);
    EXPECT_EQ(counted.sent, accepted);
    if (mode == terminate_mode::drain) {
      EXPECT_EQ(report.discarded, 0u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    all, terminate_under_senders,
    testing::Combine(each_kind, testing::Values(terminate_mode::drain, terminate_mode::discard),
                     testing::Values(rondo::publish_policy::word, rondo::publish_policy::counted,
                                     rondo::publish_policy::chunked),
                     testing::Values(reach::mapped, reach::calls, reach::pump)));

TEST_P(terminate, stops_a_kernel_that_waits_for_room_in_its_output) {
  running<oracle> it({.input_capacity = 8, .output_capacity = 2});
  for (int i = 0; i < 8; ++i) it.kernel.send({}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 2; }));
  const auto report = it.kernel.terminate({.mode = terminate_mode::discard, .deadline = patience});
  EXPECT_EQ(report.discarded, 6u);
  EXPECT_EQ(it.kernel.state(), kernel_state::terminated);
}

TEST_P(terminate, of_an_emitting_kernel_ends_its_wait_for_room) {
  running<emitting> it({.output_capacity = 2});
  it.kernel.send({.count = 1000}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().output_depth == 2; }));
  it.kernel.terminate({.mode = terminate_mode::discard, .deadline = patience});
  EXPECT_EQ(it.kernel.state(), kernel_state::terminated);
  EXPECT_EQ(it.kernel.snapshot().messages_out, 2u);
}

TEST_P(terminate, that_cannot_drain_in_time_says_how_much_was_lost) {  // LIFE-04
  EXPECT_TRUE(takes_less_than(20ms + 1s, [] {
    running<oracle> it({.input_capacity = 16, .output_capacity = 2});
    for (int i = 0; i < 10; ++i) it.kernel.send({}, patience).value();
    EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 2; }));
    const auto begin = std::chrono::steady_clock::now();
    const auto info = refusal_of([&] { it.kernel.terminate({.deadline = 20ms}); });
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(info.code, RONDO_TIMEOUT);
    EXPECT_EQ(info.object, "Oracle");
    EXPECT_THAT(info.message, HasSubstr("8 requests were discarded"));
    EXPECT_FALSE(info.remedy.empty());
    EXPECT_EQ(it.kernel.state(), kernel_state::terminated);
    EXPECT_EQ(it.kernel.snapshot().messages_dropped, 8u);
    return took;
  }));
}

TEST_P(terminate, tells_callers_and_receivers_at_once) {
  auto runtime = open_runtime();
  auto kernel = launch<oracle>(runtime);
  auto receiver_kernel = launch<oracle>(runtime, {.id = "received"});
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] { EXPECT_EQ(call_code(kernel), RONDO_TERMINATED); });
  for (int t = 0; t < 4; ++t)
    threads.emplace_back(
        [&] { EXPECT_EQ(receiver_kernel.receive(patience).code(), RONDO_TERMINATED); });
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().sent == 8; }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(kernel.terminate({.mode = terminate_mode::discard}).discarded, 8u);
  receiver_kernel.terminate();
  threads.clear();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
}

TEST_P(terminate, ends_the_wait_of_a_sender_for_room) {
  auto runtime = open_runtime();
  auto kernel = launch<oracle>(runtime, {.input_capacity = 2});
  kernel.send({}, patience).value();
  kernel.send({}, patience).value();
  std::optional<rondo::status> code;
  std::jthread sender([&] { code = kernel.send({}, patience).code(); });
  kernel.terminate({.mode = terminate_mode::discard});
  sender.join();
  EXPECT_EQ(code, RONDO_TERMINATED);
}

TEST_P(terminate, tells_a_caller_whose_reply_is_stuck_behind_replies_that_nobody_takes) {
  running<oracle> it({.input_capacity = 16, .output_capacity = 2});
  for (int i = 0; i < 8; ++i) it.kernel.send({}, patience).value();
  std::jthread caller([&] { EXPECT_EQ(call_code(it.kernel), RONDO_TERMINATED); });
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 4; }));
  const auto begin = std::chrono::steady_clock::now();
  it.kernel.terminate({.mode = terminate_mode::discard});
  caller.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
}

TEST_P(terminate, tells_callers_also_if_the_kernel_is_relaunched_at_once) {
  running<oracle> it({.wait = rondo::wait_policy::park});
  for (int round = 0; round < 20; ++round) {
    it.kernel.deactivate();
    const auto sent = it.kernel.snapshot().sent;
    std::vector<std::jthread> callers;
    for (int t = 0; t < 8; ++t)
      callers.emplace_back([&] {
        EXPECT_EQ(it.kernel.call({}, patience).code(), RONDO_TERMINATED) << "in round " << round;
      });
    ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().sent == sent + 8; }));
    it.kernel.terminate({.mode = terminate_mode::discard});
    it.kernel.relaunch();
    it.kernel.activate();
    callers.clear();
    if (HasFailure()) break;
  }
}

TEST_P(relaunch, keeps_state_options_and_names_and_works_again) {
  running<oracle> it({.id = "phoenix", .input_capacity = 8, .output_capacity = 4});
  const auto names = it.kernel.queues();
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_EQ(it.kernel.call({.nonce = i}, patience)->count, i);
  for (int life = 0; life < 10; ++life) {
    it.kernel.terminate();
    EXPECT_EQ(call_code(it.kernel), RONDO_TERMINATED);
    it.kernel.relaunch();
    EXPECT_EQ(it.kernel.state(), kernel_state::launched);
    EXPECT_EQ(it.kernel.queues().input, names.input);
    EXPECT_EQ(it.runtime.find_queue(names.input).capacity, 8u);
    EXPECT_EQ(it.runtime.find_queue(names.output).capacity, 4u);
    it.kernel.activate();
    const auto reply = it.kernel.call({.nonce = 77}, patience);
    EXPECT_EQ(reply->count, static_cast<std::uint64_t>(6 + life));
    EXPECT_TRUE(answers(*reply, 77));
  }
}

TEST_P(relaunch, does_not_handle_what_was_discarded) {
  running<oracle> it({.input_capacity = 4});
  EXPECT_EQ(it.kernel.call({}, patience)->count, 1u);
  it.kernel.deactivate();
  for (int i = 0; i < 4; ++i) it.kernel.send({}, patience).value();
  EXPECT_EQ(it.kernel.terminate({.mode = terminate_mode::discard}).discarded, 4u);
  it.kernel.relaunch();
  for (std::uint64_t i = 1; i <= 4; ++i)  // there is room before it is active
    EXPECT_TRUE(it.kernel.try_send({.nonce = i})) << i;
  it.kernel.activate();
  for (std::uint64_t i = 1; i <= 4; ++i) {
    const auto reply = it.kernel.receive(patience).value().outcome.value();
    EXPECT_EQ(reply.count, i + 1);
    EXPECT_TRUE(answers(reply, i));
  }
}

TEST_P(relaunch, leaves_replies_from_before_to_receivers) {
  running<oracle> it;
  it.kernel.send({.nonce = 1}, patience).value();
  it.kernel.terminate();
  it.kernel.relaunch();
  EXPECT_TRUE(answers(it.kernel.receive(patience).value().outcome.value(), 1));
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

}  // namespace
