// Requests that are written where they travel: what a claim gives, and what becomes of it when it
// is committed, dropped, moved, or its kernel ends.
#include "ways.hpp"

#include "loader_support.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace {

using namespace core_test;
using rondo::terminate_mode;
using testing::HasSubstr;

class claim : public testing::TestWithParam<way> {
 protected:
  // Whether the message lies in the slot, and whether there is a slot before it is sent.
  static bool is_in_place() { return GetParam().publish != publish_chunked && has_slot(); }
  static bool has_slot() { return !GetParam().one_sender && !GetParam().is_pumped; }
  static constexpr auto publish_chunked = rondo::publish_policy::chunked;
};

TEST_P(claim, is_sent_by_commit_and_answered_through_laps_of_the_ring) {
  running<oracle> it(GetParam().options(8, 8));
  for (std::uint64_t i = 1; i <= 100; ++i) {
    auto claimed = it.kernel.reserve(patience);
    ASSERT_TRUE(claimed) << claimed.failure().text();
    EXPECT_EQ(claimed->is_in_place(), is_in_place());
    EXPECT_EQ((*claimed)->nonce, 0u) << "a claim begins as a new message";
    for (const auto each : (*claimed)->filling) EXPECT_EQ(each, 0u);
    (**claimed).nonce = i;
    (*claimed)->filling[6] = i;
    const auto id = claimed->commit();
    ASSERT_TRUE(id) << id.failure().text();
    EXPECT_FALSE(*claimed);
    const auto reply = it.kernel.receive(patience).value();
    EXPECT_EQ(reply.correlation_id, *id);
    EXPECT_TRUE(answers(*reply.outcome, i));
  }
  EXPECT_EQ(it.kernel.snapshot().sent, 100u);
}

TEST_P(claim, for_overwrite_is_sent_as_it_was_written) {
  running<repeating> it(GetParam().options(8, 8));
  for (std::uint64_t i = 1; i <= 100; ++i) {
    auto claimed = it.kernel.as_sender().reserve_for_overwrite(patience);
    ASSERT_TRUE(claimed) << claimed.failure().text();
    EXPECT_EQ(claimed->is_in_place(), is_in_place());
    for (std::uint64_t w = 0; w < 8; ++w) (*claimed)->words[w] = 8 * i + w;
    claimed->commit().value();
    const auto reply = it.kernel.receive(patience).value();
    for (std::uint64_t w = 0; w < 8; ++w) EXPECT_EQ(reply.outcome->words[w], 8 * i + w);
  }
}

// Of a queue with one slot, where every request before has left its words.
TEST_P(claim, shows_nothing_of_earlier_requests_unless_it_is_for_overwrite) {
  running<repeating> it(GetParam().options(1, 1));
  bare_words earlier{};
  for (auto& word : earlier.words) word = 0x1111;
  const auto send_earlier = [&] {
    it.kernel.send(earlier, patience).value();
    it.kernel.receive(patience).value().outcome.value();
  };
  send_earlier();
  auto claimed = it.kernel.reserve(patience).value();
  claimed->words[0] = 5;
  claimed.commit().value();
  auto reply = it.kernel.receive(patience).value();
  EXPECT_EQ(reply.outcome->words[0], 5u);
  EXPECT_EQ(reply.outcome->words[7], 0u);
  if (!is_in_place()) return;
  send_earlier();
  auto as_it_lies = it.kernel.as_sender().reserve_for_overwrite(patience).value();
  as_it_lies->words[0] = 6;
  as_it_lies.commit().value();
  reply = it.kernel.receive(patience).value();
  EXPECT_EQ(reply.outcome->words[0], 6u);
  EXPECT_EQ(reply.outcome->words[7], 0x1111u) << "nothing was written over it";
}

TEST_P(claim, that_is_dropped_is_never_handled_and_counts_as_dropped) {
  running<oracle> it(GetParam().options(8));
  for (std::uint64_t i = 1; i <= 30; ++i) {
    {
      auto dropped = it.kernel.reserve(patience).value();
      dropped->nonce = 999;
    }
    it.kernel.send({.nonce = i}, patience).value();
    const auto reply = it.kernel.receive(patience).value();
    EXPECT_EQ(reply.outcome->count, i);
    EXPECT_TRUE(answers(*reply.outcome, i));
  }
  EXPECT_EQ(it.kernel.snapshot().sent, 30u);
  EXPECT_EQ(it.kernel.snapshot().messages_dropped, 30u);
}

