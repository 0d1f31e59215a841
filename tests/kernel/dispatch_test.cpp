// From a request's bytes to a handler and to its replies, through the function that a backend
// calls.
#include "kernel/reply_collector.hpp"

#include <rondo/kernel/registration.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace kernel_test {
namespace {

struct number {
  std::int64_t value;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value);
  }
};
RONDO_MESSAGE(number, "Number", 3, plain);

struct numbers {
  rondo::bounded_vector<std::int64_t, 4> values;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(values);
  }
};
RONDO_MESSAGE(numbers, "Numbers", 5, encoded);

numbers numbers_of(std::initializer_list<std::int64_t> list) {
  numbers out;
  for (const std::int64_t value : list) out.values.push_back(value);
  return out;
}

// Answers with the negated value; counts how often it ran, and fails where told to.
struct negate {
  static constexpr rondo::handler_id id{"Negate"};
  using request = number;
  using response = number;
  std::int64_t calls = 0;
  void operator()(const number& in, number& out, rondo::context& ctx) {
    ++calls;
    EXPECT_EQ(out.value, 0) << "a response begins with its default value";
    out.value = -in.value;
    if (in.value == 404) ctx.fail(4, "not this number");
    if (in.value == 500) throw std::runtime_error("a number too far");
    if (in.value == 501) throw 501;
  }
};

// Two words, of which these handlers write the first.
struct two_words {
  std::uint64_t first, second;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(first, second);
  }
};
RONDO_MESSAGE(two_words, "TwoWords", 1, plain);

struct fills_half {
  static constexpr rondo::handler_id id{"FillsHalf"};
  using request = number;
  using response = two_words;
  void operator()(const number& in, two_words& out, rondo::context&) {
    out.first = static_cast<std::uint64_t>(in.value);
  }
};
struct says_it_fills : fills_half {
  static constexpr rondo::handler_id id{"SaysItFills"};
  static constexpr bool fills_response = true;
};

struct list_up {
  static constexpr rondo::handler_id id{"ListUp"};
  using request = number;
  using response = numbers;
  void operator()(const number& in, numbers& out, rondo::context& ctx) {
    for (std::int64_t i = 0; i < in.value; ++i) out.values.push_back(i);
    if (in.value == 404) ctx.fail(4, "not this number");
  }
};

struct echo {
  static constexpr rondo::handler_id id{"Echo"};
  using request = numbers;
  using response = numbers;
  std::int64_t calls = 0;
  void operator()(const numbers& in, numbers& out, rondo::context&) {
    ++calls;
    out = in;
  }
};

// Emits each value by itself; a negative one is a failure.
struct split {
  static constexpr rondo::handler_id id{"Split"};
  using request = numbers;
  using response = number;
  std::uint64_t emitted = 0;
  void operator()(const numbers& in, rondo::emitter<number>& out, rondo::context& ctx) {
    for (const std::int64_t value : in.values) {
      if (value < 0) return ctx.fail(-1, "negative");
      if (!out.emit({value})) break;
    }
    emitted = out.emitted();
  }
};

template <class H>
rondo_status handle(H& handler, request_bytes& request, reply_collector& replies) {
  const rondo_status status =
      rondo::detail::invoke_handler<H>(&handler, request.payload(), &replies, &request.invocation);
  EXPECT_FALSE(replies.committed_more_than_reserved());
  return status;
}

// What every refusal has in common: nothing committed, the same code returned and explained.
void expect_refused(rondo_status status, rondo_status expected, const request_bytes& request,
                    const reply_collector& replies) {
  EXPECT_EQ(status, expected);
  EXPECT_EQ(request.invocation.failure_code, expected);
  EXPECT_FALSE(request.failure_text().empty());
  EXPECT_TRUE(replies.replies().empty());
}

TEST(a_replying_handler, answers_plain_with_plain) {
  negate handler;
  request_bytes request(number{17});
  reply_collector replies;
  EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
  ASSERT_EQ(replies.replies().size(), 1u);
  EXPECT_EQ(replies.decoded<number>(0).value, -17);
  EXPECT_EQ(replies.replies()[0].version, 3u);
  EXPECT_EQ(replies.replies()[0].flags, 0u);
}

TEST(a_replying_handler, sends_zeros_where_it_left_its_response_alone) {
  fills_half handler;
  request_bytes request(number{17});
  reply_collector replies;
  EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
  ASSERT_EQ(replies.replies().size(), 1u);
  EXPECT_EQ(replies.decoded<two_words>(0).first, 17u);
  EXPECT_EQ(replies.decoded<two_words>(0).second, 0u);
}

TEST(a_replying_handler, that_says_it_fills_its_response_gets_the_room_as_it_is) {
  says_it_fills handler;
  request_bytes request(number{17});
  reply_collector replies;
  EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
  ASSERT_EQ(replies.replies().size(), 1u);
  EXPECT_EQ(replies.decoded<two_words>(0).first, 17u);
  EXPECT_EQ(replies.decoded<two_words>(0).second, 0xa5a5a5a5a5a5a5a5u) << "what the room held";
}

TEST(a_replying_handler, answers_plain_with_encoded) {
  list_up handler;
  request_bytes request(number{3});
  reply_collector replies;
  EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
  ASSERT_EQ(replies.replies().size(), 1u);
  EXPECT_EQ(replies.decoded<numbers>(0).values, numbers_of({0, 1, 2}).values);
  EXPECT_EQ(replies.replies()[0].payload.size(), 8u + 3 * 8) << "only as long as the value needs";
  EXPECT_EQ(replies.asked_for(), rondo::detail::max_bytes<numbers>());
  EXPECT_EQ(replies.replies()[0].version, 5u);
}

