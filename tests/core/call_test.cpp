// One request and its own reply, however many callers there are, whatever the ring and the way of
// waiting.
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <set>

namespace {

using namespace core_test;
using rondo::publish_policy;
using rondo::wait_policy;
using testing::HasSubstr;

using call_case = std::tuple<wait_policy, publish_policy, bool>;

rondo::launch_options options_of(const call_case& it) {
  rondo::launch_options options;
  std::tie(options.wait, options.publish, options.avoid_mapped) = it;
  return options;
}

std::string name_of(const testing::TestParamInfo<call_case>& it) {
  constexpr const char* waits[] = {"default", "spin", "spin_then_park", "park"};
  constexpr const char* publications[] = {"default", "word", "counted", "chunked"};
  return std::string(waits[static_cast<int>(std::get<0>(it.param))]) + "_" +
         publications[static_cast<int>(std::get<1>(it.param))] +
         (std::get<2>(it.param) ? "_calls" : "_mapped");
}

class call : public testing::TestWithParam<call_case> {};

TEST_P(call, of_64_threads_gives_each_its_own_answer) {
  constexpr std::uint64_t callers = 64, calls_each = 8;
  running<oracle> it(options_of(GetParam()));
  std::latch start(callers);
  std::vector<std::vector<std::uint64_t>> counts(callers);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < callers; ++t)
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        for (std::uint64_t i = 0; i < calls_each; ++i) {
          const std::uint64_t nonce = t << 32 | i;
          const auto reply = it.kernel.call({.nonce = nonce}, patience);
          ASSERT_TRUE(reply) << reply.failure().text();
          ASSERT_TRUE(answers(*reply, nonce));
          counts[t].push_back(reply->count);
        }
      });
  }
  // Every request was handled once: no two answers come from one state of the kernel.
  std::set<std::uint64_t> all;
  for (const auto& mine : counts) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), callers * calls_each);
  EXPECT_EQ(*all.rbegin(), callers * calls_each);
  EXPECT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == callers * calls_each; }));
  EXPECT_EQ(it.kernel.snapshot().late_replies, 0u);
}

TEST_P(call, of_one_thread_is_answered_through_many_laps_of_the_ring) {
  auto options = options_of(GetParam());
  options.input_capacity = 4;
  options.output_capacity = 2;
  running<oracle> it(options);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    const auto reply = it.kernel.call({.nonce = i}, patience);
    ASSERT_TRUE(reply && answers(*reply, i));
    ASSERT_EQ(reply->count, i);
    ASSERT_EQ(reply->message_id, i);
  }
}

INSTANTIATE_TEST_SUITE_P(
    all, call,
    testing::Combine(
        testing::Values(wait_policy::spin, wait_policy::spin_then_park, wait_policy::park),
        testing::Values(publish_policy::word, publish_policy::counted, publish_policy::chunked),
        testing::Bool()),
    name_of);

TEST(calls, of_more_threads_than_there_are_places_to_wait_are_all_answered) {
  constexpr std::uint64_t callers = 300;
  running<oracle> it({.wait = wait_policy::park});
  it.kernel.deactivate();
  std::atomic<std::uint64_t> answered{0};
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < callers; ++t)
    threads.emplace_back([&, t] {
      const auto reply = it.kernel.call({.nonce = t}, patience);
      if (reply && answers(*reply, t)) ++answered;
    });
  // One leads and 256 have a place; the others hold their requests back until a place is free.
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().sent == 257; }));
  it.kernel.activate();
  threads.clear();
  EXPECT_EQ(answered, callers);
  EXPECT_EQ(it.kernel.snapshot().sent, callers);
}

TEST(calls, through_a_small_input_wait_for_room) {
  running<oracle> it({.input_capacity = 2, .output_capacity = 2});
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 50; ++i) {
        const auto reply = it.kernel.call({.nonce = t << 8 | i}, patience);
        ASSERT_TRUE(reply && answers(*reply, t << 8 | i));
      }
    });
}

TEST(calls, by_one_sender_only_work_with_a_ring_for_one) {
  for (const auto publish :
       {publish_policy::word, publish_policy::counted, publish_policy::chunked}) {
    running<oracle> it({.publish = publish, .one_sender = true});
    for (std::uint64_t i = 0; i < 100; ++i)
      ASSERT_TRUE(answers(*it.kernel.call({.nonce = i}, patience), i));
  }
}

TEST(calls, time_out_and_say_what_the_kernel_is_doing) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>();
  const auto reply = kernel.call({}, 20ms);
  ASSERT_EQ(reply.code(), RONDO_TIMEOUT);
  EXPECT_EQ(reply.failure().object, "Oracle");
  EXPECT_THAT(reply.failure().message, HasSubstr("launched"));
  EXPECT_THAT(reply.failure().remedy, HasSubstr("Activate"));
}

