// Queues with rules on a GPU, resident and event-driven: what overtakes, what gets too old, what is
// given up, and what finds the output full. The same outcomes and counts as on the CPU.
#include "support.hpp"

#include <future>
#include <set>
#include <vector>

namespace cuda_test {
namespace {

using rondo::when_full;

class rules_on_gpu : public each_placement {
 protected:
  // Rings small enough to be full.
  static rondo::launch_options small(std::uint64_t input, std::uint64_t output = 64) {
    auto options = how(GetParam());
    options.input_capacity = input;
    options.output_capacity = output;
    return options;
  }
  static bool is_behind_the_bus() { return std::string(GetParam()) == "bar"; }

  // Replies are read when the test says so, and not before.
  void complete_by_hand() {
    auto options = where();
    options.manual_completion = true;
    rt.emplace(rondo::runtime::open(options));
  }
  template <class T>
  rondo::result<T> get(std::future<rondo::result<T>>& of) {
    EXPECT_TRUE(soon([&] {
      rt->poll();
      return of.wait_for(0s) == std::future_status::ready;
    }));
    return of.get();
  }
  template <class Kernel>
  static void await_handled(Kernel& kernel, std::uint64_t count) {
    EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == count; }))
        << kernel.snapshot().messages_in << " of " << count;
  }
};
INSTANTIATE_TEST_SUITE_P(placements, rules_on_gpu, ::testing::Values("pinned", "bar", "event"),
                         [](const auto& p) { return std::string(p.param); });

template <class H>
void expect_urgent_first(rondo::runtime& rt, rondo::launch_options options, std::uint64_t salt) {
  SCOPED_TRACE(H::id.text);
  options.urgent_lane = true;
  auto kernel = rt.launch<H>(options);
  for (std::uint64_t i = 16; i < 24; ++i)
    ASSERT_TRUE(kernel.send(ask(i), 5s, {.urgent = i % 2 == 1}));
  kernel.activate();
  for (const std::uint64_t i : {17, 19, 21, 23, 16, 18, 20, 22}) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply) << reply.failure().message;
    ASSERT_TRUE(reply->outcome) << reply->outcome.failure().message;
    EXPECT_EQ(reply->outcome->proof, secret(i, salt)) << i;
    EXPECT_EQ(reply->outcome->on_device, 1u);
  }
  kernel.terminate();
  EXPECT_EQ(kernel.snapshot().messages_in, 8u);
  rt.remove(kernel.id());
}

TEST_P(rules_on_gpu, urgent_requests_overtake_and_each_lane_keeps_its_order) {
  auto options = small(16);
  if (is_behind_the_bus()) {
    options.urgent_lane = true;
    try {
      rt->launch<plain_teller>(options);
      ADD_FAILURE() << "two lanes behind the bus";
    } catch (const rondo::error& refused) {
      EXPECT_EQ(refused.code(), RONDO_UNSUPPORTED);
      EXPECT_NE(refused.message().find("urgent_lane"), std::string::npos) << refused.message();
    }
    return;
  }
  for (const auto way : {rondo::publish_policy::chunked, rondo::publish_policy::counted}) {
    options.publish = way;
    options.grid = options.block = 0;
    expect_urgent_first<plain_teller>(*rt, options, 1);
    expect_urgent_first<warp_adder>(*rt, options, 3);
    options.block = 96;
    expect_urgent_first<block_adder>(*rt, options, 3);
    expect_urgent_first<independent_teller>(*rt, options, 4);
    options.grid = 4;
    expect_urgent_first<grid_adder>(*rt, options, 3);
  }
}

TEST_P(rules_on_gpu, requests_that_are_too_old_are_told_so_and_counted) {
  auto options = small(16);
  options.timed = true;
  auto kernel = rt->launch<plain_teller>(options);
  ASSERT_TRUE(kernel.send(ask(20), 5s, {.ttl = 1ms}));
  ASSERT_TRUE(kernel.send(ask(21), 5s));
  ASSERT_TRUE(kernel.send(ask(22), 5s, {.ttl = 1h}));
  ASSERT_TRUE(kernel.send(ask(23), 5s, {.ttl = 1ns}));
  auto late = kernel.call_async(ask(24), 5s, {.ttl = 1ms});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(soon([&] { return std::chrono::steady_clock::now() - begin > 2ms; }));
  kernel.activate();
  for (std::uint64_t i = 20; i < 24; ++i) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply) << reply.failure().message;
    if (i == 21 || i == 22) EXPECT_EQ(reply->outcome->proof, secret(i, 1));
    else EXPECT_EQ(reply->outcome.code(), RONDO_EXPIRED) << i;
  }
  EXPECT_EQ(late.get().code(), RONDO_EXPIRED);
  // The clocks differ by microseconds at most, so an hour is an hour and a tenth of a second
  // enough.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(kernel.call(ask(30), 5s, {.ttl = 1h}));
  EXPECT_TRUE(soon([&] { return kernel.call(ask(30), 5s, {.ttl = 100ms}).has_value(); }));
  kernel.terminate();
  EXPECT_GE(kernel.snapshot().expired, 3u);
  EXPECT_EQ(kernel.snapshot().messages_dropped, kernel.snapshot().expired);
  EXPECT_EQ(kernel.snapshot().messages_failed, 0u);
}

