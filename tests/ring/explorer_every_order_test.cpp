// Two producers and a consumer of the ring in every order of their operations: without a limit, in
// sequential memory; with a few reads that come too early, where memory is weak. Orders that lead
// to one state are followed once; explorer_states_test.cpp shows that nothing is missed by it.
#include "explorer_scenarios.hpp"

#include <gtest/gtest.h>

namespace rondo::test {
namespace {

constexpr publication publications[] = {publication::word, publication::counted,
                                        publication::chunked};
constexpr std::uint64_t capacities[] = {1, 2};

struct totals {
  std::uint64_t runs = 0;
  std::uint64_t states = 0;

  void add(const exploration_result& r) {
    EXPECT_EQ(r.violation, "");
    EXPECT_TRUE(r.complete) << "only " << r.runs << " orders were tried";
    runs += r.runs;
    states += r.states;
  }
  void print() const { print_total(runs, states); }
};

scenario two_producers(publication how, std::uint64_t capacity, std::uint64_t messages) {
  scenario s;
  s.shape = {how, capacity, 16, false};
  s.producers = 2;
  s.messages = messages;
  return s;
}

class explorer_in_every_order : public ::testing::TestWithParam<publication> {
 protected:
  void add(const scenario& s, const exploration_limits& limits = every_order()) {
    SCOPED_TRACE(::testing::Message() << s);
    tried_.add(explore<explored_platform>(s, limits));
  }
  totals tried_;
};
INSTANTIATE_TEST_SUITE_P(publications, explorer_in_every_order, ::testing::ValuesIn(publications),
                         [](const auto& it) { return name_of(it.param); });

// Full rings and laps: each producer has more messages than there are slots for it.
TEST_P(explorer_in_every_order, finds_no_fault_with_two_producers_of_two_messages) {
  for (std::uint64_t capacity : capacities) {
    // The most by far, a million orders.
    const bool is_long = GetParam() == publication::counted && capacity == 2;
    add(two_producers(GetParam(), capacity, is_slow_build || (is_long && !is_fast_build) ? 1 : 2));
  }
  tried_.print();
  EXPECT_GT(tried_.runs, is_slow_build ? 500u : 50'000u);
}

TEST_P(explorer_in_every_order, finds_no_fault_where_sequences_wrap) {
  for (std::uint64_t capacity : capacities)
    for (std::uint64_t start : {(std::uint64_t{1} << 32) - 1, (std::uint64_t{3} << 30) + 2}) {
      scenario s = two_producers(GetParam(), capacity, 1);
      s.start = start;
      add(s);
    }
  tried_.print();
  EXPECT_GT(tried_.runs, 500u);
}

TEST_P(explorer_in_every_order, finds_no_fault_with_abandoned_claims_and_batches) {
  for (std::uint64_t capacity : capacities) {
    const bool is_long = GetParam() == publication::counted || capacity == 2;
    scenario s = two_producers(GetParam(), capacity, is_slow_build || is_long ? 1 : 2);
    s.abandons = true;
    add(s);
    s = two_producers(GetParam(), capacity, 1);
    s.batches = true;
    add(s);
    s.commits_batches = true;
    add(s);
  }
  tried_.print();
  EXPECT_GT(tried_.runs, 500u);
}

TEST_P(explorer_in_every_order, finds_no_fault_where_reads_come_too_early) {
  for (auto memory : {memory_model::buffered, memory_model::unordered})
    for (std::uint64_t capacity : capacities)
      add(two_producers(GetParam(), capacity, 1), every_order(memory, is_slow_build ? 1 : 2));
  tried_.print();
  EXPECT_GT(tried_.runs, 500u);
}

// Two threads push while a third closes the ring: what close() says is what is delivered.
exploration_result explore_close(publication how, std::uint64_t capacity) {
  explorer e(every_order());
  struct state {
    backend::ring_memory memory;
    ring::view view = memory.view();
    ring::producer<explored_platform> producer{view};
    ring::consumer<explored_platform> consumer{view};
    std::uint64_t pushed = 0;
  };
  std::shared_ptr<state> s;
  return e.explore([&](explorer& each) {
    s = std::make_shared<state>(state{make_ring({how, capacity, 16, false})});
    share(each, s->view);
    each.share(&s->pushed, sizeof s->pushed);
    for (unsigned p = 0; p < 2; ++p)
      each.thread([&s, p] { s->pushed += push_id(s->producer, p, 16) == RONDO_OK ? 1 : 0; });
    each.thread([&] {
      const std::uint64_t accepted = s->producer.close();
      while (s->consumer.next_sequence() != accepted) {
        const auto seen = each.seen();
        ring::message m;
        if (s->consumer.peek(m) == RONDO_OK) s->consumer.release();
        else each.wait(seen);
      }
    });
    each.at_end([&] {
      each.require(s->pushed == s->consumer.next_sequence(), "close() is wrong about what came in");
      each.require(push_id(s->producer, 9, 16) == RONDO_FULL, "a closed ring takes a message");
    });
  });
}

TEST_P(explorer_in_every_order, finds_close_right_about_what_was_accepted) {
  for (std::uint64_t capacity : capacities) tried_.add(explore_close(GetParam(), capacity));
  tried_.print();
  EXPECT_GT(tried_.runs, 100u);
}

}  // namespace
}  // namespace rondo::test