TEST_P(claim, stays_where_it_is_when_it_is_moved) {
  running<oracle> it(GetParam().options());
  auto first = it.kernel.reserve(patience).value();
  first->nonce = 5;
  auto* const message = &*first;
  auto second = std::move(first);
  EXPECT_EQ(&*second, message);
  EXPECT_FALSE(first);
  EXPECT_EQ(refusal_of([&] { (void)first.commit(); }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(refusal_of([&] { (void)*first; }).code, RONDO_INVALID_STATE);
  second.commit().value();
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, 5));
  auto third = it.kernel.reserve(patience).value();
  second = std::move(third);  // into one that is used up
  second->nonce = 6;
  auto fourth = it.kernel.reserve(patience).value();
  fourth->nonce = 7;
  second = std::move(fourth);  // what it held is dropped
  second.commit().value();
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, 7));
  EXPECT_EQ(it.kernel.snapshot().messages_dropped, 1u);
}

TEST_P(claim, can_be_committed_once) {
  running<oracle> it(GetParam().options());
  auto claimed = it.kernel.reserve(patience).value();
  claimed.commit().value();
  const auto twice = refusal_of([&] { (void)claimed.commit(); });
  EXPECT_EQ(twice.code, RONDO_INVALID_STATE);
  EXPECT_THAT(twice.message, HasSubstr("committed"));
  EXPECT_FALSE(twice.remedy.empty());
  EXPECT_EQ(refusal_of([&] { (void)claimed->nonce; }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(refusal_of([&] { (void)claimed.is_in_place(); }).code, RONDO_INVALID_STATE);
  EXPECT_EQ(it.kernel.snapshot().sent, 1u);
}

TEST_P(claim, is_refused_when_full_and_waits_for_room) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>(GetParam().options(2));
  kernel.send({}, patience).value();
  kernel.send({}, patience).value();
  EXPECT_EQ(kernel.try_reserve().code(), RONDO_FULL);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(kernel.reserve(15ms).code(), RONDO_TIMEOUT);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 15ms);
  std::jthread later([&] { EXPECT_TRUE(kernel.reserve(patience).value().commit()); });
  kernel.activate();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(kernel.receive(patience));
}

TEST_P(claim, of_a_kernel_that_ended_is_refused_also_if_it_lives_again) {
  running<oracle> it(GetParam().options(8));
  {
    auto ended = it.kernel.reserve(patience).value();
    auto dropped = it.kernel.reserve(patience).value();
    auto revived = it.kernel.reserve(patience).value();
    it.kernel.terminate({.mode = terminate_mode::discard});
    EXPECT_EQ(ended.commit().code(), RONDO_TERMINATED);
    EXPECT_EQ(refusal_of([&] { (void)ended.commit(); }).code, RONDO_INVALID_STATE);
    EXPECT_EQ(it.kernel.reserve(patience).code(), RONDO_TERMINATED);
    it.kernel.relaunch();
    EXPECT_EQ(revived.commit().code(), RONDO_TERMINATED);
  }
  it.kernel.activate();
  for (std::uint64_t i = 1; i <= 20; ++i)
    EXPECT_TRUE(answers(*it.kernel.call({.nonce = i}, patience), i));
  EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 20; }));
}

TEST_P(claim, outlives_the_runtime) {
  std::optional<rondo::claim<question>> committed, dropped;
  {
    running<oracle> it(GetParam().options());
    committed = it.kernel.reserve(patience).value();
    dropped = it.kernel.reserve(patience).value();
    it.runtime.close();
  }
  (*committed)->nonce = 1;
  (*dropped)->nonce = 2;
  EXPECT_EQ(committed->commit().code(), RONDO_TERMINATED);
}

TEST_P(claim, of_many_threads_are_each_sent_once_or_not_at_all) {
  if (GetParam().one_sender) GTEST_SKIP() << "several threads send here";
  constexpr std::uint64_t threads = 8, each = 200;
  running<oracle> it(GetParam().options(16, 16));
  std::atomic<std::uint64_t> committed{0};
  std::vector<std::jthread> senders;
  for (std::uint64_t t = 0; t < threads; ++t)
    senders.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i) {
        auto claimed = it.kernel.reserve(patience);
        ASSERT_TRUE(claimed) << claimed.failure().text();
        (*claimed)->nonce = t << 32 | i;
        if (i % 3 == t % 3) continue;
        ASSERT_TRUE(claimed->commit());
        ++committed;
      }
    });
  std::uint64_t taken = 0;
  while (taken < threads * each - threads * each / 3 - threads)
    if (it.kernel.receive(patience)) ++taken;
    else FAIL();
  senders.clear();
  while (taken < committed && it.kernel.receive(patience)) ++taken;
  EXPECT_EQ(taken, committed);
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_EQ(it.kernel.snapshot().sent, committed);
  EXPECT_TRUE(eventually(
      [&] { return it.kernel.snapshot().messages_dropped == threads * each - committed; }));
}

