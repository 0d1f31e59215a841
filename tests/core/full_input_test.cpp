// What becomes of a message that finds the input full: it waits, is refused, is dropped, or drops
// another. Each over every way in which requests travel, with the counts that go with it.
#include "stream_kernels.hpp"
#include "ways.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace {

using namespace core_test;
using rondo::when_full;
using testing::HasSubstr;

class full_input : public testing::TestWithParam<way> {
 protected:
  rondo::launch_options options(when_full policy, std::uint64_t input = 4) const {
    auto all = GetParam().options(input);
    all.input_full = policy;
    return all;
  }
  // What cannot be had through a pump is refused, see pump_test.cpp.
  void SetUp() override {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    if (GetParam().is_pumped && name.find("drops_the_oldest") != std::string::npos)
      GTEST_SKIP() << "a pump does not drop the oldest";
  }
  rondo::runtime runtime_ = open_runtime();
};

// All of them, in order, whatever the queues' size; none is counted as lost.
void expect_nothing_lost(const rondo::launch_options& options, std::uint64_t total) {
  running<oracle> it(options);
  std::atomic<std::uint64_t> accepted{0};
  std::jthread sender([&] {
    for (std::uint64_t i = 1; i <= total; ++i) {
      rondo::status code;
      while ((code = it.kernel.send({.nonce = i}, patience).code()) == RONDO_FULL)
        std::this_thread::yield();
      ASSERT_EQ(code, RONDO_OK);
      ++accepted;
    }
  });
  for (std::uint64_t i = 1; i <= total; ++i) {
    const auto reply = it.kernel.receive(patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    ASSERT_TRUE(answers(*reply->outcome, i)) << i;
    ASSERT_EQ(reply->outcome->count, i);
  }
  sender.join();
  EXPECT_EQ(accepted, total);
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == total; }));
  const auto counted = it.kernel.snapshot();
  EXPECT_EQ(counted.sent, total);
  EXPECT_EQ(counted.messages_out, total);
  EXPECT_EQ(counted.messages_dropped + counted.dropped_oldest + counted.dropped_newest +
                counted.replies_dropped + counted.expired,
            0u);
}

TEST_P(full_input, that_blocks_loses_nothing_to_a_slow_receiver) {
  auto some = options(when_full::block);
  some.output_capacity = 4;
  expect_nothing_lost(some, 1000);
}

TEST_P(full_input, that_rejects_loses_nothing_of_what_it_accepted) {
  auto some = options(when_full::reject);
  some.output_capacity = 4;
  expect_nothing_lost(some, 1000);
}

TEST_P(full_input, that_rejects_says_so_at_once_whatever_the_deadline) {
  auto kernel = runtime_.launch<oracle>(options(when_full::reject));
  for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  const auto begin = std::chrono::steady_clock::now();
  const auto refused = kernel.send({}, patience);
  EXPECT_EQ(refused.code(), RONDO_FULL);
  EXPECT_THAT(refused.failure().message, HasSubstr("ringkernel_Question_Oracle_input"));
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_FULL);
  EXPECT_EQ(kernel.call_async({}, patience).get().code(), RONDO_FULL);
  EXPECT_EQ(kernel.reserve(patience).code(), RONDO_FULL);
  EXPECT_EQ(kernel.send_batch(std::vector<question>(3), patience).code(), RONDO_FULL);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience / 2);
  kernel.activate();
  for (std::uint64_t i = 1; i <= 4; ++i)
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i));
  EXPECT_EQ(kernel.snapshot().sent, 4u);
  EXPECT_EQ(kernel.snapshot().dropped_newest, 0u) << "what was refused was not dropped";
}

TEST_P(full_input, that_drops_the_newest_tells_its_sender_and_counts_it) {
  auto kernel = runtime_.launch<oracle>(options(when_full::drop_newest));
  const auto sent = kernel.send_batch(std::vector<question>(6, question{.nonce = 7}), patience);
  ASSERT_TRUE(sent) << sent.failure().text();
  EXPECT_EQ(sent->count, 4u);
  EXPECT_EQ(sent->dropped, 2u);
  const auto dropped = kernel.send({}, patience);
  EXPECT_EQ(dropped.code(), RONDO_DROPPED);
  EXPECT_THAT(dropped.failure().message, HasSubstr("dropped"));
  EXPECT_FALSE(dropped.failure().remedy.empty());
  EXPECT_EQ(kernel.try_send({}).code(), RONDO_DROPPED);
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_DROPPED);
  EXPECT_EQ(kernel.call_async({}, patience).get().code(), RONDO_DROPPED);
  EXPECT_EQ(kernel.send_batch(std::vector<question>(3), patience).code(), RONDO_DROPPED);
  EXPECT_EQ(kernel.snapshot().dropped_newest, 9u);
  EXPECT_EQ(kernel.snapshot().sent, 4u);
  expect_with_backend(GetParam(), kernel, 4);
  kernel.activate();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 7));
  EXPECT_TRUE(kernel.call({}, patience)) << "there is room again";
  EXPECT_EQ(kernel.snapshot().messages_dropped, 0u);
}

