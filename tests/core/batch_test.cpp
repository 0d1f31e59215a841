// Many messages at once: order, ids, counts, what happens when there is no room, and replies that
// are read where they lie. Over every way to publish, and through the backend's calls.
#include "ways.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdint>
#include <set>
#include <span>

namespace {

using namespace core_test;
using rondo::publish_policy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<question> questions(std::uint64_t count, std::uint64_t first_nonce = 1) {
  std::vector<question> all(count);
  for (auto& each : all) each.nonce = first_nonce++;
  return all;
}

class batch : public testing::TestWithParam<way> {};

TEST_P(batch, keeps_order_and_counts_however_small_the_queues) {
  for (const std::uint64_t capacity : {std::uint64_t{1}, std::uint64_t{8}, std::uint64_t{512}}) {
    const std::uint64_t total = capacity == 1 ? 200 : 3000;  // every one a change of threads
    running<oracle> it(GetParam().options(capacity, capacity));
    const auto all = questions(total);
    std::uint64_t first_id = 0;
    std::jthread sender([&] {
      const auto sent = it.kernel.send_batch(all, patience);
      ASSERT_TRUE(sent) << sent.failure().text();
      EXPECT_EQ(sent->count, total);
      first_id = sent->first_id;
    });
    std::uint64_t n = 0, first_correlation = 0;
    while (n < total) {
      const auto taken = it.kernel.receive_batch(
          100,
          [&](const rondo::reply_view<answer>& reply) {
            ASSERT_NE(reply.value, nullptr);
            if (n == 0) first_correlation = reply.correlation_id;
            EXPECT_EQ(reply.correlation_id, first_correlation + n);
            ++n;
            EXPECT_EQ(reply.value->count, n);
            EXPECT_EQ(reply.message_id, n);
            EXPECT_TRUE(answers(*reply.value, n));
          },
          patience);
      ASSERT_TRUE(taken) << taken.failure().text();
      EXPECT_GE(*taken, 1u);
      EXPECT_LE(*taken, std::min<std::uint64_t>(100, capacity));
    }
    sender.join();
    EXPECT_EQ(first_id, first_correlation);
    EXPECT_EQ(it.kernel.snapshot().sent, total);
    // A request is counted when its slot is let go, which is after its reply is out.
    EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == total; }));
    EXPECT_EQ(it.kernel.snapshot().output_depth, 0u);
  }
}

TEST_P(batch, is_partial_when_there_is_no_room_for_all) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>(GetParam().options(8));
  const auto all = questions(12);
  const auto most = kernel.try_send_batch(std::span(all).first(5));
  EXPECT_EQ(most->count, 5u);
  const auto rest = kernel.send_batch(std::span(all).subspan(5), 15ms);
  EXPECT_EQ(rest->count, 3u);
  EXPECT_EQ(rest->first_id, most->first_id + 5);
  EXPECT_EQ(kernel.try_send_batch(all).code(), RONDO_FULL);
  EXPECT_EQ(kernel.send_batch(all, 15ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel.snapshot().sent, 8u);
  kernel.activate();
  std::uint64_t n = 0;
  while (n < 8)
    ASSERT_TRUE(kernel.receive_batch(
        20, [&](const auto& reply) { EXPECT_TRUE(answers(*reply.value, ++n)); }, patience));
  EXPECT_EQ(kernel.try_receive_batch(20, [](const auto&) { FAIL(); }).code(), RONDO_EMPTY);
  EXPECT_EQ(kernel
                .receive_batch(
                    20, [](const auto&) { FAIL(); }, 5ms)
                .code(),
            RONDO_TIMEOUT);
}

TEST_P(batch, of_none_is_no_error_and_does_nothing) {
  running<oracle> it(GetParam().options());
  const auto sent = it.kernel.send_batch({}, patience);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->count, 0u);
  EXPECT_EQ(sent->first_id, 0u);
  const auto none = it.kernel.receive_batch(
      0, [](const auto&) { FAIL(); }, patience);
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, 0u);
  EXPECT_EQ(it.kernel.snapshot().sent, 0u);
}

