// A handler's failure reaches the one who waits for the reply, with its code and its words; the
// kernel and the process live.
#include "support.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using testing::HasSubstr;
using testing::StartsWith;

order to_do(misdeed what, std::int32_t code, const std::string& text) {
  order it{.what = what, .user_code = code, .text = {}};
  EXPECT_TRUE(it.text.assign(text));
  return it;
}

class failure : public testing::TestWithParam<bool> {};  // whether to avoid the map

TEST_P(failure, that_the_handler_reports_reaches_its_caller) {
  running<culprit> it({.avoid_mapped = GetParam()});
  const auto reply = it.kernel.call(to_do(misdeed::fail, 17, "the tank is empty"), patience);
  ASSERT_EQ(reply.code(), RONDO_HANDLER_FAILED);
  EXPECT_EQ(reply.failure().object, "Culprit");
  EXPECT_THAT(reply.failure().message, StartsWith("the tank is empty"));
  EXPECT_THAT(reply.failure().message, HasSubstr("17"));
  EXPECT_THROW(reply.value(), rondo::error);
  EXPECT_EQ(it.kernel.call({}, patience)->value, 42u);
}

TEST_P(failure, reaches_a_receiver_as_the_outcome_of_its_request) {
  running<culprit> it({.avoid_mapped = GetParam()});
  const auto first = it.kernel.send(to_do(misdeed::fail, -4, "no"), patience).value();
  const auto second = it.kernel.send({}, patience).value();
  const auto failed = it.kernel.receive(patience);
  ASSERT_TRUE(failed) << "a failed request is a reply, not a failure to receive";
  EXPECT_EQ(failed->correlation_id, first);
  ASSERT_EQ(failed->outcome.code(), RONDO_HANDLER_FAILED);
  EXPECT_THAT(failed->outcome.failure().message, HasSubstr("no"));
  EXPECT_THAT(failed->outcome.failure().message, HasSubstr("-4"));
  const auto well = it.kernel.receive(patience);
  EXPECT_EQ(well->correlation_id, second);
  EXPECT_EQ(well->outcome->value, 42u);
}

TEST_P(failure, by_exception_reaches_its_caller_with_its_text) {
  running<culprit> it({.avoid_mapped = GetParam()});
  const auto thrown = it.kernel.call(to_do(misdeed::throw_error, 0, "out of luck"), patience);
  ASSERT_EQ(thrown.code(), RONDO_HANDLER_THREW);
  EXPECT_EQ(thrown.failure().message, "out of luck");
  const auto number = it.kernel.call(to_do(misdeed::throw_number, 0, ""), patience);
  ASSERT_EQ(number.code(), RONDO_HANDLER_THREW);
  EXPECT_THAT(number.failure().message, HasSubstr("no std::exception"));
  EXPECT_EQ(it.kernel.call({}, patience)->value, 42u);
}

// Culprit's response is small: what a slot has room for is what the launch asked for.
TEST_P(failure, with_a_long_text_is_cut_to_the_room_that_the_launch_asked_for) {
  running<culprit> it({.failure_text = 16, .avoid_mapped = GetParam()});
  const auto cut = it.kernel.call(to_do(misdeed::fail, 3, "the tank is empty again"), patience);
  ASSERT_EQ(cut.code(), RONDO_HANDLER_FAILED);
  EXPECT_THAT(cut.failure().message, StartsWith("the tank is empt"));
  EXPECT_THAT(cut.failure().message, testing::Not(HasSubstr("empty")));
  EXPECT_EQ(it.kernel.call({}, patience)->value, 42u);
}