TEST_P(full_input, that_drops_the_oldest_keeps_the_newest_in_order) {
  auto kernel = runtime_.launch<oracle>(options(when_full::drop_oldest));
  for (std::uint64_t i = 1; i <= 10; ++i)  // inactive: nobody but the dropping makes room
    ASSERT_TRUE(kernel.send({.nonce = i}, patience)) << i;
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().dropped_oldest == 6; }));
  kernel.activate();
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const auto reply = kernel.receive(patience).value();
    if (i <= 6) EXPECT_EQ(reply.outcome.code(), RONDO_DROPPED) << i;
    else EXPECT_TRUE(answers(*reply.outcome, i));
    EXPECT_EQ(reply.message_id, i);
  }
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 4; }));
  const auto counted = kernel.snapshot();
  EXPECT_EQ(counted.sent, 10u);
  EXPECT_EQ(counted.dropped_oldest, 6u);
  EXPECT_EQ(counted.messages_dropped, 6u);
  EXPECT_EQ(counted.dropped_newest, 0u);
}

TEST_P(full_input, that_drops_the_oldest_tells_callers_soon_also_of_an_inactive_kernel) {
  if (GetParam().one_sender) GTEST_SKIP() << "several threads send here";
  auto kernel = runtime_.launch<oracle>(options(when_full::drop_oldest));
  std::vector<std::jthread> callers;
  std::atomic<int> told{0};
  for (int t = 0; t < 3; ++t)
    callers.emplace_back([&] {
      const auto reply = kernel.call({}, patience);
      EXPECT_EQ(reply.code(), RONDO_DROPPED) << reply.failure().text();
      EXPECT_THAT(reply.failure().message, HasSubstr("given up for newer"));
      ++told;
    });
  auto later = kernel.call_async({}, patience);
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().input_depth == 4; }));
  for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  callers.clear();
  EXPECT_EQ(told, 3);
  EXPECT_EQ(later.get().code(), RONDO_DROPPED);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::launched);
  kernel.activate();
  for (std::uint64_t i = 1; i <= 4; ++i)
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i));
}

TEST_P(full_input, that_drops_the_oldest_waits_for_no_more_than_the_request_in_hand) {
  gate_use gate(0);
  auto kernel = runtime_.launch<gated>(options(when_full::drop_oldest, 2));
  kernel.activate();
  kernel.send({.gate = 0, .nonce = 1}, patience).value();
  ASSERT_TRUE(gate.reached());
  kernel.send({.gate = no_gate, .nonce = 2}, patience).value();
  EXPECT_EQ(kernel.send({.gate = no_gate, .nonce = 3}, 15ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel.try_send({.gate = no_gate, .nonce = 3}).code(), RONDO_FULL);
  // One needs the place of the request in hand, two that of the next as well.
  std::jthread sender([&] {
    const gated_question both[] = {{.gate = no_gate, .nonce = 4}, {.gate = no_gate, .nonce = 5}};
    EXPECT_EQ(kernel.send_batch(both, patience)->count, 2u);
  });
  gate.open();
  sender.join();
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 1)) << "in hand, it is not given up";
  const auto second = kernel.receive(patience).value();
  if (second.outcome) {
    EXPECT_TRUE(answers(*second.outcome, 2));
  } else {
    EXPECT_EQ(second.outcome.code(), RONDO_DROPPED);
  }
  EXPECT_EQ(kernel.snapshot().dropped_oldest, second.outcome ? 0u : 1u);
  for (const std::uint64_t i : {4, 5}) EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i));
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(full_input, that_drops_the_oldest_accounts_for_everything_under_load) {
  constexpr std::uint64_t each = 1000;
  const std::uint64_t senders = GetParam().one_sender ? 1 : 3;
  running<oracle> it(options(when_full::drop_oldest, 8));
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < senders; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < each; ++i) ASSERT_TRUE(it.kernel.send({.nonce = i}, patience));
    });
  std::uint64_t values = 0, dropped = 0;
  for (std::uint64_t n = 0; n < senders * each; ++n) {
    const auto reply = it.kernel.receive(patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    if (reply->outcome) ASSERT_EQ(reply->outcome->count, ++values);
    else if (reply->outcome.code() == RONDO_DROPPED) ++dropped;
  }
  EXPECT_EQ(values + dropped, senders * each) << "each is answered once";
  ASSERT_TRUE(eventually([&] {
    const auto now = it.kernel.snapshot();
    return now.messages_in + now.messages_dropped == senders * each;
  }));
  EXPECT_EQ(it.kernel.snapshot().dropped_oldest, dropped);
  EXPECT_EQ(it.kernel.snapshot().messages_in, values);
}

TEST_P(full_input, that_drops_the_oldest_does_not_answer_where_no_answer_is_owed) {
  noted_count = 0;
  auto kernel = runtime_.launch<noting>(options(when_full::drop_oldest));
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  kernel.activate();
  EXPECT_EQ(kernel.flush(patience).value(), 10u);
  EXPECT_EQ(noted_count, 4u);
  EXPECT_EQ(kernel.snapshot().dropped_oldest, 6u);
  EXPECT_EQ(kernel.snapshot().messages_out, 0u);
}

TEST_P(full_input, that_drops_the_oldest_says_terminated_once_it_is) {
  running<oracle> it(options(when_full::drop_oldest));
  it.kernel.terminate();
  EXPECT_EQ(it.kernel.send({}, patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(it.kernel.try_send({}).code(), RONDO_TERMINATED);
  it.kernel.relaunch();
  it.kernel.activate();
  EXPECT_TRUE(it.kernel.call({}, patience));
  EXPECT_EQ(it.kernel.snapshot().dropped_oldest, 0u);
}

INSTANTIATE_TEST_SUITE_P(ways, full_input, testing::ValuesIn(all_ways), name_of_way);

}  // namespace