TEST_P(batch, takes_no_more_than_asked_for_and_leaves_the_rest_in_order) {
  running<oracle> it(GetParam().options());
  it.kernel.send_batch(questions(20), patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 20; }));
  std::uint64_t n = 0;
  const auto next = [&](const rondo::reply_view<answer>& reply) {
    EXPECT_TRUE(answers(*reply.value, ++n));
  };
  EXPECT_EQ(it.kernel.receive_batch(3, next, patience).value(), 3u);
  EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, ++n));
  EXPECT_EQ(it.kernel.try_receive_batch(7, next).value(), 7u);
  EXPECT_TRUE(answers(*it.kernel.try_receive()->outcome, ++n));
  EXPECT_EQ(it.kernel.receive_batch(~std::uint64_t{0}, next, patience).value(), 8u);
  EXPECT_EQ(n, 20u);
}

TEST_P(batch, keeps_the_order_of_each_of_several_senders) {  // QUEUE-01
  const std::uint64_t senders = GetParam().one_sender ? 1 : 4;
  constexpr std::uint64_t each = 1500, size = 37;
  running<oracle> it(GetParam().options(64, 64));
  std::vector<std::jthread> threads;
  std::atomic<std::uint64_t> sent{0};
  for (std::uint64_t t = 0; t < senders; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each;) {
        auto some = questions(std::min(size, each - i), t << 32 | i);
        const auto accepted = it.kernel.send_batch(some, patience);
        ASSERT_TRUE(accepted) << accepted.failure().text();
        ASSERT_EQ(accepted->count, some.size());
        sent += accepted->count;
        i += some.size();
      }
    });
  std::vector<std::uint64_t> next(senders, 0);
  std::set<std::uint64_t> ids;
  for (std::uint64_t n = 0; n < senders * each;) {
    const auto taken = it.kernel.receive_batch(
        50,
        [&](const rondo::reply_view<answer>& reply) {
          ids.insert(reply.correlation_id);
          for (std::uint64_t t = 0; t < senders; ++t)
            if (answers(*reply.value, t << 32 | next[t])) return void(++next[t]);
          ADD_FAILURE() << "a reply out of order";
        },
        patience);
    ASSERT_TRUE(taken) << taken.failure().text();
    n += *taken;
  }
  threads.clear();
  EXPECT_EQ(ids.size(), senders * each) << "every request has an id of its own";
  EXPECT_EQ(sent, senders * each);
  EXPECT_EQ(it.kernel.snapshot().sent, senders * each);
}

TEST_P(batch, goes_on_beside_calls_whose_replies_reach_their_callers) {
  if (GetParam().one_sender) GTEST_SKIP() << "several threads send here";
  constexpr std::uint64_t total = 2000;
  running<oracle> it(GetParam().options(32, 32));
  std::vector<std::jthread> callers;
  for (std::uint64_t t = 1; t <= 3; ++t)
    callers.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 200; ++i) {
        const auto reply = it.kernel.call({.nonce = t << 40 | i}, patience);
        ASSERT_TRUE(reply) << reply.failure().text();
        ASSERT_TRUE(answers(*reply, t << 40 | i));
      }
    });
  std::jthread sender(
      [&] { ASSERT_EQ(it.kernel.send_batch(questions(total), patience)->count, total); });
  std::uint64_t n = 0;
  while (n < total) {
    const auto taken = it.kernel.receive_batch(
        64, [&](const auto& reply) { EXPECT_TRUE(answers(*reply.value, ++n)); }, patience);
    ASSERT_TRUE(taken) << taken.failure().text();
  }
}

