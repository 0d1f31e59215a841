// Runs, which say the ring's steps a second time, in every order of their operations: by one or two
// producers and a consumer. And each end of each of their labels, taken away alone, is missed.
#include "explorer_faults.hpp"
#include "explorer_scenarios.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo::test {
namespace {

using ::testing::HasSubstr;

constexpr publication contiguous[] = {publication::word, publication::counted, publication::apart};
constexpr std::uint64_t capacities[] = {1, 2};

scenario runs_of(publication how, std::uint64_t capacity, unsigned producers,
                 std::uint64_t messages) {
  scenario s;
  s.shape = {how, capacity, 16, producers == 1};
  s.producers = producers;
  s.messages = messages;
  s.in_runs = true;
  return s;
}

// One producer that claims alone: a producer_run.
scenario alone(std::uint64_t capacity, std::uint64_t messages) {
  scenario s = runs_of(publication::word, capacity, 1, messages);
  s.claims_alone = true;
  return s;
}

class explorer_of_runs : public ::testing::Test {
 protected:
  void add(const scenario& s, const exploration_limits& limits = every_order()) {
    const exploration_result r = explore<explored_platform>(s, limits);
    EXPECT_EQ(r.violation, "") << s;
    EXPECT_TRUE(r.complete) << s << ": only " << r.runs << " orders were tried";
    runs_ += r.runs;
    states_ += r.states;
  }
  void add_in_all_memories(scenario s) {
    for (bool batches : {false, true}) {
      s.batches = batches;
      add(s);
      for (auto memory : {memory_model::buffered, memory_model::unordered})
        add(s, every_order(memory, is_slow_build ? 1 : 2));
    }
  }
  void expect_tried(std::uint64_t least) const {
    print_total(runs_, states_);
    EXPECT_GT(runs_, least);
  }