TEST(calls, do_not_time_out_before_their_deadline) {
  auto runtime = open_runtime();
  for (const auto wait : {wait_policy::spin, wait_policy::spin_then_park, wait_policy::park}) {
    auto kernel = runtime.launch<oracle>({.wait = wait});
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(kernel.call({}, 30ms).code(), RONDO_TIMEOUT);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
    kernel.terminate();
    runtime.remove(kernel.id());
  }
}

TEST(calls, with_no_or_less_than_no_time_end_at_once) {
  running<oracle> it;
  it.kernel.deactivate();
  EXPECT_EQ(it.kernel.call({}, 0ns).code(), RONDO_TIMEOUT);
  EXPECT_EQ(it.kernel.call({}, -1s).code(), RONDO_TIMEOUT);
  EXPECT_EQ(it.kernel.snapshot().sent, 2u);
}

TEST(calls, with_all_the_time_there_is_do_not_overflow) {
  running<oracle> it;
  EXPECT_TRUE(answers(*it.kernel.call({.nonce = 8}, rondo::nanoseconds::max()), 8));
}

TEST(calls, that_gave_up_leave_replies_that_reach_nobody_and_are_counted) {
  running<gated> it;
  gate_use shut(0);
  EXPECT_EQ(it.kernel.call({.gate = 0, .nonce = 1}, 1ms).code(), RONDO_TIMEOUT);
  EXPECT_EQ(it.kernel.call({.gate = 0, .nonce = 2}, 1ms).code(), RONDO_TIMEOUT);
  std::jthread patient([&] {
    const auto reply = it.kernel.call({.gate = 0, .nonce = 3}, patience);
    EXPECT_TRUE(reply && answers(*reply, 3));
  });
  ASSERT_TRUE(shut.reached());
  shut.open();
  patient.join();
  EXPECT_EQ(it.kernel.snapshot().late_replies, 2u);
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

// Callers give up at every point of the way. What was handled was either answered or came too late.
TEST(calls, that_give_up_at_any_moment_lose_no_reply_unseen) {
  for (const auto wait : {wait_policy::spin, wait_policy::park}) {
    running<oracle> it({.wait = wait});
    std::atomic<std::uint64_t> answered{0};
    {
      std::vector<std::jthread> threads;
      for (std::uint64_t t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
          for (std::uint64_t i = 0; i < 400; ++i) {
            const auto reply =
                it.kernel.call({.nonce = i}, std::chrono::microseconds((i * 7 + t * 3) % 60));
            if (!reply) {
              EXPECT_EQ(reply.code(), RONDO_TIMEOUT);
              continue;
            }
            EXPECT_TRUE(answers(*reply, i));
            ++answered;
          }
        });
    }
    // Its reply comes behind all others.
    EXPECT_TRUE(answers(*it.kernel.call({.nonce = 1}, patience), 1));
    const auto counted = it.kernel.snapshot();
    EXPECT_EQ(answered + 1 + counted.late_replies, counted.sent);
  }
}

TEST(calls, of_bytes_are_answered_in_bytes) {
  running<oracle> it;
  const question request{.nonce = 11};
  std::vector<std::byte> payload;
  const auto header = it.kernel.call_bytes(&request, sizeof request, 1, payload, patience);
  ASSERT_TRUE(header) << header.failure().text();
  EXPECT_EQ(header->type, RONDO_TYPE_RESPONSE);
  EXPECT_EQ(header->version, 2u);
  EXPECT_EQ(header->message_id, 1u);
  answer reply;
  ASSERT_EQ(payload.size(), sizeof reply);
  std::memcpy(&reply, payload.data(), sizeof reply);
  EXPECT_TRUE(answers(reply, 11));
  EXPECT_EQ(header->correlation_id, reply.correlation_id);
}

TEST(calls, of_bytes_that_are_no_request_are_refused_by_the_kernel) {
  running<oracle> it;
  std::vector<std::byte> request(sizeof(question) + 1), payload;
  const auto call_with = [&](std::uint32_t bytes, std::uint16_t version) {
    return it.kernel.call_bytes(request.data(), bytes, version, payload, patience).code();
  };
  EXPECT_EQ(call_with(sizeof(question), 2), RONDO_VERSION_MISMATCH);
  EXPECT_EQ(call_with(sizeof(question) - 1, 1), RONDO_MALFORMED);
  EXPECT_EQ(call_with(0, 1), RONDO_MALFORMED);
  EXPECT_EQ(call_with(sizeof(question) + 1, 1), RONDO_TOO_LARGE);
  EXPECT_EQ(call_with(sizeof(question), 1), RONDO_OK);
  EXPECT_EQ(it.kernel.snapshot().sent, 4u);
}

}  // namespace