TEST_P(batch, shares_replies_among_receivers_without_loss) {
  constexpr std::uint64_t total = 2000;
  running<oracle> it(GetParam().options(64, 64));
  std::atomic<std::uint64_t> taken{0}, sum{0};
  std::vector<std::jthread> receivers;
  for (int t = 0; t < 4; ++t)
    receivers.emplace_back([&] {
      while (it.kernel.receive_batch(
          16, [&](const auto& reply) { ++taken, sum += reply.value->count; }, patience)) {
      }
    });
  EXPECT_EQ(it.kernel.send_batch(questions(total), patience)->count, total);
  EXPECT_TRUE(eventually([&] { return taken == total; }));
  it.kernel.terminate();
  receivers.clear();
  EXPECT_EQ(sum, total * (total + 1) / 2);
}

TEST_P(batch, has_failures_among_its_replies) {
  if (GetParam().publish == publish_policy::chunked) GTEST_SKIP() << "an order is too long";
  running<culprit> it(GetParam().options());
  std::vector<order> orders(9);
  for (std::size_t i = 0; i < orders.size(); i += 3) {
    orders[i] = {.what = misdeed::fail, .user_code = 7, .text = {}};
    ASSERT_TRUE(orders[i].text.assign("no " + std::to_string(i)));
  }
  EXPECT_EQ(it.kernel.send_batch(orders, patience)->count, orders.size());
  std::size_t n = 0;
  while (n < orders.size())
    ASSERT_TRUE(it.kernel.receive_batch(
        20,
        [&](const rondo::reply_view<small_reply>& reply) {
          if (n % 3 != 0) {
            ASSERT_NE(reply.value, nullptr);
            EXPECT_EQ(reply.value->value, 42u);
            EXPECT_THROW(reply.failure(), rondo::error);
          } else {
            ASSERT_EQ(reply.value, nullptr);
            const auto why = reply.failure();
            EXPECT_EQ(why.code, RONDO_HANDLER_FAILED);
            EXPECT_EQ(why.object, "Culprit");
            EXPECT_THAT(why.message, StartsWith("no " + std::to_string(n)));
          }
          ++n;
        },
        patience));
}

TEST_P(batch, whose_reader_throws_has_taken_what_the_reader_saw) {
  running<oracle> it(GetParam().options());
  it.kernel.send_batch(questions(10), patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 10; }));
  std::uint64_t n = 0;
  const auto third_throws = [&](const rondo::reply_view<answer>& reply) {
    EXPECT_TRUE(answers(*reply.value, ++n));
    if (n % 3 == 0) throw n;
  };
  EXPECT_THROW((void)it.kernel.receive_batch(10, third_throws, patience), std::uint64_t);
  EXPECT_EQ(n, 3u);
  EXPECT_THROW((void)it.kernel.try_receive_batch(10, third_throws), std::uint64_t);
  EXPECT_TRUE(answers(*it.kernel.try_receive()->outcome, 7)) << "nothing was lost";
  n = 7;
  std::jthread elsewhere([&] {
    EXPECT_THROW((void)it.kernel.receive_batch(10, third_throws, patience), std::uint64_t);
  });
  elsewhere.join();
  EXPECT_TRUE(answers(*it.kernel.try_receive()->outcome, 10));
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(batch, includes_what_callers_put_aside) {
  running<oracle> it(GetParam().options());
  it.kernel.send_batch(questions(5), patience).value();
  EXPECT_TRUE(answers(*it.kernel.call({.nonce = 6}, patience), 6)) << "behind the other five";
  it.kernel.send_batch(questions(5, 7), patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 11; }));
  std::vector<std::uint64_t> counts;
  const auto taken = it.kernel.receive_batch(
      20, [&](const auto& reply) { counts.push_back(reply.value->count); }, patience);
  EXPECT_EQ(taken.value(), 10u);
  EXPECT_THAT(counts, ElementsAre(1, 2, 3, 4, 5, 7, 8, 9, 10, 11));
}

