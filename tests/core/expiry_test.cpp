// Requests that are too old when their turn comes, and those that are not.
#include "stream_kernels.hpp"
#include "ways.hpp"

#include <gmock/gmock.h>

namespace {

using namespace core_test;
using testing::HasSubstr;

// Through calls there are no deadlines, see queue_options_test.cpp.
constexpr way timed_ways[] = {{"word", rondo::publish_policy::word},
                              {"counted", rondo::publish_policy::counted},
                              {"counted_by_one", rondo::publish_policy::counted, true},
                              {"chunked", rondo::publish_policy::chunked}};

class expiry : public testing::TestWithParam<way> {
 protected:
  rondo::launch_options options(std::uint64_t input = 16) const {
    auto all = GetParam().options(input);
    all.timed = true;
    return all;
  }
  rondo::runtime runtime_ = open_runtime();
};

void wait_past(std::chrono::nanoseconds age) {
  const auto end = std::chrono::steady_clock::now() + age;
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > end; }));
}

TEST_P(expiry, ends_what_is_too_old_and_nothing_behind_it) {
  auto kernel = runtime_.launch<oracle>(options());
  for (std::uint64_t i = 1; i <= 2; ++i)
    ASSERT_TRUE(kernel.send({.nonce = i}, patience, {.ttl = 1ms}));
  ASSERT_TRUE(kernel.send({.nonce = 3}, patience));
  ASSERT_TRUE(kernel.send({.nonce = 4}, patience, {.ttl = 1h}));
  ASSERT_TRUE(kernel.send({.nonce = 5}, patience, {.ttl = 1ns}));
  ASSERT_TRUE(kernel.send({.nonce = 6}, patience, {.ttl = rondo::nanoseconds::max()}));
  wait_past(2ms);
  kernel.activate();
  for (std::uint64_t i = 1; i <= 6; ++i) {
    const auto reply = kernel.receive(patience).value();
    if (i <= 2 || i == 5) {
      ASSERT_EQ(reply.outcome.code(), RONDO_EXPIRED) << i;
      EXPECT_THAT(reply.outcome.failure().message, HasSubstr("time to live"));
    } else {
      EXPECT_TRUE(answers(*reply.outcome, i)) << i;
    }
  }
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 3; }));
  EXPECT_EQ(kernel.snapshot().expired, 3u);
  EXPECT_EQ(kernel.snapshot().messages_dropped, 3u);
  EXPECT_EQ(kernel.snapshot().messages_failed, 0u);
  EXPECT_EQ(kernel.flush(patience).value(), 6u);
}

TEST_P(expiry, reaches_callers_as_a_failure) {
  gate_use gate(0);
  auto kernel = runtime_.launch<gated>(options());
  kernel.activate();
  kernel.send({.gate = 0, .nonce = 1}, patience).value();
  ASSERT_TRUE(gate.reached());
  auto later = kernel.call_async({.gate = no_gate, .nonce = 2}, patience, {.ttl = 1ms});
  std::jthread caller([&] {
    EXPECT_EQ(kernel.call({.gate = no_gate, .nonce = 3}, patience, {.ttl = 1ms}).code(),
              RONDO_EXPIRED);
  });
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().input_depth == 3; }));
  wait_past(2ms);
  gate.open();
  EXPECT_EQ(later.get().code(), RONDO_EXPIRED);
  caller.join();
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().expired == 2; }));
  EXPECT_EQ(kernel.call({.gate = no_gate, .nonce = 4}, patience, {.ttl = 1h})->count, 2u);
}

TEST_P(expiry, counts_from_the_sending_and_not_from_the_launch) {
  running<oracle> it(options());
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().uptime > 60ms; }));
  // Once in many tries the machine is fast enough; counted from the launch it never is.
  EXPECT_TRUE(eventually([&] { return it.kernel.call({}, patience, {.ttl = 50ms}).has_value(); }));
}

TEST_P(expiry, ends_a_wait_for_room) {
  auto kernel = runtime_.launch<oracle>(options(1));
  ASSERT_TRUE(kernel.send({}, patience));
  const auto late = kernel.send({}, patience, {.ttl = 2ms});
  EXPECT_EQ(late.code(), RONDO_EXPIRED);
  EXPECT_THAT(late.failure().message, HasSubstr("before there was room"));
  EXPECT_EQ(kernel.call({}, patience, {.ttl = 2ms}).code(), RONDO_EXPIRED);
  EXPECT_EQ(kernel.snapshot().expired, 2u);
  EXPECT_EQ(kernel.snapshot().sent, 1u);
}

TEST_P(expiry, is_only_counted_where_no_answer_is_owed) {
  noted_count = 0;
  auto kernel = runtime_.launch<noting>(options());
  ASSERT_TRUE(kernel.send({.nonce = 1}, patience, {.ttl = 1ms}));
  ASSERT_TRUE(kernel.send({.nonce = 2}, patience));
  wait_past(2ms);
  kernel.activate();
  EXPECT_EQ(kernel.flush(patience).value(), 2u);
  EXPECT_EQ(noted_count, 1u);
  EXPECT_EQ(kernel.snapshot().expired, 1u);
  EXPECT_EQ(kernel.snapshot().messages_out, 0u);
}

// The answer to an expired request waits for room like any other reply; a stop ends the wait.
TEST_P(expiry, behind_a_full_output_keeps_neither_a_drain_nor_a_stop) {
  auto some = options();
  some.output_capacity = 1;
  auto kernel = runtime_.launch<oracle>(some);
  kernel.activate();
  ASSERT_TRUE(kernel.send({.nonce = 1}, patience));
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().output_depth == 1; }));
  ASSERT_TRUE(kernel.send({.nonce = 2}, patience, {.ttl = 1ns}));
  ASSERT_TRUE(kernel.send({.nonce = 3}, patience));
  const auto report = kernel.terminate({.mode = rondo::terminate_mode::discard});
  EXPECT_EQ(report.discarded, 2u);
  kernel.relaunch();
  kernel.activate();
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 1));
  ASSERT_TRUE(kernel.send({.nonce = 4}, patience, {.ttl = 1ns}));
  EXPECT_EQ(kernel.receive(patience)->outcome.code(), RONDO_EXPIRED);
}

INSTANTIATE_TEST_SUITE_P(ways, expiry, testing::ValuesIn(timed_ways), name_of_way);

}  // namespace
