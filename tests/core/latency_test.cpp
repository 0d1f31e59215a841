// The two histograms of a snapshot against what is known to have happened: which requests are in
// them, and durations that the test itself has made, from below and from above.
#include "loader_support.hpp"
#include "ways.hpp"

#include <rondo/kernel/registration.hpp>

#include <span>
#include <stdexcept>

namespace latency_test {

using namespace core_test;

// Fails or throws; its messages fit every ring.
struct unwilling {
  static constexpr rondo::handler_id id{"Unwilling"};
  using request = question;
  using response = small_reply;
  void operator()(const request& in, response&, rondo::context& ctx) {
    if (in.nonce % 2 == 0) throw std::runtime_error("thrown");
    ctx.fail(1, "failed");
  }
};
RONDO_KERNEL(unwilling);

}  // namespace latency_test

namespace {

using namespace core_test;
using latency_test::unwilling;
using rondo::kernel_snapshot;
using rondo::latency_histogram;
using std::chrono::steady_clock;

constexpr std::uint64_t every = RONDO_SAMPLE_EVERY;

// How many are surely shorter.
std::uint64_t shorter_than(const latency_histogram& all, rondo::nanoseconds duration) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < latency_histogram::bucket_count; ++i)
    if (latency_histogram::bounds_of(i).below <= duration) n += all.buckets[i];
  return n;
}

template <class H>
kernel_snapshot settled(const rondo::kernel<H>& kernel, std::uint64_t handled) {
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().messages_in == handled; }));
  return kernel.snapshot();
}

void expect_counts(const kernel_snapshot& counted, std::uint64_t timed) {
  EXPECT_EQ(counted.handler_samples, timed);
  EXPECT_EQ(counted.handling.count(), timed);
  EXPECT_EQ(counted.queueing.count(), timed);
}

// ---- buckets and what is asked of them

TEST(histogram, has_a_bucket_for_every_power_of_two) {
  EXPECT_EQ(latency_histogram::bounds_of(0).at_least, 0ns);
  for (std::size_t i = 0; i + 1 < latency_histogram::bucket_count; ++i) {
    EXPECT_EQ(latency_histogram::bounds_of(i).below.count(), std::int64_t{2} << i);
    EXPECT_EQ(latency_histogram::bounds_of(i).below, latency_histogram::bounds_of(i + 1).at_least);
  }
  EXPECT_EQ(latency_histogram::bounds_of(39).below, rondo::nanoseconds::max());
}

TEST(histogram, tells_quantiles_by_the_bucket_that_holds_them) {
  latency_histogram all;
  EXPECT_EQ(all.count(), 0u);
  EXPECT_EQ(all.quantile(0.5).below, 0ns);
  all.buckets[3] = 50;
  all.buckets[10] = 49;
  all.buckets[39] = 1;
  EXPECT_EQ(all.count(), 100u);
  EXPECT_EQ(all.quantile(0).below, 16ns);
  EXPECT_EQ(all.quantile(0.5).below, 16ns);
  EXPECT_EQ(all.quantile(0.51).below, 2048ns);
  EXPECT_EQ(all.quantile(0.99).below, 2048ns);
  EXPECT_EQ(all.quantile(0.991).at_least.count(), std::int64_t{1} << 39);
  EXPECT_EQ(all.quantile(1).below, rondo::nanoseconds::max());
  EXPECT_EQ(all.quantile(7).below, rondo::nanoseconds::max());
}

// ---- on every way that requests can travel, whoever's threads handle them

class latency : public on_each_kind<way> {
 protected:
  static way by() { return std::get<1>(GetParam()); }
};