TEST_P(batch, is_refused_by_a_terminated_kernel_which_still_gives_its_replies) {
  running<oracle> it(GetParam().options());
  it.kernel.send_batch(questions(4), patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 4; }));
  it.kernel.terminate();
  EXPECT_EQ(it.kernel.send_batch(questions(4), patience).code(), RONDO_TERMINATED);
  EXPECT_EQ(it.kernel.try_send_batch(questions(4)).code(), RONDO_TERMINATED);
  std::uint64_t n = 0;
  while (n < 4)
    ASSERT_TRUE(it.kernel.receive_batch(
        9, [&](const auto&) { ++n; }, patience));
  EXPECT_EQ(it.kernel
                .receive_batch(
                    9, [](const auto&) {}, patience)
                .code(),
            RONDO_TERMINATED);
}

INSTANTIATE_TEST_SUITE_P(over, batch, testing::ValuesIn(all_ways), name_of_way);

// ---- messages that are encoded, or that only a host can read

class encoded_batch : public testing::TestWithParam<bool> {};  // whether to avoid the map

word_list words(std::size_t count, bool poison = false) {
  word_list list;
  for (std::size_t i = 0; i < count; ++i) list.words[std::to_string(1000 + i)] = 0;
  if (poison) list.words["poison"] = 0;
  return list;
}

TEST_P(encoded_batch, of_host_only_messages_arrives_whole) {
  running<measuring> it({.avoid_mapped = GetParam()});
  std::vector<word_list> lists;
  for (std::size_t i = 0; i < 100; ++i) lists.push_back(words(i % 20));
  std::jthread sender(
      [&] { EXPECT_EQ(it.kernel.send_batch(lists, patience)->count, lists.size()); });
  std::size_t n = 0;
  while (n < lists.size())
    ASSERT_TRUE(it.kernel.receive_batch(
        40,
        [&](const rondo::reply_view<word_lengths>& reply) {
          ASSERT_NE(reply.value, nullptr);
          EXPECT_EQ(reply.value->lengths.size(), n++ % 20);
        },
        patience));
}

TEST_P(encoded_batch, ends_before_a_message_that_cannot_be_encoded) {
  running<measuring> it({.avoid_mapped = GetParam()});
  const std::vector<word_list> lists = {words(1), words(2), words(500), words(3)};
  const auto sent = it.kernel.send_batch(lists, patience);
  EXPECT_EQ(sent->count, 2u);
  EXPECT_EQ(it.kernel.send_batch(std::span(lists).subspan(2), patience).code(), RONDO_TOO_LARGE);
  EXPECT_EQ(it.kernel.send_batch(std::span(lists).subspan(3), patience)->count, 1u);
  for (const std::size_t expected : {1u, 2u, 3u})
    EXPECT_EQ(it.kernel.receive(patience)->outcome->lengths.size(), expected);
  EXPECT_EQ(it.kernel.snapshot().sent, 3u);
}

TEST_P(encoded_batch, whose_decoding_throws_loses_no_more_than_that_reply) {
  running<measuring> it({.avoid_mapped = GetParam()});
  it.kernel.send_batch(std::vector<word_list>{words(1), words(2, true), words(3)}, patience)
      .value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 3; }));
  std::size_t n = 0;
  const auto count = [&](const rondo::reply_view<word_lengths>&) { ++n; };
  std::uint64_t got = 0;
  try {
    got = it.kernel.receive_batch(9, count, patience).value();
  } catch (const std::domain_error&) {
    EXPECT_EQ(n, 1u);
    got = 2 + it.kernel.receive_batch(9, count, patience).value();
  }
  EXPECT_EQ(got, 3u);
}

