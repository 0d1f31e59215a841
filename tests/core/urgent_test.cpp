// The urgent lane: ahead of everything else, first in first out, and a queue like the other in
// every other respect.
#include "stream_kernels.hpp"
#include "ways.hpp"

#include <set>

namespace {

using namespace core_test;
using rondo::send_options;
using rondo::when_full;

constexpr send_options urgently{.urgent = true};

class urgent : public testing::TestWithParam<way> {
 protected:
  rondo::launch_options options(std::uint64_t input = 16) const {
    auto all = GetParam().options(input);
    all.urgent_lane = true;
    return all;
  }
  rondo::runtime runtime_ = open_runtime();
};

TEST_P(urgent, requests_are_taken_first_and_each_lane_keeps_its_order) {
  auto kernel = runtime_.launch<oracle>(options());
  std::vector<std::uint64_t> ids;
  for (std::uint64_t i = 1; i <= 6; ++i) {
    const bool is_urgent = i % 2 == 0;
    ids.push_back(is_urgent ? kernel.send({.nonce = i}, patience, urgently).value()
                            : kernel.send({.nonce = i}, patience).value());
  }
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 6u) << "ids are unique in the queue";
  expect_with_backend(GetParam(), kernel, 6);
  EXPECT_EQ(kernel.snapshot().input_depth, 6u);
  EXPECT_EQ(kernel.snapshot().sent, 6u);
  kernel.activate();
  for (const std::uint64_t i : {2, 4, 6, 1, 3, 5}) {
    const auto reply = kernel.receive(patience).value();
    EXPECT_TRUE(answers(*reply.outcome, i)) << i;
    EXPECT_EQ(reply.correlation_id, ids[i - 1]);
    EXPECT_EQ(reply.outcome->message_id, ids[i - 1]);
  }
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 6; }));
  EXPECT_EQ(kernel.snapshot().input_depth, 0u);
}

TEST_P(urgent, requests_overtake_what_waits_behind_the_one_in_hand) {
  gate_use gate(0);
  auto kernel = runtime_.launch<gated>(options());
  kernel.activate();
  kernel.send({.gate = 0, .nonce = 1}, patience).value();
  ASSERT_TRUE(gate.reached());
  kernel.send({.gate = no_gate, .nonce = 2}, patience).value();
  kernel.send({.gate = no_gate, .nonce = 3}, patience, urgently).value();
  expect_with_backend(GetParam(), kernel, 3);
  gate.open();
  for (const std::uint64_t i : {1, 3, 2})
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i));
}

TEST_P(urgent, lane_has_room_of_its_own) {
  auto kernel = runtime_.launch<oracle>(options(2));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(kernel.try_send({}));
  EXPECT_EQ(kernel.try_send({}).code(), RONDO_FULL);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(kernel.try_send({}, urgently));
  EXPECT_EQ(kernel.try_send({}, urgently).code(), RONDO_FULL);
  EXPECT_EQ(kernel.send({}, 5ms, urgently).code(), RONDO_TIMEOUT);
  kernel.activate();
  EXPECT_EQ(kernel.flush(patience).value(), 4u);
}

TEST_P(urgent, calls_are_answered_whether_the_kernel_spins_or_sleeps) {
  for (const auto wait : {rondo::wait_policy::spin_then_park, rondo::wait_policy::park}) {
    auto some = options();
    some.wait = wait;
    auto kernel = runtime_.launch<oracle>(some);
    kernel.activate();
    for (std::uint64_t i = 1; i <= 30; ++i) {
      const auto reply = i % 3 == 0 ? kernel.call({.nonce = i}, patience)
                                    : kernel.call({.nonce = i}, patience, urgently);
      ASSERT_TRUE(reply) << reply.failure().text();
      EXPECT_TRUE(answers(*reply, i));
    }
    EXPECT_TRUE(answers(*kernel.call_async({.nonce = 9}, patience, urgently).get(), 9));
    kernel.terminate();
    runtime_.remove(kernel.id());
  }
}

TEST_P(urgent, requests_are_drained_and_discarded_like_the_others) {
  auto draining = runtime_.launch<oracle>(options());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(draining.send({}, patience));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(draining.send({}, patience, urgently));
  EXPECT_EQ(draining.terminate().handled, 7u);
  EXPECT_EQ(draining.send({}, patience, urgently).code(), RONDO_TERMINATED);
  draining.relaunch();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(draining.send({}, patience));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(draining.send({}, patience, urgently));
  const auto report = draining.terminate({.mode = rondo::terminate_mode::discard});
  EXPECT_EQ(report.discarded, 5u);
  EXPECT_EQ(draining.snapshot().messages_dropped, 5u);
  draining.relaunch();
  draining.activate();
  std::uint64_t n = 0;
  while (draining.try_receive()) ++n;
  EXPECT_EQ(n, 7u);
  EXPECT_EQ(draining.call({.nonce = 1}, patience, urgently)->count, 8u);
}

TEST_P(urgent, lane_drops_its_own_oldest) {
  if (GetParam().is_pumped) GTEST_SKIP() << "a pump does not drop the oldest";
  auto some = options(2);
  some.input_full = when_full::drop_oldest;
  auto kernel = runtime_.launch<oracle>(some);
  for (std::uint64_t i = 1; i <= 2; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  for (std::uint64_t i = 11; i <= 14; ++i)
    ASSERT_TRUE(kernel.send({.nonce = i}, patience, urgently));
  kernel.activate();
  EXPECT_EQ(kernel.receive(patience)->outcome.code(), RONDO_DROPPED);
  EXPECT_EQ(kernel.receive(patience)->outcome.code(), RONDO_DROPPED);
  for (const std::uint64_t i : {13, 14, 1, 2})
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i));
  EXPECT_EQ(kernel.snapshot().dropped_oldest, 2u);
}

TEST_P(urgent, requests_of_many_senders_are_all_handled) {
  if (GetParam().one_sender) GTEST_SKIP() << "several threads send here";
  constexpr std::uint64_t each = 400;
  running<oracle> it(options(8));
  std::vector<std::jthread> senders;
  for (std::uint64_t t = 0; t < 4; ++t)
    senders.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i)
        ASSERT_TRUE(it.kernel.send({.nonce = i}, patience, {.urgent = t % 2 == 0}));
    });
  for (std::uint64_t n = 1; n <= 4 * each; ++n) {
    const auto reply = it.kernel.receive(patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    ASSERT_EQ(reply->outcome->count, n);
  }
  senders.clear();  // a send is counted when it returns
  EXPECT_EQ(it.kernel.snapshot().sent, 4 * each);
}

INSTANTIATE_TEST_SUITE_P(ways, urgent, testing::ValuesIn(all_ways), name_of_way);

}  // namespace
