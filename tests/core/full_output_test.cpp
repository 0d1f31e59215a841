// What becomes of a reply that finds the output full, where the launch says that the kernel does
// not wait: who called is told, and everything is counted. Nobody reads while asynchronous calls
// are completed by hand, so these tests know exactly what finds room.
#include "ways.hpp"

#include <gmock/gmock.h>

#include <future>
#include <map>

namespace {

using namespace core_test;
using rondo::when_full;
using testing::HasSubstr;

class full_output : public testing::TestWithParam<way> {
 protected:
  full_output() {
    auto by_hand = hermetic();
    by_hand.manual_completion = true;
    runtime_ = rondo::runtime::open(by_hand);
  }
  template <class H>
  rondo::kernel<H> started(when_full policy, std::uint64_t output) {
    auto options = GetParam().options(64, output);
    options.output_full = policy;
    auto kernel = runtime_.launch<H>(options);
    kernel.activate();
    return kernel;
  }
  template <class T>
  rondo::result<T> get(std::future<rondo::result<T>>& answer) {
    EXPECT_TRUE(eventually([&] {
      runtime_.poll();
      return answer.wait_for(0s) == std::future_status::ready;
    }));
    return answer.get();
  }
  std::map<rondo::status, std::uint64_t> told_;  // by callbacks, until the runtime is closed
  rondo::runtime runtime_ = open_runtime();
};

TEST_P(full_output, that_drops_the_newest_keeps_the_kernel_going) {
  auto kernel = started<oracle>(when_full::drop_newest, 2);
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 5; }));
  EXPECT_EQ(kernel.snapshot().replies_dropped, 3u);
  EXPECT_EQ(kernel.snapshot().messages_out, 2u);
  EXPECT_EQ(kernel.snapshot().messages_failed, 0u);
  for (std::uint64_t i = 1; i <= 2; ++i) {
    const auto reply = kernel.receive(patience).value();
    EXPECT_TRUE(answers(*reply.outcome, i));
    EXPECT_EQ(reply.message_id, i);
  }
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  const auto next = kernel.call({.nonce = 6}, patience);
  ASSERT_TRUE(next) << next.failure().text();
  EXPECT_EQ(next->count, 6u) << "all five were handled";
}

TEST_P(full_output, that_drops_the_newest_tells_every_caller) {
  auto kernel = started<oracle>(when_full::drop_newest, 2);
  std::vector<std::future<rondo::result<answer>>> answers_to;
  for (std::uint64_t i = 1; i <= 5; ++i)
    answers_to.push_back(kernel.call_async({.nonce = i}, patience));
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 5; }));
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto reply = get(answers_to[i - 1]);
    if (i <= 2) {
      EXPECT_TRUE(answers(*reply, i));
    } else {
      ASSERT_EQ(reply.code(), RONDO_DROPPED);
      EXPECT_THAT(reply.failure().message, HasSubstr("the output was full"));
    }
  }
  EXPECT_EQ(kernel.snapshot().replies_dropped, 3u);
}

TEST_P(full_output, that_rejects_fails_the_request_and_does_not_run_its_handler) {
  auto kernel = started<oracle>(when_full::reject, 2);
  std::vector<std::future<rondo::result<answer>>> answers_to;
  for (std::uint64_t i = 1; i <= 5; ++i)
    answers_to.push_back(kernel.call_async({.nonce = i}, patience));
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 5; }));
  EXPECT_EQ(kernel.snapshot().messages_failed, 3u);
  EXPECT_EQ(kernel.snapshot().replies_dropped, 3u);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto reply = get(answers_to[i - 1]);
    if (i <= 2) {
      EXPECT_TRUE(answers(*reply, i));
    } else {
      ASSERT_EQ(reply.code(), RONDO_FULL);
      EXPECT_THAT(reply.failure().message, HasSubstr("not done"));
    }
  }
  auto next = kernel.call_async({}, patience);
  EXPECT_EQ(get(next)->count, 3u) << "two were handled before";
}

TEST_P(full_output, tells_an_inactive_kernels_callers_too) {
  auto kernel = started<oracle>(when_full::drop_newest, 1);
  auto first = kernel.call_async({}, patience), second = kernel.call_async({}, patience);
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 2; }));
  kernel.deactivate();
  EXPECT_TRUE(get(first));
  EXPECT_EQ(get(second).code(), RONDO_DROPPED);
}