TEST_P(rules_on_gpu, the_oldest_are_given_up_also_by_an_inactive_kernel) {
  auto options = small(4);
  options.input_full = when_full::drop_oldest;
  auto kernel = rt->launch<plain_teller>(options);
  for (std::uint64_t i = 20; i < 26; ++i) ASSERT_TRUE(kernel.send(ask(i), 5s)) << i;
  EXPECT_TRUE(soon([&] { return kernel.snapshot().dropped_oldest == 2; }));
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  kernel.activate();
  for (std::uint64_t i = 20; i < 26; ++i) {
    const auto reply = kernel.receive(5s);
    ASSERT_TRUE(reply) << reply.failure().message;
    if (i < 22) EXPECT_EQ(reply->outcome.code(), RONDO_DROPPED) << i;
    else EXPECT_EQ(reply->outcome->proof, secret(i, 1));
  }
  kernel.terminate();
  EXPECT_EQ(kernel.snapshot().messages_in, 4u);
  EXPECT_EQ(kernel.snapshot().dropped_oldest, 2u);
  EXPECT_EQ(kernel.snapshot().messages_dropped, 2u);
  EXPECT_EQ(kernel.snapshot().messages_out, 6u) << "those who are given up are told so";
  EXPECT_EQ(kernel.snapshot().bytes_in, 4 * sizeof(question));
}

// Each of many senders' requests is answered once, whether it was handled or given up.
TEST_P(rules_on_gpu, nothing_is_lost_that_is_not_counted) {
  auto options = small(8);
  options.input_full = when_full::drop_oldest;
  options.timed = true;
  options.urgent_lane = !is_behind_the_bus();
  auto kernel = rt->launch<plain_teller>(options);
  kernel.activate();
  const std::uint64_t each = std::string(GetParam()) == "event" ? 200 : 4000;
  std::vector<std::jthread> senders;
  for (std::uint64_t s = 0; s < 3; ++s)
    senders.emplace_back([&, s] {
      for (std::uint64_t i = 0; i < each; ++i)
        ASSERT_TRUE(
            kernel.send(ask(16 + s * each + i), 20s, {.urgent = options.urgent_lane && s == 0}));
    });
  std::uint64_t handled = 0, given_up = 0;
  std::set<std::uint64_t> ids;
  for (std::uint64_t n = 0; n < 3 * each; ++n) {
    const auto reply = kernel.receive(20s);
    ASSERT_TRUE(reply) << n << ": " << reply.failure().message;
    EXPECT_TRUE(ids.insert(reply->correlation_id).second) << "answered twice";
    if (reply->outcome) {
      ++handled;
    } else {
      ++given_up;
      ASSERT_EQ(reply->outcome.code(), RONDO_DROPPED);
    }
  }
  senders.clear();
  kernel.terminate();
  EXPECT_EQ(kernel.snapshot().messages_in, handled);
  EXPECT_EQ(kernel.snapshot().dropped_oldest, given_up);
  EXPECT_EQ(kernel.snapshot().expired, 0u);
}

