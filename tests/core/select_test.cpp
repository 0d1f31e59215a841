// Waiting for the first of several receivers.
#include "stream_kernels.hpp"
#include "support.hpp"

#include <rondo/select.hpp>

#include <gmock/gmock.h>

#include <array>
#include <atomic>

namespace {

using namespace core_test;
using rondo::select;
using testing::HasSubstr;

class selecting : public testing::TestWithParam<bool> {  // whether to avoid the map
 protected:
  rondo::kernel<oracle> oracle_kernel(const std::string& id) {
    auto kernel = runtime_.launch<oracle>({.id = id, .avoid_mapped = GetParam()});
    kernel.activate();
    return kernel;
  }
  rondo::runtime runtime_ = open_runtime();
};

TEST_P(selecting, tells_which_has_a_reply_whatever_their_types) {
  auto first = oracle_kernel("first");
  auto second = runtime_.launch<counting>({.avoid_mapped = GetParam()});
  second.activate();
  auto a = first.as_receiver();
  auto b = second.as_receiver();
  EXPECT_EQ(select(0ms, a, b).code(), RONDO_EMPTY);
  const auto nothing = select(15ms, a, b);
  ASSERT_EQ(nothing.code(), RONDO_TIMEOUT);
  EXPECT_FALSE(nothing.failure().remedy.empty());
  for (int round = 0; round < 20; ++round) {
    if (round % 2 == 0) first.send({}, patience).value();
    else second.send({.count = 1}, patience).value();
    const auto ready = select(patience, a, b);
    ASSERT_TRUE(ready) << ready.failure().text();
    EXPECT_EQ(*ready, static_cast<std::size_t>(round % 2));
    EXPECT_EQ(select(0ms, a, b).value(), *ready) << "it stays ready until it is received";
    if (*ready == 0) EXPECT_TRUE(a.try_receive());
    else EXPECT_TRUE(b.try_receive());
  }
}

TEST_P(selecting, wakes_for_a_reply_that_comes_later_and_keeps_its_deadline) {
  auto a = oracle_kernel("a"), b = oracle_kernel("b");
  auto from_a = a.as_receiver(), from_b = b.as_receiver();
  std::jthread later([&] {
    std::this_thread::sleep_for(10ms);
    b.send({.nonce = 3}, patience).value();
  });
  EXPECT_EQ(select(patience, from_a, from_b).value(), 1u);
  EXPECT_TRUE(answers(*from_b.try_receive()->outcome, 3));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(select(20ms, from_a, from_b).code(), RONDO_TIMEOUT);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST_P(selecting, is_fair_to_a_quiet_one_beside_busy_ones) {
  auto a = oracle_kernel("a"), b = oracle_kernel("b"), c = oracle_kernel("c");
  std::array receivers{a.as_receiver(), b.as_receiver(), c.as_receiver()};
  rondo::selector all;
  for (const auto& each : receivers) all.add(each);
  for (int i = 0; i < 30; ++i)
    for (auto* kernel : {&a, &b, &c}) kernel->send({}, patience).value();
  for (auto* kernel : {&a, &b, &c}) ASSERT_TRUE(kernel->flush(patience));
  std::array<int, 3> counts{};
  for (int i = 0; i < 30; ++i) {
    const auto ready = all.wait(patience).value();
    ++counts[ready];
    ASSERT_TRUE(receivers[ready].try_receive());
  }
  EXPECT_THAT(counts, testing::ElementsAre(10, 10, 10));
  counts = {};
  for (int i = 0; i < 30; ++i) {
    const auto ready = select(patience, receivers[0], receivers[1], receivers[2]).value();
    ++counts[ready];
    ASSERT_TRUE(receivers[ready].try_receive());
  }
  EXPECT_THAT(counts, testing::ElementsAre(10, 10, 10));
}

TEST_P(selecting, counts_a_kernel_that_ended_only_when_no_other_has_a_reply) {
  auto living = oracle_kernel("living"), ended = oracle_kernel("ended");
  auto from_living = living.as_receiver(), from_ended = ended.as_receiver();
  rondo::selector both;
  EXPECT_EQ(both.add(from_ended), 0u);
  EXPECT_EQ(both.add(from_living), 1u);
  std::jthread waiting([&] { EXPECT_EQ(both.wait(patience).value(), 0u); });
  std::this_thread::sleep_for(5ms);
  ended.send({}, patience).value();
  ASSERT_TRUE(ended.flush(patience));
  ended.terminate();
  waiting.join();
  EXPECT_EQ(both.wait(patience).value(), 0u) << "a reply is left";
  EXPECT_TRUE(from_ended.try_receive());
  living.send({}, patience).value();
  ASSERT_TRUE(living.flush(patience));
  EXPECT_EQ(both.wait(patience).value(), 1u);
  EXPECT_EQ(both.wait(patience).value(), 1u);
  EXPECT_TRUE(from_living.try_receive());
  EXPECT_EQ(both.wait(patience).value(), 0u);
  EXPECT_EQ(from_ended.receive(patience).code(), RONDO_TERMINATED);
  both.remove(0);
  EXPECT_EQ(both.size(), 1u);
  EXPECT_EQ(both.wait(5ms).code(), RONDO_TIMEOUT);
}

TEST_P(selecting, shares_what_it_waits_for_with_whoever_destroys_it) {
  rondo::selector all;
  {
    auto kernel = oracle_kernel("gone");
    all.add(kernel.as_receiver());
    kernel.send({}, patience).value();
  }
  EXPECT_EQ(all.wait(patience).value(), 0u);
  {
    auto receiver = runtime_.open_receiver<answer>("ringkernel_Answer_gone_output");
    EXPECT_TRUE(receiver.receive(patience));
  }
  std::jthread waiting([&] { EXPECT_EQ(all.wait(patience).value(), 0u); });
  runtime_.close();
  waiting.join();
}

TEST_P(selecting, sees_what_callers_put_aside_and_keeps_no_caller_from_his_reply) {
  auto kernel = oracle_kernel("k"), quiet = oracle_kernel("quiet");
  auto from = kernel.as_receiver(), from_quiet = quiet.as_receiver();
  std::atomic<bool> is_done{false};
  std::vector<std::jthread> callers;
  for (int t = 0; t < 2; ++t)
    callers.emplace_back([&] {
      while (!is_done) ASSERT_TRUE(kernel.call({}, patience));
    });
  for (std::uint64_t i = 1; i <= 100; ++i) {
    kernel.send({.nonce = i}, patience).value();
    const auto ready = select(patience, from_quiet, from);
    ASSERT_TRUE(ready) << ready.failure().text();
    ASSERT_EQ(*ready, 1u);
    ASSERT_TRUE(answers(*from.receive(patience)->outcome, i));
  }
  is_done = true;
}

INSTANTIATE_TEST_SUITE_P(through, selecting, testing::Bool(), [](const auto& it) {
  return std::string(it.param ? "calls" : "the_map");
});

TEST(selector, refuses_what_makes_no_sense) {
  rondo::selector none;
  const auto empty = none.wait(patience);
  ASSERT_EQ(empty.code(), RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(empty.failure().message, HasSubstr("no receiver"));
  EXPECT_EQ(refusal_of([&] { none.remove(0); }).code, RONDO_INVALID_ARGUMENT);
  running<oracle> it;
  none.add(it.kernel.as_receiver());
  none.remove(0);
  EXPECT_EQ(refusal_of([&] { none.remove(0); }).code, RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(none.wait(patience).code(), RONDO_INVALID_ARGUMENT);
}

}  // namespace