TEST(failure_text, beyond_what_a_failure_can_have_is_refused) {
  auto runtime = open_runtime();
  rondo::launch_options options;
  options.failure_text = RONDO_FAILURE_TEXT_MAX + 1;
  const auto refusal = refusal_of([&] { runtime.launch<culprit>(options); });
  EXPECT_EQ(refusal.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(refusal.message, HasSubstr("failure_text is 201"));
}

INSTANTIATE_TEST_SUITE_P(through, failure, testing::Bool(), [](const auto& it) {
  return std::string(it.param ? "calls" : "the_map");
});

TEST(failures, are_told_by_their_first) {
  running<culprit> it;
  const auto reply = it.kernel.call(to_do(misdeed::fail_twice, 1, "the first"), patience);
  EXPECT_THAT(reply.failure().message, StartsWith("the first"));
}

TEST(failures, without_words_get_the_codes_own) {
  running<culprit> it;
  const auto reply = it.kernel.call(to_do(misdeed::fail, 0, ""), patience);
  ASSERT_EQ(reply.code(), RONDO_HANDLER_FAILED);
  EXPECT_EQ(reply.failure().message, rondo::status_text(RONDO_HANDLER_FAILED));
}

TEST(failures, of_many_words_are_cut) {
  running<culprit> it;
  for (const auto what : {misdeed::fail, misdeed::throw_error})
    for (const std::size_t length : {199u, 200u, 201u, 400u}) {
      const std::string text = std::string(length - 1, 'x') + "y";
      const auto reply = it.kernel.call(to_do(what, 0, text), patience);
      EXPECT_EQ(reply.failure().message, text.substr(0, RONDO_FAILURE_TEXT_MAX)) << length;
    }
}

TEST(failures, fit_also_where_responses_are_chunked_and_small) {
  running<culprit> it({.input_capacity = 4, .output_capacity = 4});
  auto chunked =
      it.runtime.launch<oracle>({.id = "chunked", .publish = rondo::publish_policy::chunked});
  chunked.activate();
  std::vector<std::byte> none;
  const auto reply = chunked.call_bytes("x", 1, 1, none, patience);
  EXPECT_EQ(reply.code(), RONDO_MALFORMED);
  EXPECT_THAT(reply.failure().message, HasSubstr("size"));
}

TEST(failures, of_a_response_that_does_not_fit_are_reported) {
  running<measuring> it;
  word_list request;  // each word takes four bytes more in the answer
  for (int i = 0; i < 130; ++i) request.words[std::to_string(100 + i)] = i;
  const auto reply = it.kernel.call(request, patience);
  ASSERT_EQ(reply.code(), RONDO_TOO_LARGE);
  EXPECT_THAT(reply.failure().message, HasSubstr("response"));
  request.words = {{"few", 1}};
  EXPECT_EQ(it.kernel.call(request, patience)->lengths.at("few"), 4u);
}

TEST(failures, of_many_callers_reach_the_right_ones) {
  running<culprit> it;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const bool fails = (i + t) % 3 == 0;
        const std::string text = std::to_string(t) + "/" + std::to_string(i);
        const auto reply =
            it.kernel.call(to_do(fails ? misdeed::fail : misdeed::none, 0, text), patience);
        ASSERT_EQ(reply.code(), fails ? RONDO_HANDLER_FAILED : RONDO_OK);
        if (!fails) continue;
        ASSERT_EQ(reply.failure().message, text);
      }
    });
}

TEST(failures, of_an_emitting_handler_come_after_its_replies) {
  running<emitting> it;
  it.kernel.send({.count = 2, .fails_after = true}, patience).value();
  EXPECT_EQ(it.kernel.receive(patience)->outcome->value, 0u);
  EXPECT_EQ(it.kernel.receive(patience)->outcome->value, 1u);
  const auto last = it.kernel.receive(patience);
  EXPECT_EQ(last->outcome.code(), RONDO_HANDLER_FAILED);
  EXPECT_THAT(last->outcome.failure().message, HasSubstr("after the last one"));
}

TEST(failures, without_a_code_cannot_pass_for_a_value) {
  const rondo::result<std::string> odd(rondo::error_info{});
  EXPECT_FALSE(odd);
  EXPECT_EQ(odd.code(), RONDO_INTERNAL);
  EXPECT_EQ(odd.failure().code, RONDO_INTERNAL);
}

}  // namespace
