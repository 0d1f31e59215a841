// Streams: many senders to one kernel, one to many, requests without a reply, and requests with
// many of which the receiver sees the last.
#include "stream_kernels.hpp"
#include "ways.hpp"

#include "loader_support.hpp"

#include <rondo/kernel/module.hpp>

#include <gmock/gmock.h>

#include <atomic>

namespace core_test {

RONDO_KERNEL(noting);
RONDO_KERNEL(counting);

}  // namespace core_test

namespace {

using namespace core_test;
using testing::HasSubstr;

class streams : public testing::TestWithParam<way> {
 protected:
  void SetUp() override { noted_count = noted_sum = 0; }
};

TEST_P(streams, of_one_way_requests_from_many_threads_are_all_handled_when_flush_says_so) {
  const std::uint64_t senders = GetParam().one_sender ? 1 : 8;
  constexpr std::uint64_t each = 300;
  running<noting> it(GetParam().options(32));
  std::vector<std::jthread> threads;
  std::atomic<std::uint64_t> sum{0};
  for (std::uint64_t t = 0; t < senders; ++t)
    threads.emplace_back([&, t] {
      std::uint64_t mine = 0;
      for (std::uint64_t i = 1; i <= each; ++i) {
        ASSERT_TRUE(it.kernel.send({.nonce = t * each + i, .filling = {gate_count}}, patience));
        mine += t * each + i;
      }
      sum += mine;
      const auto flushed = it.kernel.flush(patience);
      ASSERT_TRUE(flushed) << flushed.failure().text();
      EXPECT_GE(*flushed, each);
      EXPECT_GE(noted_count, each);
    });
  threads.clear();
  EXPECT_EQ(it.kernel.flush(patience).value(), senders * each);
  EXPECT_EQ(noted_count, senders * each);
  EXPECT_EQ(noted_sum, sum);
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_EQ(it.kernel.snapshot().messages_out, 0u);
}

TEST_P(streams, flush_waits_for_the_request_in_hand_and_keeps_its_deadline) {
  running<noting> it(GetParam().options());
  EXPECT_EQ(it.kernel.flush(0ms).value(), 0u) << "nothing was sent";
  gate_use shut(0);
  it.kernel.send({.nonce = 1, .filling = {0, 1}}, patience).value();
  ASSERT_TRUE(shut.reached());
  const auto late = it.kernel.flush(20ms);
  ASSERT_EQ(late.code(), RONDO_TIMEOUT);
  EXPECT_FALSE(late.failure().remedy.empty());
  EXPECT_EQ(it.kernel.flush(0ms).code(), RONDO_TIMEOUT);
  shut.open();
  EXPECT_EQ(it.kernel.flush(patience).value(), 1u);
  EXPECT_EQ(noted_count, 1u);
}

TEST_P(streams, flush_counts_what_was_dropped_and_tells_when_the_kernel_ends) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<noting>(GetParam().options());
  kernel.send({.nonce = 1, .filling = {gate_count}}, patience).value();
  { auto dropped = kernel.reserve(patience).value(); }
  std::jthread waiting([&] { EXPECT_EQ(kernel.flush(patience).code(), RONDO_TERMINATED); });
  std::this_thread::sleep_for(2ms);
  kernel.terminate({.mode = rondo::terminate_mode::discard});
  waiting.join();
  kernel.relaunch();
  kernel.activate();
  EXPECT_TRUE(kernel.flush(patience)) << "nothing of the last life is left";
}

TEST_P(streams, a_one_way_request_that_fails_is_answered_all_the_same) {
  running<noting> it(GetParam().options());
  const auto id = it.kernel.send({.filling = {gate_count}}, patience).value();
  const auto reply = it.kernel.receive(patience).value();
  EXPECT_EQ(reply.correlation_id, id);
  EXPECT_EQ(reply.outcome.code(), RONDO_HANDLER_FAILED);
  EXPECT_FALSE(reply.more);
}

