// A snapshot against what is known to have happened, and what a kernel costs while it does nothing.
#include "support.hpp"

#include <sys/resource.h>

namespace {

using namespace core_test;
using rondo::wait_policy;

TEST(telemetry, an_idle_kernel_polls_and_handles_nothing) {  // TEL-01
  running<oracle> it({.wait = wait_policy::spin});
  const auto before = it.kernel.snapshot();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().polls >= before.polls + 1000; }));
  const auto idle = it.kernel.snapshot();
  EXPECT_EQ(idle.messages_in, 0u);
  EXPECT_EQ(idle.messages_out, 0u);
  EXPECT_EQ(idle.bytes_in, 0u);
  EXPECT_EQ(idle.sent, 0u);
  constexpr std::uint64_t total = 37;
  for (std::uint64_t i = 0; i < total; ++i) it.kernel.send({}, patience).value();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == total; }));
  const auto after = it.kernel.snapshot();
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().polls >= after.polls + 1000; }));
  EXPECT_EQ(it.kernel.snapshot().messages_in, total);
}

TEST(telemetry, counts_what_happened) {
  running<culprit> it;
  constexpr std::uint64_t good = 150, bad = 13;
  for (std::uint64_t i = 0; i < good; ++i) EXPECT_TRUE(it.kernel.call({}, patience));
  for (std::uint64_t i = 0; i < bad; ++i) {
    order fails{.what = misdeed::fail, .user_code = 0, .text = {}};
    EXPECT_FALSE(it.kernel.call(fails, patience));
  }
  ASSERT_TRUE(eventually([&] {
    const auto now = it.kernel.snapshot();
    return now.messages_in == good + bad && now.input_depth == 0;
  }));
  const auto counted = it.kernel.snapshot();
  EXPECT_EQ(counted.id, "Culprit");
  EXPECT_EQ(counted.backend, "cpu");
  EXPECT_EQ(counted.state, rondo::kernel_state::active);
  EXPECT_EQ(counted.sent, good + bad);
  EXPECT_EQ(counted.messages_out, good + bad);
  EXPECT_EQ(counted.messages_failed, bad);
  EXPECT_EQ(counted.messages_dropped, 0u);
  EXPECT_EQ(counted.late_replies, 0u);
  // An empty text takes eight bytes of count, the two numbers four each; a failure has no text.
  EXPECT_EQ(counted.bytes_in, 16 * (good + bad));
  EXPECT_EQ(counted.bytes_out, sizeof(small_reply) * good + offsetof(rondo_failure, text) * bad);
  EXPECT_EQ(counted.input_depth, 0u);
  EXPECT_EQ(counted.output_depth, 0u);
  EXPECT_GT(counted.uptime, 0ns);
  EXPECT_LE(counted.since_heartbeat, counted.uptime);
  EXPECT_EQ(counted.handler_samples, (good + bad + RONDO_SAMPLE_EVERY - 1) / RONDO_SAMPLE_EVERY);
  EXPECT_LE(counted.handler_sampled_mean, counted.handler_sampled_max);
}

TEST(telemetry, does_not_count_as_sent_what_was_refused) {
  running<measuring> it;
  word_list request;
  request.words["key"] = 1;
  EXPECT_TRUE(it.kernel.call(request, patience));
  for (int i = 0; i < 500; ++i) request.words[std::to_string(i)] = i;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(it.kernel.send(request, patience).code(), RONDO_TOO_LARGE);
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().input_depth == 0; }));
  const auto counted = it.kernel.snapshot();
  EXPECT_EQ(counted.sent, 1u);
  EXPECT_EQ(counted.messages_in, 1u);
}

TEST(telemetry, does_not_count_as_discarded_what_was_refused) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<measuring>();
  word_list request;
  for (int i = 0; i < 500; ++i) request.words[std::to_string(i)] = i;
  EXPECT_EQ(kernel.try_send(request).code(), RONDO_TOO_LARGE);
  EXPECT_TRUE(kernel.try_send({}));
  EXPECT_EQ(kernel.terminate({.mode = rondo::terminate_mode::discard}).discarded, 1u);
}

TEST(telemetry, shows_what_waits) {
  running<oracle> it({.input_capacity = 8, .output_capacity = 4});
  for (int i = 0; i < 7; ++i) it.kernel.send({}, patience).value();
  // A request is counted, and its slot let go, after its reply is out.
  ASSERT_TRUE(eventually([&] {
    const auto now = it.kernel.snapshot();
    return now.output_depth == 4 && now.input_depth == 3;
  }));
  const auto counted = it.kernel.snapshot();
  EXPECT_EQ(counted.messages_in, 4u);
  EXPECT_EQ(counted.input_depth, 3u);
}

TEST(telemetry, may_be_read_while_everything_moves) {
  running<oracle> it;
  std::atomic<bool> finished{false};
  std::jthread reader([&] {
    rondo::kernel_snapshot last;
    while (!finished) {
      const auto now = it.kernel.snapshot();
      EXPECT_GE(now.messages_in, last.messages_in);
      EXPECT_GE(now.messages_out, last.messages_out);
      EXPECT_GE(now.polls, last.polls);
      EXPECT_GE(now.sent, now.messages_in);
      last = now;
    }
  });
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(it.kernel.call({}, patience));
  finished = true;
}

// Microseconds of processor time that this process has used.
std::int64_t processor_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto microseconds = [](const timeval& t) {
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000 + t.tv_usec;
  };
  return microseconds(used.ru_utime) + microseconds(used.ru_stime);
}

TEST(telemetry, parking_kernels_and_those_who_wait_for_them_use_no_processor) {
  auto runtime = open_runtime();
  std::vector<rondo::kernel<oracle>> kernels;
  for (int i = 0; i < 4; ++i) {
    kernels.push_back(
        runtime.launch<oracle>({.id = "k" + std::to_string(i), .wait = wait_policy::park}));
    kernels.back().activate();
    ASSERT_TRUE(kernels.back().call({}, patience));
  }
  constexpr auto waited = 400ms;
  // Spinning, eight threads would use that much at least on one processor.
  EXPECT_TRUE(takes_less_than(waited / 2, [&] {
    const auto before = processor_time();
    {
      std::vector<std::jthread> receivers;
      for (auto& kernel : kernels)
        receivers.emplace_back([&] { EXPECT_EQ(kernel.receive(waited).code(), RONDO_TIMEOUT); });
    }
    return std::chrono::microseconds(processor_time() - before);
  }));
}

}  // namespace
