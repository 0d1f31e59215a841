// Every kind of message on its way to a kernel and back: plain, encoded, host-only, the largest
// there is; and none, one or many replies.
#include "support.hpp"

#include <gmock/gmock.h>

#include <cstring>

namespace {

using namespace core_test;
using rondo::publish_policy;
using testing::HasSubstr;

TEST(message, that_is_plain_is_aligned_and_whole) {
  running<oracle> it;
  const auto reply = it.kernel.call({.nonce = 77, .filling = {1, 2, 3, 4, 5, 6, 7}}, patience);
  EXPECT_TRUE(answers(*reply, 77));
  EXPECT_EQ(it.kernel.queues().input, "ringkernel_Question_Oracle_input");
  EXPECT_EQ(it.kernel.queues().output, "ringkernel_Answer_Oracle_output");
}

TEST(message, that_is_encoded_has_replies_of_another_type) {
  running<emitting> it;
  it.kernel.send({.count = 1}, patience).value();
  const auto one = it.kernel.receive(patience);
  EXPECT_EQ(one->outcome->value, 0u);
}

class large_message : public testing::TestWithParam<std::tuple<publish_policy, bool>> {};

TEST_P(large_message, of_64_kib_travels_whole_through_laps_of_the_ring) {
  const auto [publish, avoid_mapped] = GetParam();
  running<mirror> it({.input_capacity = 2,
                      .output_capacity = 2,
                      .publish = publish,
                      .avoid_mapped = avoid_mapped});
  const auto request = std::make_unique<large>();
  struct framed {
    std::uint64_t before = 0x5afe'5afe'5afe'5afeu;
    large reply;
    std::uint64_t after = 0xfeed'feed'feed'feedu;
  };
  const auto frame = std::make_unique<framed>();
  for (std::uint64_t round = 0; round < 6; ++round) {
    for (std::uint32_t i = 0; i < large_words; ++i) request->words[i] = secret(i, round);
    const auto answer = it.kernel.call(*request, patience);
    ASSERT_TRUE(answer) << answer.failure().text();
    frame->reply = *answer;
    for (std::uint32_t i = 0; i < large_words; ++i)
      ASSERT_EQ(frame->reply.words[i], secret(request->words[large_words - 1 - i], i)) << i;
  }
  EXPECT_EQ(frame->before, 0x5afe'5afe'5afe'5afeu);
  EXPECT_EQ(frame->after, 0xfeed'feed'feed'feedu);
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 6; }));
  EXPECT_EQ(it.kernel.snapshot().bytes_in, 6u * RONDO_MAX_PAYLOAD);
}

INSTANTIATE_TEST_SUITE_P(through, large_message,
                         testing::Combine(testing::Values(publish_policy::word,
                                                          publish_policy::counted),
                                          testing::Bool()));

TEST(message, of_64_kib_from_many_callers_is_not_mixed_up) {
  running<mirror> it({.input_capacity = 4, .output_capacity = 4});
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto request = std::make_unique<large>();
      for (auto& word : request->words) word = t;
      for (int i = 0; i < 5; ++i) {
        const auto reply = it.kernel.call(*request, patience);
        ASSERT_TRUE(reply) << reply.failure().text();
        for (std::uint32_t k = 0; k < large_words; ++k) ASSERT_EQ(reply->words[k], secret(t, k));
      }
    });
}

class host_only : public testing::TestWithParam<bool> {};  // whether to avoid the map

TEST_P(host_only, messages_run_on_the_cpu) {
  running<measuring> it({.avoid_mapped = GetParam()});
  word_list request;
  request.words = {{"one", 1}, {"three", 3}, {"", 9}};
  const auto reply = it.kernel.call(request, patience);
  ASSERT_TRUE(reply) << reply.failure().text();
  const std::map<std::string, std::uint64_t> expected{{"one", 4}, {"three", 8}, {"", 9}};
  EXPECT_EQ(reply->lengths, expected);
}

TEST_P(host_only, messages_above_their_declared_size_are_refused_and_the_queue_goes_on) {
  running<measuring> it({.input_capacity = 2, .avoid_mapped = GetParam()});
  word_list request;
  for (int i = 0; i < 500; ++i) request.words[std::to_string(i)] = i;
  for (int i = 0; i < 5; ++i) {
    const auto refused = it.kernel.call(request, patience);
    ASSERT_EQ(refused.code(), RONDO_TOO_LARGE);
    EXPECT_THAT(refused.failure().message, HasSubstr("WordList v1"));
    EXPECT_THAT(refused.failure().message, HasSubstr("ringkernel_WordList_Measuring_input"));
    EXPECT_FALSE(refused.failure().remedy.empty());
  }
  EXPECT_TRUE(it.kernel.call({}, patience));
}

TEST_P(host_only, readers_that_throw_harm_nobody_else) {
  running<measuring> it({.avoid_mapped = GetParam()});
  word_list poison;
  poison.words["poison"] = 1;
  EXPECT_THROW((void)it.kernel.call(poison, patience), std::domain_error);
  EXPECT_TRUE(it.kernel.call({}, patience));
  it.kernel.send(poison, patience).value();
  EXPECT_THROW((void)it.kernel.receive(patience), std::domain_error);
  EXPECT_TRUE(it.kernel.call({}, patience));
  word_list breaks_the_kernels_reader;
  breaks_the_kernels_reader.breaks_its_reader = true;
  const auto thrown = it.kernel.call(breaks_the_kernels_reader, patience);
  ASSERT_EQ(thrown.code(), RONDO_HANDLER_THREW);
  EXPECT_THAT(thrown.failure().message, HasSubstr("a reader that throws what it likes"));
  EXPECT_TRUE(it.kernel.call({}, patience));
}

INSTANTIATE_TEST_SUITE_P(through, host_only, testing::Bool(), [](const auto& it) {
  return std::string(it.param ? "calls" : "the_map");
});

TEST(emit, of_none_one_and_many_replies_arrive_in_order) {
  running<emitting> it({.output_capacity = 4});
  const auto none = it.kernel.send({.count = 0}, patience).value();
  const auto one = it.kernel.send({.count = 1}, patience).value();
  const auto many = it.kernel.send({.count = 20}, patience).value();
  EXPECT_LT(none, one);
  const auto first = it.kernel.receive(patience).value();
  EXPECT_EQ(first.correlation_id, one);
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto reply = it.kernel.receive(patience).value();
    EXPECT_EQ(reply.correlation_id, many);
    EXPECT_EQ(reply.outcome->value, i);
    EXPECT_EQ(reply.message_id, i + 2u);
  }
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 3; }));
  EXPECT_EQ(it.kernel.snapshot().messages_out, 21u);
}

}  // namespace