 private:
  std::uint64_t runs_ = 0;
  std::uint64_t states_ = 0;
};

TEST_F(explorer_of_runs, finds_no_fault_with_a_producer_that_claims_alone) {
  for (std::uint64_t capacity : capacities)
    for (std::uint64_t start : {std::uint64_t{0}, (std::uint64_t{1} << 32) - 1}) {
      scenario s = alone(capacity, 4);
      s.start = start;
      add_in_all_memories(s);
    }
  expect_tried(1'000);
}

TEST_F(explorer_of_runs, finds_no_fault_with_a_producer_that_fills_batches) {
  for (auto how : contiguous)
    for (std::uint64_t capacity : capacities) add_in_all_memories(runs_of(how, capacity, 1, 4));
  expect_tried(1'000);
}

TEST_F(explorer_of_runs, finds_no_fault_with_two_producers_that_fill_batches) {
  for (auto how : contiguous)
    for (std::uint64_t capacity : capacities)
      for (bool batches : {false, true}) {
        const bool is_long =
            !is_fast_build || how != publication::word || (capacity == 1) != batches;
        scenario s = runs_of(how, capacity, 2, is_long ? 1 : 2);
        s.batches = batches;
        add(s);
        s.messages = 1;
        add(s, every_order(memory_model::unordered, 1));
      }
  expect_tried(1'000);
}

// Both at once: a batch of two, of which the other producer may have the second slot.
TEST_F(explorer_of_runs, finds_no_fault_with_batches_of_two_producers_that_fit) {
  for (auto how : contiguous) {
    scenario s = runs_of(how, 4, 2, how == publication::word || is_fast_build ? 2 : 1);
    add(s);
  }
  expect_tried(1'000);
}

// ---- labels -------------------------------------------------------------------------------------

// With this platform two threads use a slot without order between them; with the true one not.
template <ring_place Place, end_of End>
void expect_missed(const scenario& s) {
  EXPECT_EQ(explore<explored_platform>(s, every_order()).violation, "") << s;
  EXPECT_THAT((explore<run_without_order<Place, End>>(s, every_order()).violation),
              HasSubstr("a slot is"))
      << s;
}

TEST(explorer_sees, each_end_of_slot_published_in_runs) {
  for (const scenario& s :
       {alone(1, 1), runs_of(publication::word, 1, 1, 1), runs_of(publication::word, 2, 2, 1)}) {
    expect_missed<ring_place::word, end_of::release>(s);
    expect_missed<ring_place::word, end_of::acquire>(s);
  }
}

TEST(explorer_sees, each_end_of_tail_published_in_runs) {
  expect_missed<ring_place::tail, end_of::release>(runs_of(publication::counted, 1, 1, 1));
  expect_missed<ring_place::tail, end_of::acquire>(runs_of(publication::counted, 1, 1, 1));
  expect_missed<ring_place::tail, end_of::release>(runs_of(publication::counted, 2, 2, 1));
  expect_missed<ring_place::tail, end_of::acquire>(runs_of(publication::counted, 2, 2, 1));
}

TEST(explorer_sees, each_end_of_slot_freed_in_runs) {
  expect_missed<ring_place::head, end_of::acquire>(alone(1, 2));
  for (scenario s :
       {alone(1, 2), runs_of(publication::word, 1, 2, 1), runs_of(publication::counted, 1, 2, 1)})
    for (bool batches : {false, true}) {
      s.batches = batches;
      expect_missed<ring_place::head, end_of::release>(s);
    }
}

// What a run has found out about the head is used by the producer after it: here by another thread,
// to which nothing else is told in order.
template <class P>
exploration_result explore_producer_that_moves() {
  explorer e(every_order());
  struct state {
    backend::ring_memory memory;
    ring::view view;
    ring::producer<P> producer;
    ring::consumer<P> consumer;
    std::uint64_t has_moved = 0;
  };
  std::shared_ptr<state> s;
  return e.explore([&](explorer& each) {
    s = std::make_shared<state>();
    s->memory = make_ring({publication::word, 2, 16, true});
    s->view = s->memory.view();
    s->view.claims_alone = true;
    s->producer = ring::producer<P>(s->view);
    s->consumer = ring::consumer<P>(s->view);
    share(each, s->view);
    each.share(&s->has_moved, sizeof s->has_moved);
    if constexpr (requires { P::broken; }) P::broken = s->view;
    each.thread([&] {  // three messages: the last has to ask for room
      ring::producer_run<P> run(s->producer);
      ring::claim c;
      for (std::uint64_t id = 0; id < 3;) {
        const auto seen = each.seen();
        const inside_a_run<P> inside(each);
        if (!run.claim_next(c)) {
          each.wait(seen);
          continue;
        }
        each.plain_write(c.sequence % 2);
        run.commit(c, envelope_for(id++, 0));
      }
      explored_platform::store_relaxed(&s->has_moved, 1);
    });
    each.thread([&] {
      for (bool is_mine = false; !is_mine;) {
        const auto seen = each.seen();
        is_mine = explored_platform::load_relaxed(&s->has_moved) != 0;
        if (!is_mine) each.wait(seen);
      }
      ring::claim c;
      while (true) {
        const auto seen = each.seen();
        if (s->producer.try_reserve(0, c) == RONDO_OK) break;
        each.wait(seen);
      }
      each.plain_write(c.sequence % 2);
      s->producer.commit(c, envelope_for(3, 0));
    });
    each.thread([&] {
      for (std::uint64_t id = 0; id < 4;) {
        const auto seen = each.seen();
        ring::message m;
        if (s->consumer.peek(m) != RONDO_OK) {
          each.wait(seen);
          continue;
        }
        each.plain_read(m.sequence % 2);
        each.require(m.header->message_id == id++, "out of order, lost or repeated");
        s->consumer.release();
      }
    });
  });
}

TEST(explorer_sees, the_release_of_head_cached_in_runs) {
  const auto r = explore_producer_that_moves<explored_platform>();
  EXPECT_EQ(r.violation, "");
  EXPECT_TRUE(r.complete);
  EXPECT_THAT(
      (explore_producer_that_moves<run_without_order<ring_place::cached_head, end_of::release>>()
           .violation),
      HasSubstr("a slot is written"));
}

}  // namespace
}  // namespace rondo::test