TEST(a_replying_handler, answers_encoded_with_encoded) {
  echo handler;
  request_bytes request(numbers_of({4, 5, 6, 7}));
  reply_collector replies;
  EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
  ASSERT_EQ(replies.replies().size(), 1u);
  EXPECT_EQ(replies.decoded<numbers>(0).values, numbers_of({4, 5, 6, 7}).values);
}

TEST(a_replying_handler, keeps_its_state_between_requests) {
  negate handler;
  for (std::int64_t i = 1; i <= 3; ++i) {
    request_bytes request(number{i});
    reply_collector replies;
    handle(handler, request, replies);
    EXPECT_EQ(handler.calls, i);
  }
}

TEST(a_replying_handler, that_fails_commits_nothing) {
  request_bytes request(number{404});
  reply_collector replies, list_replies;
  negate handler;
  expect_refused(handle(handler, request, replies), RONDO_HANDLER_FAILED, request, replies);
  EXPECT_EQ(request.invocation.user_code, 4);
  EXPECT_EQ(request.failure_text(), "not this number");

  list_up lister;
  request_bytes again(number{404});
  expect_refused(handle(lister, again, list_replies), RONDO_HANDLER_FAILED, again, list_replies);
}

TEST(a_replying_handler, that_throws_becomes_a_failure_with_the_text) {
  negate handler;
  request_bytes request(number{500});
  reply_collector replies;
  expect_refused(handle(handler, request, replies), RONDO_HANDLER_THREW, request, replies);
  EXPECT_EQ(request.failure_text(), "a number too far");
}

TEST(a_replying_handler, that_throws_no_std_exception_becomes_a_failure_too) {
  negate handler;
  request_bytes request(number{501});
  reply_collector replies;
  expect_refused(handle(handler, request, replies), RONDO_HANDLER_THREW, request, replies);
}

TEST(a_replying_handler, does_not_run_when_the_kernel_is_being_stopped) {
  negate handler;
  request_bytes request(number{1});
  reply_collector replies(0);
  EXPECT_EQ(handle(handler, request, replies), RONDO_TERMINATED);
  EXPECT_EQ(handler.calls, 0);
  EXPECT_TRUE(replies.replies().empty());
}

TEST(an_emitting_handler, replies_never_once_or_often) {
  for (const auto& list : {numbers_of({}), numbers_of({8}), numbers_of({8, 9, 10, 11})}) {
    split handler;
    request_bytes request(list);
    reply_collector replies;
    EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
    ASSERT_EQ(replies.replies().size(), list.values.size());
    EXPECT_EQ(handler.emitted, list.values.size());
    for (std::uint32_t i = 0; i < list.values.size(); ++i) {
      EXPECT_EQ(replies.decoded<number>(i).value, list.values[i]);
      EXPECT_EQ(replies.replies()[i].version, 3u);
    }
  }
}

TEST(an_emitting_handler, is_told_when_the_kernel_is_being_stopped) {
  split handler;
  request_bytes request(numbers_of({1, 2, 3}));
  reply_collector replies(2);
  EXPECT_EQ(handle(handler, request, replies), RONDO_OK);
  EXPECT_EQ(handler.emitted, 2u);
  EXPECT_EQ(replies.replies().size(), 2u);
}

TEST(an_emitting_handler, that_fails_before_it_emits_commits_nothing) {
  split handler;
  request_bytes request(numbers_of({-1, 2}));
  reply_collector replies;
  expect_refused(handle(handler, request, replies), RONDO_HANDLER_FAILED, request, replies);
  EXPECT_EQ(request.invocation.user_code, -1);
}

TEST(an_emitting_handler, that_fails_later_has_sent_what_it_emitted) {
  split handler;
  request_bytes request(numbers_of({1, -1, 2}));
  reply_collector replies;
  EXPECT_EQ(handle(handler, request, replies), RONDO_HANDLER_FAILED);
  EXPECT_EQ(replies.replies().size(), 1u);
}

// MSG-01
TEST(a_request, of_another_type_is_refused) {
  negate handler;
  request_bytes request(number{1});
  request.envelope.type = RONDO_TYPE_RESPONSE;
  reply_collector replies;
  expect_refused(handle(handler, request, replies), RONDO_REQUEST_MISMATCH, request, replies);
  EXPECT_EQ(handler.calls, 0);
}

TEST(a_request, of_an_older_or_a_newer_version_is_refused) {
  for (const int version : {0, 2, 4, 65535}) {
    negate handler;
    request_bytes request(number{1});
    request.envelope.version = static_cast<std::uint16_t>(version);
    reply_collector replies;
    expect_refused(handle(handler, request, replies), RONDO_VERSION_MISMATCH, request, replies);
    EXPECT_EQ(handler.calls, 0);
  }
}

TEST(a_request, whose_length_is_not_its_types_is_refused) {
  for (const std::uint32_t length : {0u, 7u, 9u, 65536u}) {
    negate handler;
    request_bytes request(number{1});
    request.envelope.length = length;
    reply_collector replies;
    expect_refused(handle(handler, request, replies), RONDO_MALFORMED, request, replies);
    EXPECT_EQ(handler.calls, 0);
  }
}

TEST(a_request, whose_bytes_are_malformed_is_refused) {
  echo handler;
  request_bytes request(numbers_of({1, 2}));
  request.payload()[0] = 5;  // one more than the bound
  reply_collector replies;
  expect_refused(handle(handler, request, replies), RONDO_MALFORMED, request, replies);

  request_bytes shortened(numbers_of({1, 2}));
  shortened.envelope.length -= 1;
  expect_refused(handle(handler, shortened, replies), RONDO_MALFORMED, shortened, replies);
  EXPECT_EQ(handler.calls, 0);
}

}  // namespace
}  // namespace kernel_test