TEST_P(encoded_batch, of_many_replies_to_one_request_is_taken_as_they_lie) {
  running<emitting> it({.avoid_mapped = GetParam()});
  it.kernel.send({.count = 300, .fails_after = true}, patience).value();
  std::uint32_t n = 0;
  bool failed = false;
  while (!failed)
    ASSERT_TRUE(it.kernel.receive_batch(
        128,
        [&](const rondo::reply_view<small_reply>& reply) {
          if (reply.value != nullptr) {
            EXPECT_EQ(reply.value->value, n++);
            return;
          }
          failed = true;
          EXPECT_THAT(reply.failure().message, HasSubstr("after the last one"));
        },
        patience));
  EXPECT_EQ(n, 300u);
}

TEST_P(encoded_batch, of_large_messages_goes_through_small_queues) {
  running<mirror> it({.input_capacity = 4, .output_capacity = 4, .avoid_mapped = GetParam()});
  std::vector<large> all(20);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].words[0] = i;
  std::jthread sender([&] { EXPECT_EQ(it.kernel.send_batch(all, patience)->count, 20u); });
  std::size_t n = 0;
  while (n < all.size())
    ASSERT_TRUE(it.kernel.receive_batch(
        20,
        [&](const rondo::reply_view<large>& reply) {
          EXPECT_EQ(reply.value->words[large_words - 1], secret(n++, large_words - 1));
        },
        patience));
}

INSTANTIATE_TEST_SUITE_P(through, encoded_batch, testing::Bool(), [](const auto& it) {
  return std::string(it.param ? "calls" : "the_map");
});

TEST(batches, are_read_in_place_and_aligned) {
  running<oracle> it;
  it.kernel.send_batch(questions(100), patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 100; }));
  std::set<const answer*> places;
  const auto taken = it.kernel.receive_batch(
      100,
      [&](const rondo::reply_view<answer>& reply) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(reply.value) % 16, 0u);
        places.insert(reply.value);
      },
      patience);
  EXPECT_EQ(taken.value(), 100u);
  EXPECT_EQ(places.size(), 100u) << "each in its own slot";
}

TEST(batches, free_their_slots_as_they_go) {
  running<oracle> it({.input_capacity = 256, .output_capacity = 128});
  it.kernel.send_batch(questions(200), patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out == 128; }));
  std::uint64_t n = 0;
  const auto taken = it.kernel.receive_batch(
      100,
      [&](const auto&) {
        if (++n == 65) {
          EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().messages_out >= 128 + 64; }));
        }
      },
      patience);
  EXPECT_EQ(taken.value(), 100u);
}

TEST(batches, work_by_the_name_of_a_queue) {
  running<oracle> it;
  auto sender = it.runtime.open_sender<question>(it.kernel.queues().input);
  auto receiver = it.runtime.open_receiver<answer>(it.kernel.queues().output);
  const auto sent = sender.try_send_batch(questions(3)).value();
  EXPECT_EQ(sent.count, 3u);
  std::uint64_t n = 0;
  while (n < 3)
    ASSERT_TRUE(receiver.receive_batch(
        3, [&](const auto& reply) { EXPECT_EQ(reply.correlation_id, sent.first_id + n++); },
        patience));
  EXPECT_EQ(receiver.try_receive_batch(3, [](const auto&) {}).code(), RONDO_EMPTY);
}

TEST(batches, wake_a_parked_kernel_and_a_parked_receiver) {
  running<oracle> it({.wait = rondo::wait_policy::park});
  for (int i = 0; i < 20; ++i) {
    std::uint64_t n = 0;
    std::jthread receiver([&] {
      while (n < 5)
        ASSERT_TRUE(it.kernel.receive_batch(
            9, [&](const auto&) { ++n; }, patience));
    });
    EXPECT_EQ(it.kernel.send_batch(questions(5), patience)->count, 5u);
  }
}

TEST(batches, end_early_when_the_kernel_does) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.input_capacity = 8});
  std::jthread sender([&] {
    const auto sent = kernel.send_batch(questions(100), patience);
    EXPECT_EQ(sent->count, 8u);
  });
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().sent == 8; }));
  EXPECT_EQ(kernel.terminate({.mode = rondo::terminate_mode::discard}).discarded, 8u);
}

}  // namespace