TEST_P(latency, of_a_handler_and_of_what_waits_behind_it_is_what_the_test_made_it) {
  running<gated> it(by().options());
  gate_use gate(0);
  const auto begin = steady_clock::now();
  ASSERT_TRUE(it.kernel.send({.gate = 0}, patience));
  for (std::uint64_t i = 1; i < 2 * every; ++i)
    ASSERT_TRUE(it.kernel.send({.gate = no_gate}, patience));
  ASSERT_TRUE(gate.reached());
  expect_with_backend(by(), it.kernel, 2 * every);  // whose push stamps them
  const auto all_wait = steady_clock::now();
  expect_counts(it.kernel.snapshot(), 0);  // the first has not ended, the others not begun
  constexpr auto least = 20ms;
  ASSERT_TRUE(eventually([&] { return steady_clock::now() - all_wait > least; }));
  gate.open();
  for (std::uint64_t i = 0; i < 2 * every; ++i) ASSERT_TRUE(it.kernel.receive(patience));
  const auto counted = settled(it.kernel, 2 * every);
  const auto most = steady_clock::now() - begin;
  expect_counts(counted, 2);
  EXPECT_LE(shorter_than(counted.handling, least), 1u) << "the first was handled longer";
  EXPECT_LE(shorter_than(counted.queueing, least), 1u) << "the second waited longer";
  EXPECT_LE(counted.handling.quantile(1).at_least, most);
  EXPECT_LE(counted.queueing.quantile(1).at_least, most + 64ns);
  EXPECT_GT(counted.handling.quantile(1).below, counted.handler_sampled_mean);
  EXPECT_LE(counted.handling.quantile(1).at_least, counted.handler_sampled_max);
}

TEST_P(latency, is_of_every_64th_request_however_it_is_sent) {
  running<oracle> it(by().options());
  const auto take = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(it.kernel.receive(patience));
  };
  for (std::uint64_t i = 0; i < every; ++i) ASSERT_TRUE(it.kernel.call({}, patience));
  expect_counts(settled(it.kernel, every), 1);
  for (std::uint64_t i = 0; i < every; ++i) ASSERT_TRUE(it.kernel.send({}, patience));
  take(every);
  expect_counts(settled(it.kernel, 2 * every), 2);
  const std::vector<question> many(2 * every);
  ASSERT_EQ(it.kernel.send_batch(std::span<const question>(many), patience).value().count,
            2 * every);
  take(2 * every);
  expect_counts(settled(it.kernel, 4 * every), 4);
  for (std::uint64_t i = 0; i < every; ++i)
    ASSERT_TRUE(it.kernel.reserve(patience).value().commit());
  take(every);
  expect_counts(settled(it.kernel, 5 * every), 5);
  ASSERT_TRUE(it.kernel.send({}, patience));
  take(1);
  expect_counts(settled(it.kernel, 5 * every + 1), 6);
}

// The handler begins when there is room for its reply.
TEST_P(latency, counts_a_wait_for_room_in_the_output_as_queueing) {
  running<oracle> it(by().options(2 * every, every));
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(it.kernel.send({}, patience));
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().output_depth == every; }));
  expect_with_backend(by(), it.kernel, every + 1);
  const auto full = steady_clock::now();
  constexpr auto least = 20ms;
  ASSERT_TRUE(eventually([&] { return steady_clock::now() - full > 5 * least; }));
  expect_counts(it.kernel.snapshot(), 1);
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(it.kernel.receive(patience));
  const auto counted = settled(it.kernel, every + 1);
  expect_counts(counted, 2);
  EXPECT_LE(shorter_than(counted.queueing, least), 1u);
}

TEST_P(latency, is_told_of_requests_that_fail_too) {
  running<unwilling> it(by().options());
  for (std::uint64_t i = 0; i <= 3 * every; ++i)
    EXPECT_FALSE(it.kernel.call({.nonce = i / every}, patience));
  const auto counted = settled(it.kernel, 3 * every + 1);
  EXPECT_EQ(counted.messages_failed, 3 * every + 1);
  expect_counts(counted, 4);
}

