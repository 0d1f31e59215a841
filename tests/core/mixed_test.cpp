// Calls and send/receive on one kernel at the same time: each reply goes where it belongs.
#include "support.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace {

using namespace core_test;
using rondo::wait_policy;

struct mixed_case {
  wait_policy wait;
  std::uint64_t output_capacity;
  bool avoid_mapped;
};
void PrintTo(const mixed_case& it, std::ostream* out) {
  *out << "wait " << static_cast<int>(it.wait) << ", output " << it.output_capacity
       << (it.avoid_mapped ? ", calls" : ", mapped");
}

class mixed : public testing::TestWithParam<mixed_case> {};

TEST_P(mixed, callers_and_receivers_get_what_is_theirs) {
  constexpr std::uint64_t callers = 4, calls_each = 150, senders = 2, sends_each = 300;
  running<oracle> it({.output_capacity = GetParam().output_capacity,
                      .wait = GetParam().wait,
                      .avoid_mapped = GetParam().avoid_mapped});
  std::mutex mutex;
  std::map<std::uint64_t, std::uint64_t> nonce_of;  // by correlation
  std::map<std::uint64_t, answer> received;         // by correlation
  std::atomic<std::uint64_t> taken{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < callers; ++t)
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < calls_each; ++i) {
          const std::uint64_t nonce = t << 32 | i;
          const auto reply = it.kernel.call({.nonce = nonce}, patience);
          ASSERT_TRUE(reply) << reply.failure().text();
          ASSERT_TRUE(answers(*reply, nonce));
        }
      });
    for (std::uint64_t t = 0; t < senders; ++t)
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < sends_each; ++i) {
          const std::uint64_t nonce = (t + 100) << 32 | i;
          const auto id = it.kernel.send({.nonce = nonce}, patience);
          ASSERT_TRUE(id) << id.failure().text();
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(nonce_of.emplace(*id, nonce).second);
        }
      });
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&] {
        while (taken < senders * sends_each) {
          const auto reply = it.kernel.receive(100ms);
          if (!reply) {
            ASSERT_EQ(reply.code(), RONDO_TIMEOUT);
            continue;
          }
          ++taken;
          ASSERT_TRUE(reply->outcome);
          EXPECT_EQ(reply->outcome->correlation_id, reply->correlation_id);
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(received.emplace(reply->correlation_id, *reply->outcome).second);
        }
      });
  }
  ASSERT_EQ(received.size(), senders * sends_each);
  ASSERT_EQ(nonce_of.size(), senders * sends_each);
  for (const auto& [correlation, reply] : received)
    EXPECT_TRUE(answers(reply, nonce_of.at(correlation)));
  const auto counted = it.kernel.snapshot();
  EXPECT_EQ(counted.sent, callers * calls_each + senders * sends_each);
  EXPECT_EQ(counted.late_replies, 0u);
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

INSTANTIATE_TEST_SUITE_P(all, mixed,
                         testing::Values(mixed_case{wait_policy::spin, 1024, false},
                                         mixed_case{wait_policy::spin_then_park, 1024, false},
                                         mixed_case{wait_policy::park, 1024, false},
                                         mixed_case{wait_policy::park, 1024, true},
                                         mixed_case{wait_policy::park, 2, false},
                                         mixed_case{wait_policy::spin_then_park, 2, true}));

TEST(mixed_use, replies_that_a_caller_meets_are_kept_in_order_for_receivers) {
  running<oracle> it;
  for (std::uint64_t i = 1; i <= 20; ++i) it.kernel.send({.nonce = i}, patience).value();
  EXPECT_TRUE(answers(*it.kernel.call({.nonce = 99}, patience), 99));
  for (std::uint64_t i = 21; i <= 30; ++i) it.kernel.send({.nonce = i}, patience).value();
  for (std::uint64_t i = 1; i <= 30; ++i)
    EXPECT_TRUE(answers(it.kernel.receive(patience).value().outcome.value(), i)) << i;
}

TEST(mixed_use, a_receiver_never_sees_the_reply_of_a_call) {
  running<gated> it;
  gate_use shut(0);
  std::jthread caller([&] {
    const auto reply = it.kernel.call({.gate = 0, .nonce = 5}, patience);
    EXPECT_TRUE(reply && answers(*reply, 5));
  });
  ASSERT_TRUE(shut.reached());
  std::jthread receiver([&] { EXPECT_EQ(it.kernel.receive(20ms).code(), RONDO_TIMEOUT); });
  receiver.join();
  shut.open();
  caller.join();
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST(mixed_use, a_sleeping_receiver_is_woken_for_what_a_caller_lays_aside) {
  running<gated> it({.wait = wait_policy::park});
  gate_use first(0), second(1);
  it.kernel.deactivate();
  std::jthread caller([&] {  // leads, and meets the reply to the send below on its way
    EXPECT_TRUE(it.kernel.call({.gate = 0, .nonce = 1}, patience));
  });
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().sent == 1; }));
  std::jthread last([&] { EXPECT_TRUE(it.kernel.call({.gate = 1, .nonce = 3}, patience)); });
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().sent == 2; }));
  std::vector<std::jthread> receivers;
  std::atomic<int> taken{0};
  for (int t = 0; t < 3; ++t)
    receivers.emplace_back([&] {
      EXPECT_TRUE(it.kernel.receive(patience));
      ++taken;
    });
  it.kernel.activate();
  ASSERT_TRUE(first.reached());
  for (int t = 0; t < 3; ++t) it.kernel.send({.gate = no_gate}, patience).value();
  first.open();
  ASSERT_TRUE(second.reached());
  EXPECT_EQ(taken, 0);  // they wait behind the second call
  second.open();
  receivers.clear();
  EXPECT_EQ(taken, 3);
}

}  // namespace
