// A kernel that was ended and launched again is what its launch options said, seen from outside: by
// what its queues take and refuse, by how it waits, by what it calls hung. Its state, its names and
// the sizes of its queues are in terminate_test.cpp.
#include "ways.hpp"

#include <gmock/gmock.h>

#include <future>
#include <optional>
#include <thread>

namespace {

using namespace core_test;
using rondo::kernel_state;
using rondo::wait_policy;
using rondo::when_full;
using testing::HasSubstr;

// One that has answered in its first life, in its second, not active yet.
template <class H>
rondo::kernel<H> again(rondo::runtime& runtime, const rondo::launch_options& options,
                       const typename H::request& first = {}) {
  auto kernel = runtime.launch<H>(options);
  kernel.activate();
  EXPECT_TRUE(kernel.call(first, patience));
  kernel.terminate();
  kernel.relaunch();
  return kernel;
}

TEST(relaunch, waits_for_a_reader_of_the_last_life_and_leaves_the_kernel_ended_if_it_stays) {
  running<oracle> it({.launch_deadline = 100ms});
  auto& kernel = it.kernel;
  ASSERT_TRUE(kernel.send({7}, patience).has_value());
  std::promise<void> reads, may_go_on;
  std::thread reader([&] {
    static_cast<void>(kernel.receive_batch(
        1,
        [&](const auto&) {
          reads.set_value();
          may_go_on.get_future().wait_for(patience);
        },
        patience));
  });
  EXPECT_EQ(reads.get_future().wait_for(patience), std::future_status::ready);
  kernel.terminate();
  EXPECT_EQ(refusal_of([&] { kernel.relaunch(); }).code, RONDO_TIMEOUT);
  EXPECT_EQ(kernel.state(), rondo::kernel_state::terminated);
  EXPECT_EQ(kernel.send({7}, patience).code(), RONDO_TERMINATED);
  may_go_on.set_value();
  reader.join();
  kernel.relaunch();
  kernel.activate();
  EXPECT_TRUE(kernel.call({7}, patience).has_value());
}

class second_life : public testing::TestWithParam<bool> {  // whether to avoid the map
 protected:
  static rondo::launch_options options(std::uint64_t input = 16) {
    return {.input_capacity = input, .avoid_mapped = GetParam()};
  }
  rondo::runtime runtime_ = open_runtime();
};

INSTANTIATE_TEST_SUITE_P(avoiding_the_map, second_life, testing::Bool(),
                         [](const auto& it) { return it.param ? "calls" : "mapped"; });

TEST_P(second_life, does_with_a_full_input_what_the_launch_said) {
  struct row {
    when_full policy;
    rondo::status code;
    std::uint64_t dropped_oldest, dropped_newest;
  };
  for (const auto& each :
       {row{when_full::block, RONDO_TIMEOUT, 0, 0}, row{when_full::reject, RONDO_FULL, 0, 0},
        row{when_full::drop_newest, RONDO_DROPPED, 0, 1},
        row{when_full::drop_oldest, RONDO_OK, 1, 0}}) {
    auto some = options(2);
    some.input_full = each.policy;
    auto kernel = again<oracle>(runtime_, some);
    for (std::uint64_t i = 1; i <= 2; ++i) ASSERT_TRUE(kernel.try_send({.nonce = i}));
    const auto timeout = each.code == RONDO_TIMEOUT ? 5ms : std::chrono::nanoseconds(patience);
    EXPECT_EQ(kernel.send({.nonce = 3}, timeout).code(), each.code);
    EXPECT_EQ(kernel.snapshot().dropped_oldest, each.dropped_oldest);
    EXPECT_EQ(kernel.snapshot().dropped_newest, each.dropped_newest);
    kernel.terminate({.mode = rondo::terminate_mode::discard});
    runtime_.remove(kernel.id());
  }
}

TEST_P(second_life, does_with_a_full_output_what_the_launch_said) {
  struct row {
    when_full policy;
    std::uint64_t failed;
  };
  for (const auto& each : {row{when_full::drop_newest, 0}, row{when_full::reject, 3}}) {
    auto some = options();
    some.output_capacity = 2;
    some.output_full = each.policy;
    auto kernel = again<oracle>(runtime_, some);
    kernel.activate();
    for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
    EXPECT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 6; }));
    EXPECT_EQ(kernel.snapshot().replies_dropped, 3u);
    EXPECT_EQ(kernel.snapshot().messages_failed, each.failed);
    kernel.terminate();
    runtime_.remove(kernel.id());
  }
  auto some = options();
  some.output_capacity = 2;
  some.output_full = when_full::block;
  auto kernel = again<oracle>(runtime_, some);
  kernel.activate();
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(kernel.send({.nonce = i}, patience));
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i)) << "none was lost";
  EXPECT_EQ(kernel.snapshot().replies_dropped, 0u);
}

TEST_P(second_life, has_the_urgent_lane) {
  auto some = options(2);
  some.urgent_lane = true;
  auto kernel = again<oracle>(runtime_, some);
  for (std::uint64_t i = 1; i <= 2; ++i) ASSERT_TRUE(kernel.try_send({.nonce = i}));
  EXPECT_EQ(kernel.try_send({}).code(), RONDO_FULL);
  for (std::uint64_t i = 3; i <= 4; ++i)
    ASSERT_TRUE(kernel.try_send({.nonce = i}, {.urgent = true})) << "room of its own";
  kernel.activate();
  for (const std::uint64_t i : {3, 4, 1, 2})
    EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, i)) << i;
}