TEST_P(full_output, of_replies_that_nobody_takes_holds_up_no_caller) {
  for (const auto policy : {when_full::reject, when_full::drop_newest}) {
    auto kernel = started<oracle>(policy, 2);
    for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
    ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 20; }));
    for (std::uint64_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(kernel.send({.nonce = i}, patience));
      const auto reply = kernel.call({.nonce = i}, patience);
      if (reply) EXPECT_TRUE(answers(*reply, i));
      else EXPECT_TRUE(reply.code() == RONDO_DROPPED || reply.code() == RONDO_FULL);
    }
    kernel.terminate();
    // 40 were sent and 20 called; the replies to what was sent are at hand, or counted.
    std::uint64_t taken = 0;
    while (kernel.try_receive()) ++taken;
    const auto counted = kernel.snapshot();
    EXPECT_EQ(counted.messages_in, 60u);
    EXPECT_LE(taken, 4u) << "as many as the output holds, and as many put aside";
    EXPECT_GE(counted.replies_dropped, 36u);
    runtime_.remove(kernel.id());
  }
}

TEST_P(full_output, cuts_a_stream_of_replies_short) {
  auto dropping = started<emitting>(when_full::drop_newest, 4);
  ASSERT_TRUE(dropping.send({.count = 10}, patience));
  ASSERT_TRUE(eventually([&] { return dropping.snapshot().messages_in == 1; }));
  EXPECT_EQ(dropping.snapshot().replies_dropped, 6u);
  EXPECT_EQ(dropping.snapshot().messages_failed, 0u);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(dropping.receive(patience)->outcome->value, i);
  EXPECT_EQ(dropping.try_receive().code(), RONDO_EMPTY);
  dropping.terminate();
  runtime_.remove(dropping.id());

  auto rejecting = started<emitting>(when_full::reject, 4);
  ASSERT_TRUE(rejecting.send({.count = 10}, patience));
  ASSERT_TRUE(eventually([&] { return rejecting.snapshot().messages_in == 1; }));
  EXPECT_EQ(rejecting.snapshot().messages_failed, 1u);
  EXPECT_EQ(rejecting.snapshot().replies_dropped, 1u) << "emit() was false, and it stopped";
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(rejecting.receive(patience)->outcome->value, i);
}

TEST_P(full_output, still_tells_a_caller_what_the_handler_said) {
  if (GetParam().publish == rondo::publish_policy::chunked) GTEST_SKIP() << "an order is too long";
  auto kernel = started<culprit>(when_full::drop_newest, 1);
  order fails{.what = misdeed::fail, .user_code = 7, .text = "not today"};
  auto first = kernel.call_async(fails, patience), second = kernel.call_async(fails, patience);
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 2; }));
  for (auto* each : {&first, &second}) {
    const auto reply = get(*each);
    ASSERT_EQ(reply.code(), RONDO_HANDLER_FAILED) << reply.failure().text();
    EXPECT_THAT(reply.failure().message, HasSubstr("not today"));
  }
  EXPECT_EQ(kernel.snapshot().messages_failed, 2u);
}

// More than the 4096 whose answers the kernel keeps: none is forgotten, and each is told.
TEST_P(full_output, tells_every_caller_however_many_they_are) {
  if (GetParam().name != std::string("word"))
    GTEST_SKIP() << "it takes its time, and is the kernel's affair whatever the way";
  constexpr std::uint64_t room = 512, kept = 4096, all = room + kept + 100;
  auto options = GetParam().options(8192, room);
  options.output_full = when_full::drop_newest;
  auto kernel = runtime_.launch<oracle>(options);
  for (std::uint64_t i = 0; i < all; ++i)
    kernel.call_async({.nonce = i}, patience, [this](const auto& reply) { ++told_[reply.code()]; });
  kernel.activate();
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == room + kept; }));
  EXPECT_EQ(kernel.snapshot().input_depth, all - room - kept) << "nobody reads: it waits";
  const auto end = std::chrono::steady_clock::now() + patience;
  std::uint64_t done = 0;
  while (done < all && std::chrono::steady_clock::now() < end) done += runtime_.poll();
  EXPECT_EQ(done, all);
  EXPECT_GE(told_[RONDO_OK], room);
  EXPECT_GE(told_[RONDO_DROPPED], kept);
  EXPECT_EQ(told_.size(), 2u) << "nobody runs into his own deadline";
  EXPECT_EQ(kernel.terminate().discarded, 0u);
  EXPECT_EQ(kernel.snapshot().messages_in, all);
  EXPECT_EQ(kernel.snapshot().sent, all);
}

INSTANTIATE_TEST_SUITE_P(ways, full_output, testing::ValuesIn(all_ways), name_of_way);

}  // namespace
