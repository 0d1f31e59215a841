// The pieces that waiting is built from: when a spinner gives up, what a deadline does to a
// sleeper, and what ends a sleep.
#include "support.hpp"

#include <rondo/ring/wait.hpp>

#include <atomic>
#include <thread>

namespace rondo::test {
namespace {

using ring::now_ns;

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t far_away = 20'000 * ms;  // a wait this long means that a wake-up was lost

bool never() { return false; }

TEST(spinner, of_zero_never_spins) {
  ring::spinner s(0);
  for (int look = 0; look < 100; ++look) EXPECT_TRUE(s.idle());
}

TEST(spinner, without_end_never_sleeps) {
  ring::spinner s(ring::no_deadline);
  for (int look = 0; look < 100'000; ++look) ASSERT_FALSE(s.idle());
}

TEST(spinner, spins_for_its_time_and_then_wants_to_sleep) {
  ring::spinner s(2 * ms);
  const std::uint64_t begin = now_ns();
  while (!s.idle()) ASSERT_LT(now_ns() - begin, far_away);
  EXPECT_GE(now_ns() - begin, 2 * ms);
  EXPECT_GT(s.looks(), 0u);
}

TEST(spinner, spins_its_whole_time_again_after_work_was_found) {
  ring::spinner s(2 * ms);
  while (!s.idle()) {
  }
  s.found_work();
  EXPECT_EQ(s.looks(), 0u);
  const std::uint64_t begin = now_ns();
  ASSERT_FALSE(s.idle());
  while (!s.idle()) ASSERT_LT(now_ns() - begin, far_away);
  EXPECT_GE(now_ns() - begin, 2 * ms);
}

TEST(spinner, whose_time_is_over_wants_to_sleep_again_soon) {
  ring::spinner s(ms);
  while (!s.idle()) {
  }
  int looks = 1;
  while (!s.idle()) ASSERT_LT(++looks, 1000);
}

TEST(spinner, goes_on_looking_until_there_is_something_or_the_clock_is_due) {
  ring::spinner s(ring::no_deadline);
  int asked = 0;
  EXPECT_FALSE(s.idle([&] { return ++asked == 3; }));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(s.looks(), 3u);
  EXPECT_FALSE(s.idle(never));
  EXPECT_EQ(s.looks(), ring::spinner::looks_per_clock);
  ring::spinner over(1);
  const std::uint64_t begin = now_ns();
  while (!over.idle(never)) ASSERT_LT(now_ns() - begin, far_away);
}

TEST(futex, wait_ends_at_its_deadline_and_not_before) {
  std::uint32_t word = 7;
  const std::uint64_t deadline = now_ns() + 20 * ms;
  while (now_ns() < deadline) ring::futex_wait(&word, 7, deadline);
  // The system may wake a sleeper early; it may not keep it.
  EXPECT_LT(now_ns(), deadline + far_away);
}

TEST(futex, wait_returns_at_once_if_the_word_differs_or_the_deadline_has_passed) {
  std::uint32_t word = 7;
  const std::uint64_t begin = now_ns();
  ring::futex_wait(&word, 8, begin + far_away);
  ring::futex_wait(&word, 8, ring::no_deadline);
  ring::futex_wait(&word, 7, begin - 1);
  ring::futex_wait(&word, 7, 0);
  EXPECT_LT(now_ns() - begin, far_away);
}

TEST(park, sleeps_until_its_deadline_when_nobody_wakes_it) {
  ring::wake_line line{};
  const std::uint64_t deadline = now_ns() + 20 * ms;
  int parks = 0;
  while (now_ns() < deadline) ring::park(&line, deadline, never), ++parks;
  EXPECT_EQ(line.waiting, 0u);
  EXPECT_LT(parks, 1000) << "it does not sleep at all";
  EXPECT_LT(now_ns(), deadline + far_away);
}

TEST(park, does_not_sleep_when_there_is_work) {
  ring::wake_line line{};
  const std::uint64_t begin = now_ns();
  std::uint32_t announced = 0;
  ring::park(&line, begin + far_away, [&] {
    announced = line.waiting;
    return true;
  });
  EXPECT_EQ(announced, 1u) << "sleep must be announced before the last look";
  EXPECT_EQ(line.waiting, 0u);
  EXPECT_LT(now_ns() - begin, far_away);
}

TEST(park, does_not_sleep_when_the_wake_comes_between_the_last_look_and_the_sleep) {
  for (bool stop : {false, true}) {
    ring::wake_line line{};
    const std::uint64_t begin = now_ns();
    ring::park(&line, begin + far_away, [&] {
      if (stop) ring::wake(&line);
      else ring::wake_if_parked(&line);
      return false;
    });
    EXPECT_LT(now_ns() - begin, far_away);
  }
}

TEST(wake, of_a_side_that_does_not_sleep_changes_nothing) {
  ring::wake_line line{};
  ring::wake_if_parked(&line);
  ring::wake(&line);
  EXPECT_EQ(line.waiting, 0u);
  const std::uint64_t deadline = now_ns() + 5 * ms;
  while (now_ns() < deadline) ring::park(&line, deadline, never);
  EXPECT_GE(now_ns(), deadline) << "an old wake must not be kept for later";
}

// One thread sleeps, this one wakes it once it has announced its sleep. Returns how long it slept.
template <class Wake>
std::uint64_t sleep_until_woken(Wake&& wake_it) {
  ring::wake_line line{};
  std::uint64_t slept = 0;
  std::thread sleeper([&] {
    const std::uint64_t begin = now_ns();
    ring::park(&line, begin + far_away, never);
    slept = now_ns() - begin;
  });
  const std::uint64_t begin = now_ns();
  while (__atomic_load_n(&line.waiting, __ATOMIC_RELAXED) == 0 && now_ns() - begin < far_away)
    std::this_thread::yield();
  wake_it(&line);
  sleeper.join();
  return slept;
}

TEST(wake, ends_a_park) {
  for (int again = 0; again < 300; ++again) {
    ASSERT_LT(sleep_until_woken([](ring::wake_line* l) { ring::wake(l); }), far_away);
    ASSERT_LT(sleep_until_woken([](ring::wake_line* l) { ring::wake_if_parked(l); }), far_away);
  }
}

TEST(wake, after_a_stop_flag_is_never_lost) {
  for (int again = 0; again < 1000; ++again) {
    ring::wake_line line{};
    std::atomic<bool> stop{false};
    std::uint64_t slept = 0;
    std::thread sleeper([&] {
      const std::uint64_t begin = now_ns();
      while (!stop.load() && now_ns() - begin < far_away)
        ring::park(&line, begin + far_away, [&] { return stop.load(); });
      slept = now_ns() - begin;
    });
    stop.store(true);
    ring::wake(&line);
    sleeper.join();
    ASSERT_LT(slept, far_away) << "round " << again;
  }
}

}  // namespace
}  // namespace rondo::test
