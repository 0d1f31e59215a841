// The queue of the CPU's pool, and parking, under every order of their operations, in memory where
// stores arrive late as on x86: no wake-up is lost, no kernel is in two places or run by two
// threads, and one that rests can be stopped. Platforms and kernels that break one promise each
// show that it would be noticed.
#include "explorer_pool.hpp"
#include "explorer_scenarios.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

exploration_limits late_stores(unsigned preemptions, unsigned delays) {
  exploration_limits limits = every_order(memory_model::buffered, delays);
  limits.preemptions = preemptions;
  return limits;
}

class explorer_of_a_pool : public ::testing::Test {
 protected:
  template <class P = explored_waiting>
  void add(const pool_scenario& s, const exploration_limits& limits) {
    const exploration_result r = explore<P>(s, limits);
    EXPECT_EQ(r.violation, "") << s;
    EXPECT_TRUE(r.complete) << s << ": only " << r.runs << " orders were tried";
    runs_ += r.runs;
    states_ += r.states;
  }
  void expect_tried(std::uint64_t least) const {
    print_total(runs_, states_);
    EXPECT_GT(states_, least);
  }

 private:
  std::uint64_t runs_ = 0;
  std::uint64_t states_ = 0;
};

TEST_F(explorer_of_a_pool, finds_no_fault_in_any_order_of_a_thread_and_a_sender) {
  for (std::uint64_t messages : {1u, is_slow_build ? 1u : 2u})
    for (std::uint64_t wake_at : {0u, 5u})
      for (bool stops : {false, true}) {
        const pool_scenario s{.messages = messages, .wake_at = wake_at, .stops = stops};
        add(s, every_order());
        add(s, every_order(memory_model::buffered, is_slow_build ? 1 : 2));
      }
  expect_tried(20'000);
}

TEST_F(explorer_of_a_pool, finds_no_fault_with_several_threads_senders_and_kernels) {
  const unsigned most = is_slow_build ? 1 : 2;
  add({.senders = 2, .messages = 2}, late_stores(most, 1));
  add({.threads = 2, .messages = 2}, late_stores(most, 1));
  add({.kernels = 2, .threads = 2, .messages = 2}, late_stores(most, 1));
  add({.senders = 2, .kernels = 2, .messages = 2}, late_stores(1, 1));
  add({.senders = 2, .kernels = 2, .messages = 2, .stops = false}, late_stores(most, 1));
  add({.senders = 2, .kernels = 2, .threads = 2}, late_stores(1, 1));
  add({.kernels = 2, .threads = 2, .messages = 2, .wake_at = 5}, late_stores(1, 1));
  expect_tried(100'000);
}

// ---- faults -------------------------------------------------------------------------------------

struct no_membarrier : explored_waiting {
  static void heavy_barrier() {}
};

// What a kernel without membarrier has instead, in one thread and in both.
struct barrier_in_one_thread : explored_waiting {
  static void heavy_barrier() {
    explorer* e = explorer::running();
    e->memory().barrier(e->self());
  }
};
struct barrier_in_both_threads : barrier_in_one_thread {
  static void light_barrier() { heavy_barrier(); }
};

struct sleep_without_a_look_at_the_bell : explored_waiting {
  static void futex_wait(std::uint32_t* word, std::uint32_t, std::uint64_t) {
    explorer::running()->point("futex_wait", word);
    explorer::running()->sleep_at(word);
  }
};

struct bell_that_does_not_count : explored_waiting {
  static void increment_release(std::uint32_t*) {}
};

struct sleep_announced_late : explored_waiting {
  template <class T>
  static void store_seq_cst(T* p, std::type_identity_t<T> v) {
    store_release(p, v);
  }
};

struct kernel_taken_in_two_steps : explored_waiting {
  template <class T>
  static T exchange_acq_rel(T* p, std::type_identity_t<T> v) {
    const T old = load_acquire(p);
    store_release(p, v);
    return old;
  }
};

struct list_taken_in_two_steps : explored_waiting {
  template <class T>
  static T exchange_acquire(T* p, std::type_identity_t<T> v) {
    const T old = load_acquire(p);
    store_seq_cst(p, v);
    return old;
  }
};

struct list_grown_in_two_steps : explored_waiting {
  template <class T>
  static bool compare_exchange_seq_cst(T* p, T& expected, std::type_identity_t<T> desired) {
    const T now = load_acquire(p);
    if (now != expected) return expected = now, false;
    store_seq_cst(p, desired);
    return true;
  }
};

// Checks before it publishes that it rests, and not after.
template <class P>
class kernel_that_looks_too_early : public counting_kernel<P> {
 public:
  bool has_work() {
    const bool found = counting_kernel<P>::has_work();
    return found && P::load_relaxed(&this->line()->waiting) != ring::pooled;
  }
};

template <class P>
class kernel_that_is_stopped_quietly : public counting_kernel<P> {
 public:
  void order_stop() { P::store_release(&this->stop_, 1); }
};

constexpr const char* lost = "somebody still waits";

template <class P, template <class> class Kernel = counting_kernel>
std::string violation_of(const pool_scenario& s, const exploration_limits& limits) {
  EXPECT_EQ(explore<explored_waiting>(s, limits).violation, "") << "the healthy pool";
  return explore<P, Kernel>(s, limits).violation;
}

TEST(explorer_sees, a_kernel_that_is_put_to_rest_without_a_barrier_in_its_senders) {
  const pool_scenario s{.stops = false};
  EXPECT_EQ(violation_of<no_membarrier>(s, every_order()), "") << "sequential memory needs none";
  EXPECT_THAT(violation_of<no_membarrier>(s, late_stores(2, 1)), HasSubstr(lost));
  EXPECT_THAT(violation_of<barrier_in_one_thread>(s, late_stores(2, 1)), HasSubstr(lost));
  EXPECT_EQ(violation_of<barrier_in_both_threads>(s, late_stores(no_limit, 2)), "");
}

TEST(explorer_sees, a_kernel_that_looks_before_it_says_that_it_rests) {
  EXPECT_THAT((violation_of<explored_waiting, kernel_that_looks_too_early>({}, every_order())),
              HasSubstr(lost));
}

TEST(explorer_sees, a_kernel_that_rests_and_is_not_told_to_stop) {
  EXPECT_THAT((violation_of<explored_waiting, kernel_that_is_stopped_quietly>({}, every_order())),
              HasSubstr(lost));
}

TEST(explorer_sees, a_pool_that_sleeps_through_the_bell) {
  EXPECT_THAT(violation_of<sleep_without_a_look_at_the_bell>({}, every_order()), HasSubstr(lost));
  EXPECT_THAT(violation_of<bell_that_does_not_count>({}, every_order()), HasSubstr(lost));
  EXPECT_THAT(violation_of<sleep_announced_late>({}, late_stores(2, 1)), HasSubstr(lost));
}

TEST(explorer_sees, a_kernel_that_two_take) {
  EXPECT_THAT(violation_of<kernel_taken_in_two_steps>({}, every_order()),
              AnyOf(HasSubstr("two places"), HasSubstr("two threads"), HasSubstr("its end")));
}

TEST(explorer_sees, a_list_of_which_a_part_is_lost) {
  const pool_scenario two{.kernels = 2, .messages = 2, .stops = false};
  EXPECT_THAT(violation_of<list_taken_in_two_steps>(two, late_stores(2, 0)), HasSubstr(lost));
  const pool_scenario four{.senders = 2, .kernels = 2, .messages = 2, .stops = false};
  EXPECT_THAT(violation_of<list_grown_in_two_steps>(four, late_stores(2, 0)),
              AnyOf(HasSubstr(lost), HasSubstr("two places"), HasSubstr("its end")));
}

// ---- parking: a consumer with a thread of its own, RING-09 --------------------------------------

template <class P>
exploration_result explore_parking(bool stops, const exploration_limits& limits) {
  constexpr std::uint64_t messages = 2;
  explorer e(limits);
  struct state {
    ring::wake_line line{};
    std::uint64_t sent = 0;
    std::uint64_t stop = 0;
  };
  state s;
  return e.explore([&](explorer& each) {
    s = {};
    each.share(&s, sizeof s);
    each.thread([&] {
      for (std::uint64_t i = 1; i <= messages; ++i) {
        each.knows_only(i);
        P::store_release(&s.sent, i);
        ring::wake_if_parked<P>(&s.line);
      }
      if (!stops) return;
      P::store_release(&s.stop, 1);
      ring::wake<P>(&s.line);
    });
    each.thread([&] {
      for (std::uint64_t handled = 0; stops || handled != messages;) {
        each.knows_only(handled);
        const std::uint64_t sent = P::load_acquire(&s.sent);
        if (sent != handled) {
          handled = sent;
          continue;
        }
        if (P::load_acquire(&s.stop) != 0) break;
        ring::park<P>(&s.line, ring::no_deadline, [&] {
          return P::load_acquire(&s.sent) != handled || P::load_acquire(&s.stop) != 0;
        });
      }
    });
  });
}

TEST(explorer, finds_that_a_parked_consumer_misses_nothing) {  // RING-09
  std::uint64_t runs = 0, states = 0;
  const auto add = [&](const exploration_result& r) {
    EXPECT_EQ(r.violation, "");
    EXPECT_TRUE(r.complete);
    runs += r.runs;
    states += r.states;
  };
  for (bool stops : {false, true}) {
    add(explore_parking<explored_waiting>(stops, every_order()));
    add(explore_parking<explored_waiting>(stops, late_stores(no_limit, 3)));
    add(explore_parking<barrier_in_both_threads>(stops, late_stores(no_limit, 3)));
  }
  print_total(runs, states);
  EXPECT_GT(states, 200u);
}

TEST(explorer_sees, a_consumer_that_parks_without_a_barrier_in_its_senders) {  // breaks RING-09
  EXPECT_EQ(explore_parking<no_membarrier>(false, every_order()).violation, "");
  EXPECT_THAT(explore_parking<no_membarrier>(false, late_stores(no_limit, 1)).violation,
              HasSubstr(lost));
  EXPECT_THAT(explore_parking<barrier_in_one_thread>(false, late_stores(no_limit, 1)).violation,
              HasSubstr(lost));
}

}  // namespace
}  // namespace rondo::test