TEST_P(latency, is_not_told_of_what_is_discarded) {
  auto runtime = open_runtime();
  auto kernel = launch<oracle>(runtime, by().options());
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(kernel.send({}, patience));
  expect_with_backend(by(), kernel, every + 1);
  kernel.terminate({.mode = rondo::terminate_mode::discard});
  EXPECT_EQ(kernel.snapshot().messages_dropped, every + 1);
  expect_counts(kernel.snapshot(), 0);
}

INSTANTIATE_TEST_SUITE_P(over, latency, testing::Combine(each_kind, testing::ValuesIn(all_ways)),
                         [](const auto& it) {
                           return name_of_kind(it) + "_" + std::get<1>(it.param).name;
                         });

// ---- what only a dedicated thread does

TEST(latency_by_rules, is_not_told_of_what_is_given_up) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>(
      {.input_capacity = every, .input_full = rondo::when_full::drop_oldest});
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(kernel.send({}, patience));
  kernel.activate();
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(kernel.receive(patience));
  const auto counted = settled(kernel, every);
  EXPECT_EQ(counted.dropped_oldest, 1u);
  expect_counts(counted, 1);  // number 64, not number 0
}

TEST(latency_by_rules, is_not_told_of_what_expires) {
  running<oracle> it({.timed = true});
  EXPECT_EQ(it.kernel.call({}, patience, {.ttl = 1ns}).code(), RONDO_EXPIRED);
  for (std::uint64_t i = 1; i < every; ++i) ASSERT_TRUE(it.kernel.call({}, patience));
  auto counted = settled(it.kernel, every - 1);
  EXPECT_EQ(counted.expired, 1u);
  expect_counts(counted, 0);
  ASSERT_TRUE(it.kernel.call({}, patience, {.ttl = 1h}));
  expect_counts(settled(it.kernel, every), 1);
}

TEST(latency_by_rules, is_told_of_both_lanes) {
  running<oracle> it({.urgent_lane = true});
  for (std::uint64_t i = 0; i <= every; ++i)
    ASSERT_TRUE(it.kernel.call({}, patience, {.urgent = true}));
  expect_counts(settled(it.kernel, every + 1), 2);
  ASSERT_TRUE(it.kernel.call({}, patience));
  expect_counts(settled(it.kernel, every + 2), 3);
}

TEST(latency_of_a_claim, begins_when_it_is_committed_and_not_before_it_is) {
  running<oracle> it;
  const auto claimed_at = steady_clock::now();
  auto claimed = it.kernel.reserve(patience).value();
  constexpr auto held = 200ms;
  ASSERT_TRUE(eventually([&] { return steady_clock::now() - claimed_at > held; }));
  const auto committed_at = steady_clock::now();
  ASSERT_TRUE(claimed.commit());
  ASSERT_TRUE(it.kernel.receive(patience));
  const auto counted = settled(it.kernel, 1);
  expect_counts(counted, 1);
  EXPECT_LE(counted.queueing.quantile(1).at_least, steady_clock::now() - committed_at + 64ns);
}

TEST(latency_of_a_kernel, goes_on_over_a_relaunch) {
  running<oracle> it;
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(it.kernel.call({}, patience));
  expect_counts(settled(it.kernel, every + 1), 2);
  it.kernel.terminate();
  it.kernel.relaunch();
  it.kernel.activate();
  for (std::uint64_t i = 0; i < every; ++i) ASSERT_TRUE(it.kernel.call({}, patience));
  expect_counts(settled(it.kernel, 2 * every + 1), 3);
}

// Nothing is made up for it.
TEST(latency_of_a_backend, that_tells_none_is_empty) {
  auto options = hermetic();
  options.plugin_paths.push_back(loader_support::fixture("plain_c"));
  options.only_backends = {};
  auto runtime = rondo::runtime::open(options);
  auto kernel = runtime.launch<oracle>({.backend = "plain_c"});
  kernel.activate();
  for (std::uint64_t i = 0; i <= every; ++i) ASSERT_TRUE(kernel.call({}, patience));
  expect_counts(settled(kernel, every + 1), 0);
}

}  // namespace
