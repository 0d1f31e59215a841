// Keys: what was accepted once is recognized when it is sent again, for as long as the window says.
#include "support.hpp"

#include <atomic>

namespace {

using namespace core_test;
using rondo::acceptance;
using rondo::acceptance_of;
using rondo::when_full;

rondo::send_options key(std::uint64_t k) { return {.key = k}; }

class duplicates : public testing::TestWithParam<bool> {  // whether to avoid the map
 protected:
  rondo::launch_options options(std::uint32_t window, std::uint64_t input = 64) const {
    return {.input_capacity = input, .duplicate_window = window, .avoid_mapped = GetParam()};
  }
  rondo::runtime runtime_ = open_runtime();
};

TEST_P(duplicates, are_recognized_until_the_window_has_moved_on) {
  auto kernel = runtime_.launch<oracle>(options(4));
  const auto send = [&](std::uint64_t k) {
    return acceptance_of(kernel.try_send({.nonce = k}, key(k)).code());
  };
  for (const std::uint64_t k : {10, 11, 12}) EXPECT_EQ(send(k), acceptance::accepted);
  for (const std::uint64_t k : {10, 11, 12}) EXPECT_EQ(send(k), acceptance::duplicate) << "before";
  EXPECT_EQ(send(13), acceptance::accepted);
  for (const std::uint64_t k : {10, 11, 12, 13}) EXPECT_EQ(send(k), acceptance::duplicate);
  EXPECT_EQ(send(14), acceptance::accepted);
  EXPECT_EQ(send(11), acceptance::duplicate) << "inside: four were accepted since 10, three since";
  EXPECT_EQ(send(10), acceptance::accepted) << "beyond";
  EXPECT_EQ(send(12), acceptance::duplicate);
  EXPECT_EQ(send(11), acceptance::accepted) << "10 has pushed it out";
  EXPECT_EQ(kernel.snapshot().duplicates, 9u);
  EXPECT_EQ(kernel.snapshot().sent, 7u);
  kernel.activate();
  EXPECT_EQ(kernel.flush(patience).value(), 7u);
}

TEST_P(duplicates, are_recognized_also_after_the_first_was_handled) {
  running<oracle> it(options(8));
  ASSERT_TRUE(it.kernel.call({.nonce = 1}, patience, key(5)));
  ASSERT_TRUE(eventually([&] { return it.kernel.snapshot().messages_in == 1; }));
  EXPECT_EQ(it.kernel.call({.nonce = 1}, patience, key(5)).code(), RONDO_REPEATED);
  EXPECT_EQ(it.kernel.send({.nonce = 1}, patience, key(5)).code(), RONDO_REPEATED);
  EXPECT_EQ(it.kernel.call_async({.nonce = 1}, patience, key(5)).get().code(), RONDO_REPEATED);
  EXPECT_EQ(it.kernel.call({.nonce = 1}, patience)->count, 2u) << "no key, no duplicate";
  it.kernel.terminate();
  it.kernel.relaunch();
  EXPECT_EQ(it.kernel.send({.nonce = 1}, patience, key(5)).code(), RONDO_REPEATED);
  EXPECT_EQ(it.kernel.snapshot().duplicates, 4u);
}

TEST_P(duplicates, are_not_what_was_not_accepted_for_another_reason) {
  auto kernel = runtime_.launch<oracle>(options(8, 1));
  ASSERT_TRUE(kernel.try_send({}, key(1)));
  const auto refused = kernel.try_send({}, key(2));
  EXPECT_EQ(refused.code(), RONDO_FULL);
  EXPECT_EQ(acceptance_of(refused.code()), acceptance::rejected);
  EXPECT_EQ(kernel.send({}, 5ms, key(2)).code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel.try_send({}, key(1)).code(), RONDO_REPEATED) << "known, full or not";
  kernel.activate();
  EXPECT_EQ(acceptance_of(kernel.send({}, patience, key(2)).code()), acceptance::accepted);
  kernel.terminate();
  EXPECT_EQ(kernel.send({}, patience, key(3)).code(), RONDO_TERMINATED);
  kernel.relaunch();
  EXPECT_TRUE(kernel.send({}, patience, key(3)));
}

TEST_P(duplicates, are_not_what_was_dropped_as_the_newest) {
  auto some = options(8, 1);
  some.input_full = when_full::drop_newest;
  auto kernel = runtime_.launch<oracle>(some);
  ASSERT_TRUE(kernel.send({}, patience, key(1)));
  EXPECT_EQ(kernel.send({}, patience, key(2)).code(), RONDO_DROPPED);
  kernel.activate();
  EXPECT_EQ(kernel.flush(patience).value(), 1u);
  ASSERT_TRUE(eventually([&] { return kernel.snapshot().input_depth == 0; }));
  EXPECT_TRUE(kernel.send({}, patience, key(2)));
  EXPECT_EQ(kernel.snapshot().duplicates, 0u);
}

TEST_P(duplicates, of_many_senders_leave_exactly_one_of_each) {
  constexpr std::uint64_t keys = 300, senders = 6;
  running<oracle> it(options(512, 8));
  std::atomic<std::uint64_t> accepted{0}, repeated{0};
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < senders; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t k = 0; k < keys; ++k) {
        const auto sent = it.kernel.send({.nonce = k}, patience, key(k));
        switch (acceptance_of(sent.code())) {
          case acceptance::accepted: ++accepted; break;
          case acceptance::duplicate: ++repeated; break;
          case acceptance::rejected: ADD_FAILURE() << sent.failure().text();
        }
      }
    });
  std::vector<int> seen(keys);
  for (std::uint64_t n = 0; n < keys; ++n) {
    const auto reply = it.kernel.receive(patience);
    ASSERT_TRUE(reply) << reply.failure().text();
    for (std::uint64_t k = 0; k < keys; ++k) seen[k] += answers(*reply->outcome, k) ? 1 : 0;
  }
  threads.clear();
  EXPECT_EQ(accepted, keys);
  EXPECT_EQ(repeated, keys * (senders - 1));
  for (std::uint64_t k = 0; k < keys; ++k) EXPECT_EQ(seen[k], 1) << k;
  EXPECT_EQ(it.kernel.snapshot().duplicates, keys * (senders - 1));
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(duplicates, are_recognized_in_the_largest_window_and_the_smallest) {
  constexpr std::uint32_t most = rondo::launch_options::max_duplicate_window;
  running<oracle> it(options(most));
  std::jthread receiver([&] {
    for (std::uint64_t n = 0; n < most + 2; ++n) ASSERT_TRUE(it.kernel.receive(patience));
  });
  for (std::uint64_t k = 0; k < most; ++k) ASSERT_TRUE(it.kernel.send({}, patience, key(k)));
  for (const std::uint64_t k : {std::uint64_t{0}, std::uint64_t{most / 2}, std::uint64_t{most - 1}})
    EXPECT_EQ(it.kernel.send({}, patience, key(k)).code(), RONDO_REPEATED);
  EXPECT_TRUE(it.kernel.send({}, patience, key(most)));
  EXPECT_TRUE(it.kernel.send({}, patience, key(0)));
  receiver.join();
  auto one = options(1);
  one.id = "One";
  auto smallest = it.runtime.launch<oracle>(one);
  EXPECT_TRUE(smallest.try_send({}, key(1)));
  EXPECT_EQ(smallest.try_send({}, key(1)).code(), RONDO_REPEATED);
  EXPECT_TRUE(smallest.try_send({}, key(2)));
  EXPECT_TRUE(smallest.try_send({}, key(1)));
}

INSTANTIATE_TEST_SUITE_P(mapped_and_called, duplicates, testing::Bool());

}  // namespace
