// Two real threads and few messages: what one has published the other sees whole. Soon done, and
// enough to notice each way in which a message is published too early on purpose; stress_test.cpp
// has the many messages.
#include "support.hpp"

#include <rondo/ring/wait.hpp>

#include <atomic>
#include <thread>

namespace rondo::test {
namespace {

constexpr std::uint64_t messages = 64;
constexpr std::uint64_t deadline_ns = 30'000'000'000;

std::uint32_t length_of(std::uint64_t id) { return static_cast<std::uint32_t>(id * 7 % 65); }

class whole : public ::testing::TestWithParam<publication> {};

TEST_P(whole, what_is_published_is_all_there) {  // RING-05
  const auto memory = make_ring({GetParam(), 4, 64, true});
  std::atomic<bool> is_over{false};
  std::thread sender([&] {
    ring::producer<> producer(memory.view());
    for (std::uint64_t id = 0; id < messages && !is_over;)
      if (push_id(producer, id, length_of(id)) == RONDO_OK) ++id;
      else std::this_thread::yield();
  });
  ring::consumer<> consumer(memory.view());
  const std::uint64_t end = ring::now_ns() + deadline_ns;
  std::uint64_t taken = 0;
  while (taken < messages && !HasFailure() && ring::now_ns() < end) {
    ring::message m;
    if (consumer.peek(m) != RONDO_OK) {
      std::this_thread::yield();
      continue;
    }
    EXPECT_TRUE(is_message(m, taken, length_of(taken)));
    consumer.release();
    ++taken;
  }
  is_over = true;
  sender.join();
  EXPECT_EQ(taken, messages);
}

INSTANTIATE_TEST_SUITE_P(every_publication, whole,
                         ::testing::Values(publication::word, publication::counted,
                                           publication::apart, publication::chunked),
                         [](const auto& which) { return name_of(which.param); });

}  // namespace
}  // namespace rondo::test
