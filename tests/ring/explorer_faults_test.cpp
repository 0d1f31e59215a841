// Does the explorer see what it is there to see? Each platform here breaks one promise that the
// ring is built on, and an exploration must find an order in which that shows.
#include "explorer_faults.hpp"
#include "explorer_scenarios.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo::test {
namespace {

using ::testing::HasSubstr;

constexpr auto sequential = memory_model::sequential;
constexpr auto buffered = memory_model::buffered;
constexpr auto unordered = memory_model::unordered;

scenario many(publication how, std::uint64_t capacity, std::uint64_t messages = 1) {
  scenario s;
  s.shape = {how, capacity, 16, false};
  s.producers = 2;
  s.messages = messages;
  return s;
}

scenario one(publication how, std::uint64_t capacity, std::uint64_t messages) {
  scenario s;
  s.shape = {how, capacity, 16, true};
  s.messages = messages;
  return s;
}

// With this platform something goes wrong; with the true one and the same limits nothing does.
template <class P>
std::string violation_of(const scenario& s, const exploration_limits& limits) {
  EXPECT_EQ(explore<explored_platform>(s, limits).violation, "") << "the healthy ring";
  return explore<P>(s, limits).violation;
}

TEST(explorer_sees, two_producers_that_claim_one_slot) {  // breaks RING-08
  for (auto how :
       {publication::word, publication::counted, publication::apart, publication::chunked})
    EXPECT_NE(violation_of<claim_in_two_steps>(many(how, 2), {1, sequential, 0}), "");
}

TEST(explorer_sees, two_producers_that_both_move_the_tail) {
  scenario s = many(publication::counted, 4);
  s.producers = 3;
  EXPECT_NE(explore<exchange_in_two_steps>(s, {2, sequential, 0}).violation, "");
}

// The store of the mark and the load behind it must not change places: only a memory that delays
// stores shows it.
TEST(explorer_sees, a_publication_that_is_lost_in_a_store_buffer) {
  const scenario s = many(publication::counted, 2);
  EXPECT_EQ(violation_of<mark_dropped_by_a_plain_store>(s, {2, sequential, 0}), "");
  for (auto memory : {buffered, unordered})
    EXPECT_THAT(violation_of<mark_dropped_by_a_plain_store>(s, {2, memory, 1}),
                HasSubstr("somebody still waits"));
}

TEST(explorer_sees, missing_release_and_acquire) {
  for (auto how : {publication::word, publication::counted}) {
    const char* unordered_access = "a slot is";
    EXPECT_THAT(violation_of<publication_without_release>(one(how, 1, 1), {0, sequential, 0}),
                HasSubstr(unordered_access));
    EXPECT_THAT(violation_of<look_without_acquire>(one(how, 1, 1), {0, sequential, 0}),
                HasSubstr(unordered_access));
  }
}

TEST(explorer_sees, a_tail_moved_past_what_its_mover_has_not_acquired) {
  EXPECT_THAT(violation_of<mark_without_order>(many(publication::counted, 4), {1, sequential, 0}),
              HasSubstr("a slot is read"));
}

TEST(explorer_sees, a_chunk_that_is_not_written_in_one_piece) {  // breaks RING-05
  EXPECT_THAT(violation_of<chunk_in_halves>(one(publication::chunked, 1, 1), {1, sequential, 0}),
              ::testing::AnyOf(HasSubstr("torn"), HasSubstr("no producer"), HasSubstr("broken")));
}

// A consumer that frees a slot before it has read it.
template <class P>
exploration_result explore_early_release() {
  explorer e({1, sequential, 0});
  struct state {
    backend::ring_memory memory;
    ring::view view = memory.view();
    ring::producer<P> producer{view};
    ring::consumer<P> consumer{view};
  };
  std::shared_ptr<state> s;
  return e.explore([&](explorer& each) {
    s = std::make_shared<state>(state{make_ring({publication::word, 1, 16, true})});
    each.thread([&] {
      for (std::uint64_t id = 0; id < 2; ++id) {
        ring::claim c;
        for (;;) {
          const auto seen = each.seen();
          if (s->producer.try_reserve(1, c) == RONDO_OK) break;
          each.wait(seen);
        }
        each.plain_write(0);
        s->producer.commit(c, envelope_for(id, 1));
      }
    });
    each.thread([&] {
      for (std::uint64_t id = 0; id < 2; ++id) {
        ring::message m;
        for (;;) {
          const auto seen = each.seen();
          if (s->consumer.peek(m) == RONDO_OK) break;
          each.wait(seen);
        }
        s->consumer.release();
        each.plain_read(0);
      }
    });
  });
}

TEST(explorer_sees, a_slot_that_is_freed_before_it_is_read) {  // breaks RING-06
  EXPECT_THAT(explore_early_release<explored_platform>().violation, HasSubstr("a slot is"));
}

TEST(explorer_sees, a_thread_that_never_ends_and_one_that_waits_for_nothing) {
  explorer e({0, sequential, 0});
  std::uint64_t word = 0;
  const auto spin = [&](explorer& each) {
    each.thread([&] {
      while (explored_platform::load_relaxed(&word) == 0) {
      }
    });
  };
  EXPECT_THAT(e.explore(spin).violation, HasSubstr("does not end"));
  const auto sleep = [&](explorer& each) {
    each.thread([&] { each.wait(each.seen()); });
    each.thread([&] { explored_platform::store_relaxed(&word, 0); });
  };
  EXPECT_THAT(e.explore(sleep).violation, HasSubstr("somebody still waits"));
}

// The explorer itself: two threads of two operations each have six orders.
TEST(explorer, tries_every_order_once) {
  explorer e({1000, sequential, 0});
  std::uint64_t word = 0;
  std::vector<std::string> orders;
  std::string order;
  const auto result = e.explore([&](explorer& each) {
    order.clear();
    for (char name : {'a', 'b'})
      each.thread([&, name] {
        for (int i = 0; i < 2; ++i) {
          explored_platform::load_relaxed(&word);
          order += name;
        }
      });
    each.at_end([&] { orders.push_back(order); });
  });
  EXPECT_TRUE(result.complete);
  std::sort(orders.begin(), orders.end());
  EXPECT_EQ(orders.front(), "aabb");
  EXPECT_EQ(orders.back(), "bbaa");
  orders.erase(std::unique(orders.begin(), orders.end()), orders.end());
  EXPECT_EQ(orders.size(), 6u);
}

// Store buffering: both threads may read the old value only where stores can be late.
TEST(explorer, lets_two_stores_pass_two_loads_only_where_memory_is_weak) {
  for (auto memory : {sequential, buffered, unordered}) {
    explorer e({1000, memory, 2});
    std::uint64_t x = 0, y = 0, seen_x = 9, seen_y = 9;
    bool both_old = false;
    e.explore([&](explorer& each) {
      x = y = 0;
      each.thread([&] {
        explored_platform::store_release(&x, 1);
        seen_y = explored_platform::load_acquire(&y);
      });
      each.thread([&] {
        explored_platform::store_release(&y, 1);
        seen_x = explored_platform::load_acquire(&x);
      });
      each.at_end([&] { both_old |= seen_x == 0 && seen_y == 0; });
    });
    EXPECT_EQ(both_old, memory != sequential);
  }
}

// Message passing with relaxed stores: the flag overtakes the data only where stores are unordered.
TEST(explorer, lets_stores_overtake_each_other_only_where_memory_is_unordered) {
  for (auto memory : {sequential, buffered, unordered}) {
    explorer e({1000, memory, 2});
    std::uint64_t data = 0, flag = 0;
    bool overtaken = false;
    e.explore([&](explorer& each) {
      data = flag = 0;
      each.thread([&] {
        explored_platform::store_relaxed(&data, 1);
        explored_platform::store_relaxed(&flag, 1);
      });
      each.thread([&] {
        const bool ready = explored_platform::load_acquire(&flag) == 1;
        overtaken |= ready && explored_platform::load_relaxed(&data) == 0;
      });
    });
    EXPECT_EQ(overtaken, memory == unordered);
  }
}

}  // namespace
}  // namespace rondo::test
