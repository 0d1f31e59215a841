// Replies that are read where they lie: what a hold gives, what becomes of it, and that nobody is
// held up by whoever holds one.
#include "ways.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <set>

namespace {

using namespace core_test;
using testing::HasSubstr;

class peek : public testing::TestWithParam<way> {
 protected:
  static bool is_in_place() {
    return GetParam().publish != rondo::publish_policy::chunked && !GetParam().avoid_mapped;
  }
};

TEST_P(peek, gives_the_oldest_reply_and_release_takes_it) {
  running<oracle> it(GetParam().options(8, 8));
  for (std::uint64_t i = 1; i <= 60; ++i) {
    const auto id = it.kernel.send({.nonce = i}, patience).value();
    auto held = it.kernel.peek(patience);
    ASSERT_TRUE(held) << held.failure().text();
    EXPECT_EQ(held->is_in_place(), is_in_place());
    EXPECT_EQ(held->correlation_id(), id);
    EXPECT_EQ(held->message_id(), i);
    EXPECT_TRUE(answers(**held, i));
    EXPECT_EQ((*held)->count, i);
    EXPECT_EQ(held->value()->count, i);
    EXPECT_FALSE(held->more());
    held->release();
    EXPECT_FALSE(*held);
  }
  EXPECT_EQ(it.kernel.try_peek().code(), RONDO_EMPTY);
  EXPECT_EQ(it.kernel.peek(5ms).code(), RONDO_TIMEOUT);
  EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().output_depth == 0; }));
}

TEST_P(peek, that_is_dropped_leaves_the_reply_to_be_the_oldest_again) {
  running<oracle> it(GetParam().options(8, 8));
  for (std::uint64_t i = 1; i <= 4; ++i) it.kernel.send({.nonce = i}, patience).value();
  for (int round = 0; round < 5; ++round) {
    const auto held = it.kernel.peek(patience).value();
    EXPECT_TRUE(answers(*held, 1));
  }
  const auto throwing = [&] {
    const auto held = it.kernel.peek(patience).value();
    throw std::runtime_error("in the middle");
  };
  EXPECT_THROW(throwing(), std::runtime_error);
  EXPECT_TRUE(answers(*it.kernel.call({.nonce = 5}, patience), 5));  // puts replies aside
  for (std::uint64_t i = 1; i <= 4; ++i) {
    { const auto held = it.kernel.peek(patience).value(); }
    EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, i)) << i;
  }
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(peek, holds_up_neither_callers_nor_receivers) {
  running<oracle> it(GetParam().options());
  it.kernel.send({.nonce = 1}, patience).value();
  auto held = it.kernel.peek(patience).value();
  for (std::uint64_t i = 2; i <= 50; ++i)  // also by whoever holds it
    ASSERT_TRUE(answers(*it.kernel.call({.nonce = i}, patience), i));
  if (!GetParam().one_sender) {
    std::vector<std::jthread> callers;
    for (std::uint64_t t = 1; t <= 4; ++t)
      callers.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < 50; ++i)
          ASSERT_TRUE(answers(*it.kernel.call({.nonce = t << 32 | i}, patience), t << 32 | i));
      });
  }
  it.kernel.send({.nonce = 60}, patience).value();
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, 60));
  EXPECT_TRUE(answers(*held, 1)) << "and the reply is what it was";
  held.release();
  EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().output_depth == 0; }));
}

TEST_P(peek, keeps_its_slot_and_those_behind_it_from_the_kernel_until_it_is_released) {
  running<oracle> it(GetParam().options(8, 4));
  it.kernel.send({.nonce = 1}, patience).value();
  auto held = it.kernel.peek(patience).value();
  for (std::uint64_t i = 2; i <= 4; ++i)
    EXPECT_TRUE(answers(*it.kernel.call({.nonce = i}, patience), i));
  if (!is_in_place()) return;
  EXPECT_EQ(it.kernel.call({}, 20ms).code(), RONDO_TIMEOUT) << "three of four slots were left";
  std::atomic<bool> answered{false};
  std::jthread caller([&] {
    EXPECT_TRUE(it.kernel.call({}, patience));
    answered = true;
  });
  std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(answered);
  held.release();
  caller.join();
}

