// Sending without waiting for the reply, and taking replies: order, ids, full, empty and time-outs.
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>

namespace {

using namespace core_test;
using testing::HasSubstr;

TEST(send, returns_the_id_that_the_reply_carries) {
  running<oracle> it;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const auto id = it.kernel.send({.nonce = i}, patience).value();
    const auto reply = it.kernel.receive(patience).value();
    EXPECT_EQ(reply.correlation_id, id);
    EXPECT_EQ(reply.message_id, i);
    EXPECT_EQ(reply.outcome->message_id, id);
    EXPECT_TRUE(answers(*reply.outcome, i));
  }
}

class send_receive : public testing::TestWithParam<bool> {};  // whether to avoid the map

TEST_P(send_receive, keeps_the_order_of_each_sender) {  // QUEUE-01
  constexpr std::uint64_t senders = 3, each = 400;
  running<oracle> it({.input_capacity = 64, .output_capacity = 64, .avoid_mapped = GetParam()});
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < senders; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i)
        ASSERT_TRUE(it.kernel.send({.nonce = t, .filling = {i}}, patience));
    });
  // The secret tells which sender's request it was: a nonce is a sender.
  std::map<std::uint64_t, std::uint64_t> by_sender;
  std::uint64_t last_count = 0;
  for (std::uint64_t i = 0; i < senders * each; ++i) {
    const auto reply = it.kernel.receive(patience).value().outcome.value();
    EXPECT_EQ(reply.count, ++last_count);
    for (std::uint64_t t = 0; t < senders; ++t)
      if (answers(reply, t)) ++by_sender[t];
  }
  for (std::uint64_t t = 0; t < senders; ++t) EXPECT_EQ(by_sender[t], each);
}

TEST_P(send_receive, says_full_and_empty_at_once) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.input_capacity = 4, .avoid_mapped = GetParam()});
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(kernel.try_send({}));
  const auto full = kernel.try_send({});
  ASSERT_EQ(full.code(), RONDO_FULL);
  EXPECT_THAT(full.failure().message, HasSubstr("ringkernel_Question_Oracle_input"));
  EXPECT_THAT(full.failure().message, HasSubstr("4"));
  EXPECT_FALSE(full.failure().remedy.empty());
  EXPECT_EQ(kernel.snapshot().sent, 4u);
  kernel.activate();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(kernel.receive(patience));
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_TRUE(kernel.try_send({}));
}

TEST_P(send_receive, times_out_when_there_is_no_room_or_no_reply) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.input_capacity = 1, .avoid_mapped = GetParam()});
  kernel.send({}, patience).value();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(kernel.send({}, 15ms).code(), RONDO_TIMEOUT);
  const auto nothing = kernel.receive(15ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
  ASSERT_EQ(nothing.code(), RONDO_TIMEOUT);
  EXPECT_EQ(nothing.failure().object, "Oracle");
  EXPECT_FALSE(nothing.failure().remedy.empty());
  EXPECT_EQ(kernel.snapshot().sent, 1u);
}

TEST_P(send_receive, waits_for_room_and_for_replies) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>(
      {.input_capacity = 2, .output_capacity = 2, .avoid_mapped = GetParam()});
  std::jthread sender([&] {
    for (std::uint64_t i = 1; i <= 40; ++i) EXPECT_TRUE(kernel.send({.nonce = i}, patience));
  });
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().sent == 2; }));
  kernel.activate();
  for (std::uint64_t i = 1; i <= 40; ++i)
    EXPECT_TRUE(answers(kernel.receive(patience).value().outcome.value(), i));
}

TEST_P(send_receive, shares_replies_among_receivers_without_loss) {
  constexpr std::uint64_t total = 600;
  running<oracle> it({.wait = rondo::wait_policy::park, .avoid_mapped = GetParam()});
  std::atomic<std::uint64_t> taken{0}, sum{0};
  std::vector<std::jthread> receivers;
  for (int t = 0; t < 6; ++t)
    receivers.emplace_back([&] {
      for (;;) {
        const auto reply = it.kernel.receive(patience);
        if (!reply) break;
        ++taken;
        sum += reply->outcome->count;
      }
    });
  for (std::uint64_t i = 0; i < total; ++i) it.kernel.send({}, patience).value();
  EXPECT_TRUE(eventually([&] { return taken == total; }));
  it.kernel.terminate();
  receivers.clear();
  EXPECT_EQ(sum, total * (total + 1) / 2);
}

INSTANTIATE_TEST_SUITE_P(through, send_receive, testing::Bool(), [](const auto& it) {
  return std::string(it.param ? "calls" : "the_map");
});

TEST(send, after_terminate_is_refused) {
  running<oracle> it;
  it.kernel.terminate();
  const auto refused = it.kernel.send({}, patience);
  ASSERT_EQ(refused.code(), RONDO_TERMINATED);
  EXPECT_EQ(refused.failure().object, "Oracle");
  EXPECT_FALSE(refused.failure().remedy.empty());
  EXPECT_EQ(it.kernel.try_send({}).code(), RONDO_TERMINATED);
  EXPECT_EQ(it.kernel.snapshot().sent, 0u);
}

TEST(send, of_a_kernel_is_its_sender_and_receiver_too) {
  running<oracle> it;
  auto sender = it.kernel.as_sender();
  auto receiver = it.kernel.as_receiver();
  const auto id = sender.send({.nonce = 3}, patience).value();
  const auto reply = receiver.receive(patience).value();
  EXPECT_EQ(reply.correlation_id, id);
  EXPECT_TRUE(answers(*reply.outcome, 3));
  EXPECT_EQ(receiver.try_receive().code(), RONDO_EMPTY);
}

TEST(receive, times_out_also_while_others_keep_calling) {
  running<oracle> it({.wait = rondo::wait_policy::spin});
  std::atomic<bool> finished{false};
  std::jthread caller([&] {
    while (!finished) EXPECT_TRUE(it.kernel.call({}, patience));
  });
  EXPECT_EQ(it.kernel.receive(20ms).code(), RONDO_TIMEOUT);
  finished = true;
}

}  // namespace