// The rest of what a window does is in duplicate_test.cpp.
TEST_P(second_life, has_the_window_of_keys_in_its_length) {
  auto some = options();
  some.duplicate_window = 2;
  auto kernel = again<oracle>(runtime_, some);
  const auto code = [&](std::uint64_t k) { return kernel.try_send({}, {.key = k}).code(); };
  for (const std::uint64_t k : {1, 2}) EXPECT_EQ(code(k), RONDO_OK);
  for (const std::uint64_t k : {1, 2}) EXPECT_EQ(code(k), RONDO_REPEATED);
  EXPECT_EQ(code(3), RONDO_OK);
  EXPECT_EQ(code(2), RONDO_REPEATED);
  EXPECT_EQ(code(1), RONDO_OK) << "beyond";
}

TEST_P(second_life, calls_the_same_handler_hung) {
  const auto threads = thread_count();
  std::optional<gate_use> shut(0);
  auto some = options();
  some.handler_deadline = 500ms;  // the first life's handlers have to keep it
  auto kernel = again<gated>(runtime_, some, {.gate = no_gate});
  kernel.activate();
  ASSERT_TRUE(kernel.send({.gate = 0}, patience));
  ASSERT_TRUE(shut->reached());
  EXPECT_TRUE(eventually([&] { return kernel.state() == kernel_state::failed; }));
  EXPECT_EQ(kernel.snapshot().failure_code, RONDO_HANDLER_HUNG);
  EXPECT_THAT(kernel.snapshot().failure, HasSubstr("500 ms"));
  shut.reset();  // and its thread, which nobody could end, does
  EXPECT_TRUE(eventually([&] { return thread_count() == threads; }));
}

// Through calls there are no deadlines of requests.
TEST(second_life_of, a_timed_kernel_lets_requests_expire) {
  auto runtime = open_runtime();
  auto kernel = again<oracle>(runtime, {.timed = true});
  ASSERT_TRUE(kernel.send({.nonce = 1}, patience, {.ttl = 1ns}));
  ASSERT_TRUE(kernel.send({.nonce = 2}, patience, {.ttl = 1h}));
  kernel.activate();
  EXPECT_EQ(kernel.receive(patience)->outcome.code(), RONDO_EXPIRED);
  EXPECT_TRUE(answers(*kernel.receive(patience)->outcome, 2));
  EXPECT_EQ(kernel.snapshot().expired, 1u);
}

// Whether the kernel goes on looking at its empty input, or comes to rest. A million looks are some
// milliseconds of spinning, and more than one that sleeps makes in as long as a test may take.
constexpr std::uint64_t looks_of_a_spinner = 1'000'000;

TEST(second_life_of, a_spinning_kernel_never_comes_to_rest) {
  for (const auto& options :
       {rondo::launch_options{.wait = wait_policy::spin},
        rondo::launch_options{.wait = wait_policy::spin_then_park, .spin_time = 1h}}) {
    auto runtime = open_runtime();
    auto kernel = again<oracle>(runtime, options);
    kernel.activate();
    const auto before = kernel.snapshot().polls;
    EXPECT_TRUE(eventually([&] { return kernel.snapshot().polls > before + looks_of_a_spinner; }));
  }
}

TEST(second_life_of, a_parking_kernel_sleeps_and_is_woken) {
  auto runtime = open_runtime();
  for (const auto& options :
       {rondo::launch_options{.id = "parks", .wait = wait_policy::park},
        rondo::launch_options{
            .id = "spins", .wait = wait_policy::spin_then_park, .spin_time = 20us}}) {
    auto kernel = again<oracle>(runtime, options);
    auto beside = runtime.launch<oracle>({.id = "beside", .wait = wait_policy::spin});
    kernel.activate();
    beside.activate();
    ASSERT_TRUE(kernel.call({}, patience));
    const auto before = kernel.snapshot().polls;
    const auto begun = beside.snapshot().polls;
    ASSERT_TRUE(eventually([&] { return beside.snapshot().polls > begun + looks_of_a_spinner; }));
    EXPECT_LT(kernel.snapshot().polls - before, looks_of_a_spinner / 10);
    EXPECT_TRUE(kernel.call({}, patience));
    beside.terminate();
    runtime.remove("beside");
  }
}

TEST(second_life_of, a_kernel_in_a_pool_has_no_thread_of_its_own) {
  auto options = hermetic();
  options.device_options = {{"cpu", "pool_threads", "1"}};
  auto runtime = rondo::runtime::open(options);
  auto first = again<oracle>(runtime, {.id = "first", .threads = rondo::kernel_threads::pool});
  first.activate();
  ASSERT_TRUE(first.call({}, patience));
  const auto with_one = thread_count();
  for (int k = 0; k < 5; ++k) {
    auto kernel = again<oracle>(
        runtime, {.id = "k" + std::to_string(k), .threads = rondo::kernel_threads::pool});
    kernel.activate();
    EXPECT_TRUE(kernel.call({}, patience));
  }
  EXPECT_EQ(thread_count(), with_one);
}

}  // namespace