TEST_P(rules_on_gpu, an_output_that_is_full_is_not_waited_for_and_every_caller_is_told) {
  complete_by_hand();
  for (const auto policy : {when_full::reject, when_full::drop_newest}) {
    const bool rejects = policy == when_full::reject;
    SCOPED_TRACE(rejects ? "reject" : "drop_newest");
    auto options = small(64, 2);
    options.output_full = policy;
    auto kernel = rt->launch<plain_teller>(options);
    kernel.activate();
    std::vector<std::future<rondo::result<answer>>> all;
    for (std::uint64_t i = 20; i < 25; ++i) all.push_back(kernel.call_async(ask(i), 5s));
    await_handled(kernel, 5);
    EXPECT_EQ(kernel.snapshot().replies_dropped, 3u);
    EXPECT_EQ(kernel.snapshot().messages_failed, rejects ? 3u : 0u);
    for (std::uint64_t i = 20; i < 25; ++i) {
      const auto reply = get(all[i - 20]);
      if (i < 22) EXPECT_EQ(reply->proof, secret(i, 1));
      else EXPECT_EQ(reply.code(), rejects ? RONDO_FULL : RONDO_DROPPED) << i;
    }
    auto next = kernel.call_async(ask(30), 5s);
    EXPECT_EQ(get(next)->count, rejects ? 3u : 6u);
    kernel.terminate();
    rt->remove(kernel.id());
  }
}

TEST_P(rules_on_gpu, an_inactive_kernel_tells_those_whom_it_owes_an_answer) {
  complete_by_hand();
  auto options = small(64, 1);
  options.output_full = when_full::drop_newest;
  auto kernel = rt->launch<plain_teller>(options);
  kernel.activate();
  auto first = kernel.call_async(ask(20), 5s), second = kernel.call_async(ask(21), 5s);
  await_handled(kernel, 2);
  kernel.deactivate();
  EXPECT_EQ(get(first)->proof, secret(20, 1));
  EXPECT_EQ(get(second).code(), RONDO_DROPPED);
}

TEST_P(rules_on_gpu, a_stream_of_replies_is_cut_short) {
  for (const auto policy : {when_full::reject, when_full::drop_newest}) {
    auto options = small(16, 4);
    options.output_full = policy;
    auto kernel = rt->launch<emitting_teller>(options);
    kernel.activate();
    question ten = ask(20);
    ten.value[0] = 10;
    ASSERT_TRUE(kernel.send(ten, 5s));
    await_handled(kernel, 1);
    EXPECT_EQ(kernel.snapshot().replies_dropped, policy == when_full::reject ? 1u : 6u);
    for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(kernel.receive(5s)->outcome->extra, i);
    kernel.terminate();
    rt->remove(kernel.id());
  }
}

TEST_P(rules_on_gpu, both_lanes_are_drained_and_discarded) {
  auto options = small(16);
  options.timed = true;
  options.input_full = when_full::drop_oldest;
  options.urgent_lane = !is_behind_the_bus();
  auto kernel = rt->launch<plain_teller>(options);
  const auto send = [&](std::uint64_t n, bool urgent) {
    for (std::uint64_t i = 0; i < n; ++i)
      ASSERT_TRUE(kernel.send(ask(20 + i), 5s, {.urgent = urgent && options.urgent_lane}));
  };
  send(3, false);
  send(4, true);
  EXPECT_EQ(kernel.terminate().handled, 7u);
  kernel.relaunch();
  send(2, false);
  send(3, true);
  EXPECT_EQ(kernel.terminate({.mode = rondo::terminate_mode::discard}).discarded, 5u);
  EXPECT_EQ(kernel.snapshot().messages_dropped, 5u);
  kernel.relaunch();
  kernel.activate();
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(kernel.receive(5s));
  EXPECT_EQ(kernel.try_receive().code(), RONDO_EMPTY);
  EXPECT_EQ(kernel.call(ask(30), 5s)->count, 8u);
}

// A grid that steps aside takes what it owes along.
TEST_F(on_gpu, answers_that_are_owed_outlive_a_step_aside) {
  auto by_hand = where();
  by_hand.manual_completion = true;
  rt.emplace(rondo::runtime::open(by_hand));
  auto options = how();
  options.output_capacity = 1;
  options.output_full = when_full::drop_newest;
  auto kernel = rt->launch<plain_teller>(options);
  kernel.activate();
  auto first = kernel.call_async(ask(20), 30s), second = kernel.call_async(ask(21), 30s);
  EXPECT_TRUE(soon([&] { return kernel.snapshot().messages_in == 2; }));
  auto other = how();
  other.module = "vector_add";
  other.id = "other";
  rt->launch("VectorAddProcessor", other);
  EXPECT_TRUE(soon([&] {
    rt->poll();
    return second.wait_for(0s) == std::future_status::ready;
  }));
  EXPECT_EQ(first.get()->proof, secret(20, 1));
  EXPECT_EQ(second.get().code(), RONDO_DROPPED);
}

}  // namespace
}  // namespace cuda_test