TEST_P(claim, that_races_with_terminate_is_handled_discarded_or_refused) {
  const std::uint64_t threads = GetParam().one_sender ? 1 : 4;
  for (int round = 0; round < 10; ++round) {
    running<oracle> it(GetParam().options(16));
    std::atomic<std::uint64_t> accepted{0};
    std::vector<std::jthread> senders;
    for (std::uint64_t t = 0; t < threads; ++t)
      senders.emplace_back([&, t] {
        for (std::uint64_t i = 0;; ++i) {
          auto claimed = it.kernel.reserve(patience);
          if (!claimed) {
            EXPECT_EQ(claimed.code(), RONDO_TERMINATED);
            break;
          }
          if (i % 5 == t) continue;
          const auto id = claimed->commit();
          if (id) ++accepted;
          EXPECT_TRUE(id || id.code() == RONDO_TERMINATED) << id.failure().text();
        }
      });
    std::jthread receiver([&] {
      while (it.kernel.receive(patience)) {
      }
    });
    ASSERT_TRUE(eventually([&] { return accepted > 20; }));
    it.kernel.terminate({.mode = terminate_mode::discard, .deadline = 5s});
    senders.clear();
    receiver.join();
    const auto counted = it.kernel.snapshot();
    EXPECT_EQ(counted.sent, accepted);
    EXPECT_LE(counted.messages_in, accepted);
  }
}

INSTANTIATE_TEST_SUITE_P(through, claim, testing::ValuesIn(all_ways), name_of_way);

TEST(claims, hold_up_what_is_sent_behind_them_until_they_are_done_with) {
  running<oracle> it;
  auto first = it.kernel.reserve(patience).value();
  it.kernel.send({.nonce = 2}, patience).value();
  EXPECT_EQ(it.kernel.receive(20ms).code(), RONDO_TIMEOUT);
  first->nonce = 1;
  first.commit().value();
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, 1));
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, 2));
}

TEST(claims, are_waited_for_by_a_drain) {
  running<oracle> it;
  auto held = it.kernel.reserve(patience).value();
  EXPECT_EQ(refusal_of([&] { it.kernel.terminate({.deadline = 20ms}); }).code, RONDO_TIMEOUT);
  EXPECT_EQ(held.commit().code(), RONDO_TERMINATED);
}

TEST(claims, of_encoded_messages_are_written_beside_and_encoded_by_commit) {
  running<culprit> it;
  auto claimed = it.kernel.reserve(patience).value();
  EXPECT_FALSE(claimed.is_in_place());
  claimed->what = misdeed::fail;
  claimed->text = "as told";
  claimed.commit().value();
  const auto reply = it.kernel.receive(patience).value();
  ASSERT_EQ(reply.outcome.code(), RONDO_HANDLER_FAILED);
  EXPECT_THAT(reply.outcome.failure().message, HasSubstr("as told"));
}

TEST(claims, that_cannot_be_encoded_are_refused_and_the_queue_goes_on) {
  for (const way& by : {all_ways[0], all_ways[2], all_ways[4], all_ways[6]}) {
    SCOPED_TRACE(by.name);
    running<measuring> it(by.options(4));
    for (int i = 0; i < 10; ++i) {
      auto claimed = it.kernel.reserve(patience).value();
      for (int k = 0; k < 500; ++k) claimed->words[std::to_string(k)] = k;
      const auto refused = claimed.commit();
      ASSERT_EQ(refused.code(), RONDO_TOO_LARGE);
      EXPECT_THAT(refused.failure().message, HasSubstr("WordList v1"));
    }
    EXPECT_TRUE(it.kernel.call({}, patience));
    EXPECT_EQ(it.kernel.snapshot().sent, 1u);
    EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().messages_dropped == 10; }));
  }
}

TEST(claims, of_a_backend_that_cannot_reserve_mean_the_same) {
  auto options = hermetic();
  options.plugin_paths.push_back(loader_support::fixture("plain_c"));
  options.only_backends = {};
  auto runtime = rondo::runtime::open(options);
  auto kernel = runtime.launch<oracle>({.backend = "plain_c", .input_capacity = 2});
  auto first = kernel.reserve(patience).value();
  auto second = kernel.reserve(20ms).value();
  EXPECT_FALSE(first.is_in_place());
  { auto dropped = kernel.reserve(patience).value(); }
  kernel.send({.nonce = 1}, patience).value();
  first->nonce = 2;
  first.commit().value();
  EXPECT_EQ(kernel.try_reserve().code(), RONDO_FULL);
  EXPECT_EQ(second.commit().code(), RONDO_TIMEOUT) << "others have taken the room";
  kernel.activate();
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 1));
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 2));
  EXPECT_EQ(kernel.snapshot().sent, 2u);
  EXPECT_EQ(kernel.snapshot().messages_dropped, 2u) << "one was given up, one found no room";
  auto last = kernel.reserve(patience).value();
  kernel.terminate();
  EXPECT_EQ(last.commit().code(), RONDO_TERMINATED);
}

}  // namespace