TEST_P(streams, of_replies_show_their_end) {
  running<counting> it(GetParam().options(16, 4));
  std::jthread sender([&] {
    for (const std::uint32_t count : {0u, 1u, 30u, 0u, 7u})
      ASSERT_TRUE(it.kernel.send({.count = count}, patience));
  });
  for (const std::uint32_t count : {1u, 30u, 7u}) {
    std::uint64_t correlation = 0;
    for (std::uint32_t i = 1; i <= count; ++i) {
      const auto reply = it.kernel.receive(patience).value();
      if (i == 1) correlation = reply.correlation_id;
      EXPECT_EQ(reply.correlation_id, correlation);
      EXPECT_EQ(reply.outcome->value, i);
      EXPECT_EQ(reply.more, i < count);
    }
  }
  sender.join();
  EXPECT_TRUE(it.kernel.flush(patience));
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(streams, of_replies_that_fail_end_with_the_failure) {
  running<counting> it(GetParam().options());
  it.kernel.send({.count = 3, .fails_after = true}, patience).value();
  EXPECT_TRUE(it.kernel.receive(patience)->more);
  EXPECT_TRUE(it.kernel.receive(patience)->more);
  const auto last = it.kernel.receive(patience).value();
  EXPECT_FALSE(last.more);
  EXPECT_EQ(last.outcome.code(), RONDO_HANDLER_FAILED);
}

TEST_P(streams, more_is_seen_in_batches_and_in_peeked_replies) {
  running<counting> it(GetParam().options());
  it.kernel.send({.count = 4}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 4; }));
  std::vector<bool> more;
  it.kernel
      .receive_batch(
          3, [&](const auto& reply) { more.push_back(reply.more); }, patience)
      .value();
  EXPECT_THAT(more, testing::ElementsAre(true, true, true));
  auto last = it.kernel.peek(patience).value();
  EXPECT_EQ(last->value, 4u);
  EXPECT_FALSE(last.more());
}

INSTANTIATE_TEST_SUITE_P(through, streams, testing::ValuesIn(all_ways), name_of_way);

TEST(stream, from_one_thread_to_many_kernels_reaches_each_in_order) {
  auto runtime = open_runtime();
  std::vector<rondo::kernel<oracle>> kernels;
  for (int k = 0; k < 6; ++k) {
    kernels.push_back(runtime.launch<oracle>({.id = "k" + std::to_string(k),
                                              .wait = rondo::wait_policy::park,
                                              .avoid_mapped = k % 2 == 1}));
    kernels.back().activate();
  }
  for (std::uint64_t i = 1; i <= 100; ++i)
    for (auto& kernel : kernels) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  for (std::uint64_t i = 1; i <= 100; ++i)
    for (auto& kernel : kernels) {
      const auto reply = kernel.receive(patience).value();
      EXPECT_EQ(reply.outcome->count, i);
      EXPECT_TRUE(answers(*reply.outcome, i));
    }
}

TEST(stream, that_is_cut_by_terminate_has_no_end_and_says_terminated) {
  running<counting> it({.output_capacity = 2});
  it.kernel.send({.count = 100}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 2; }));
  it.kernel.terminate({.mode = rondo::terminate_mode::discard});
  for (;;) {
    const auto reply = it.kernel.receive(patience);
    if (!reply) {
      EXPECT_EQ(reply.code(), RONDO_TERMINATED);
      break;
    }
    EXPECT_TRUE(reply->more);
  }
}

TEST(stream, flush_works_with_a_backend_that_has_only_calls) {
  auto options = hermetic();
  options.plugin_paths.push_back(loader_support::fixture("plain_c"));
  options.only_backends = {};
  auto runtime = rondo::runtime::open(options);
  auto kernel = runtime.launch<oracle>({.backend = "plain_c"});
  for (int i = 0; i < 5; ++i) kernel.send({}, patience).value();
  EXPECT_EQ(kernel.flush(10ms).code(), RONDO_TIMEOUT) << "it is not active";
  kernel.activate();
  EXPECT_EQ(kernel.flush(patience).value(), 5u);
}

}  // namespace