TEST_P(peek, beside_a_held_reply_gives_the_next) {
  running<oracle> it(GetParam().options());
  for (std::uint64_t i = 1; i <= 3; ++i) it.kernel.send({.nonce = i}, patience).value();
  auto first = it.kernel.peek(patience).value();
  auto second = it.kernel.peek(patience).value();
  auto third = it.kernel.peek(patience).value();
  EXPECT_FALSE(second.is_in_place());
  EXPECT_TRUE(answers(*first, 1));
  EXPECT_TRUE(answers(*second, 2));
  EXPECT_TRUE(answers(*third, 3));
  EXPECT_EQ(it.kernel.try_peek().code(), RONDO_EMPTY);
  third.release();
  first.release();
  { const auto dropped = std::move(second); }
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, 2));
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(peek, is_used_up_by_release_and_by_a_move) {
  running<oracle> it(GetParam().options());
  it.kernel.send({.nonce = 1}, patience).value();
  it.kernel.send({.nonce = 2}, patience).value();
  auto held = it.kernel.peek(patience).value();
  auto moved = std::move(held);
  const auto used_up = refusal_of([&] { (void)*held; });
  EXPECT_EQ(used_up.code, RONDO_INVALID_STATE);
  EXPECT_FALSE(used_up.remedy.empty());
  EXPECT_TRUE(answers(*moved, 1));
  EXPECT_EQ(refusal_of([&] { (void)moved.failure(); }).code, RONDO_INVALID_STATE);
  moved.release();
  EXPECT_EQ(refusal_of([&] { moved.release(); }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(refusal_of([&] { (void)moved.value(); }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(refusal_of([&] { (void)moved.message_id(); }).code, RONDO_INVALID_STATE);
  moved = it.kernel.peek(patience).value();
  EXPECT_TRUE(answers(*moved, 2));
}

TEST_P(peek, outlasts_terminate_relaunch_and_the_runtime) {
  std::optional<rondo::peeked_reply<answer>> held;
  {
    running<oracle> it(GetParam().options(8, 8));
    it.kernel.send({.nonce = 1}, patience).value();
    held = it.kernel.peek(patience).value();
    it.kernel.terminate();
    EXPECT_EQ(it.kernel.peek(patience).code(), RONDO_TERMINATED);
    it.kernel.relaunch();
    it.kernel.activate();
    for (std::uint64_t i = 2; i < 8; ++i) ASSERT_TRUE(it.kernel.call({.nonce = i}, patience));
    EXPECT_TRUE(answers(**held, 1));
    { const auto dropped = *std::move(held); }
    held = it.kernel.peek(patience).value();
    for (std::uint64_t i = 0; i < 30; ++i) ASSERT_TRUE(it.kernel.call({.nonce = i}, patience));
  }
  EXPECT_TRUE(answers(**held, 1));
  held->release();
}

TEST_P(peek, by_many_threads_gives_each_reply_to_one_of_them) {
  constexpr std::uint64_t total = 2000;
  running<oracle> it(GetParam().options(16, 16));
  std::atomic<std::uint64_t> taken{0}, sum{0};
  std::vector<std::jthread> receivers;
  for (int t = 0; t < 5; ++t)
    receivers.emplace_back([&, t] {
      for (std::uint64_t i = 0;; ++i) {
        if (t == 4) {
          const auto reply = it.kernel.receive(patience);
          if (!reply) break;
          ++taken, sum += reply->outcome->count;
          continue;
        }
        auto held = it.kernel.peek(patience);
        if (!held) break;
        const std::uint64_t count = (*held)->count;
        if (i % 3 == 0) continue;  // goes back
        held->release();
        ++taken, sum += count;
      }
    });
  std::jthread caller([&] {
    while (taken < total && !GetParam().one_sender) ASSERT_TRUE(it.kernel.call({}, patience));
  });
  for (std::uint64_t i = 0; i < total; ++i) it.kernel.send({}, patience).value();
  EXPECT_TRUE(eventually([&] { return taken == total; }));
  caller.join();
  it.kernel.terminate();
  receivers.clear();
  EXPECT_EQ(taken, total);
  EXPECT_TRUE(!GetParam().one_sender || sum == total * (total + 1) / 2) << sum;
}

INSTANTIATE_TEST_SUITE_P(through, peek, testing::ValuesIn(all_ways), name_of_way);

TEST(peeked, failure_is_told_and_kept_like_a_response) {
  running<culprit> it;
  it.kernel.send({.what = misdeed::fail, .user_code = 3, .text = "not so"}, patience).value();
  for (int i = 0; i < 2; ++i) {
    const auto held = it.kernel.peek(patience).value();
    EXPECT_EQ(held.value(), nullptr);
    EXPECT_EQ(held.failure().code, RONDO_HANDLER_FAILED);
    EXPECT_THAT(held.failure().message, HasSubstr("not so"));
    EXPECT_EQ(refusal_of([&] { (void)*held; }).code, RONDO_HANDLER_FAILED);
  }
}

TEST(peeked, reply_whose_reader_throws_goes_back) {
  running<measuring> it;
  word_list poison;
  poison.words["poison"] = 1;
  it.kernel.send(poison, patience).value();
  EXPECT_THROW((void)it.kernel.peek(patience), std::domain_error);
  EXPECT_THROW((void)it.kernel.peek(patience), std::domain_error);
  EXPECT_THROW((void)it.kernel.receive(patience), std::domain_error);
  EXPECT_EQ(it.kernel.try_peek().code(), RONDO_EMPTY);
}

TEST(peeked, encoded_reply_is_read_once) {
  running<measuring> it;
  word_list words;
  words.words["five"] = 1;
  it.kernel.send(words, patience).value();
  { EXPECT_EQ(it.kernel.peek(patience).value()->lengths.at("five"), 5u); }
  auto held = it.kernel.peek(patience).value();
  EXPECT_EQ(held->lengths.at("five"), 5u);
  EXPECT_FALSE(held.is_in_place());
}

class put_back : public testing::TestWithParam<rondo::wait_policy> {};

TEST_P(put_back, wakes_a_receiver_that_waits) {
  running<oracle> it({.wait = GetParam()});
  for (int round = 0; round < 30; ++round) {
    it.kernel.send({.nonce = 1}, patience).value();
    std::optional<rondo::peeked_reply<answer>> held = it.kernel.peek(patience).value();
    std::vector<std::jthread> receivers;
    std::atomic<int> taken{0};
    for (int t = 0; t < 2; ++t)
      receivers.emplace_back([&] {
        const auto reply = it.kernel.receive(patience);
        ASSERT_TRUE(reply) << reply.failure().text();
        ++taken;
      });
    if (round % 3 == 0) std::this_thread::sleep_for(1ms);
    held.reset();
    ASSERT_TRUE(eventually([&] { return taken == 1; }));
    it.kernel.send({.nonce = 2}, patience).value();
  }
}

INSTANTIATE_TEST_SUITE_P(with, put_back,
                         testing::Values(rondo::wait_policy::spin_then_park,
                                         rondo::wait_policy::park));

TEST(peeked, reply_of_a_queue_with_one_slot_is_a_copy) {
  running<oracle> it({.input_capacity = 1, .output_capacity = 1});
  it.kernel.send({.nonce = 1}, patience).value();
  auto held = it.kernel.peek(patience).value();
  EXPECT_FALSE(held.is_in_place());
  for (std::uint64_t i = 2; i < 10; ++i) EXPECT_TRUE(it.kernel.call({.nonce = i}, patience));
  EXPECT_TRUE(answers(*held, 1));
}

TEST(peeked, reply_is_large_and_read_without_a_copy) {
  running<mirror> it({.input_capacity = 2, .output_capacity = 2});
  auto request = it.kernel.reserve(patience).value();
  EXPECT_TRUE(request.is_in_place());
  request->words[0] = 77;
  request.commit().value();
  auto held = it.kernel.peek(patience).value();
  EXPECT_TRUE(held.is_in_place());
  EXPECT_EQ(held->words[large_words - 1], secret(77, large_words - 1));
}

}  // namespace
