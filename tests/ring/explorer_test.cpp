// The ring under every order of its operations, within limits that are printed: each message once,
// whole and in order, no slot used by two threads at once, and nothing committed that stays
// invisible. Two producers in every order are in explorer_every_order_test.cpp. That the explorer
// would notice is shown on platforms that break one promise each.
#include "explorer_scenarios.hpp"

#include <gtest/gtest.h>

namespace rondo::test {
namespace {

constexpr publication publications[] = {publication::word, publication::counted, publication::apart,
                                        publication::chunked};
constexpr unsigned unlimited = is_slow_build ? 4 : 1000;

exploration_limits up_to(unsigned preemptions) { return {preemptions}; }
// Where there are too many to try each: those that lead to one state once.
exploration_limits merged(unsigned preemptions) {
  exploration_limits limits = every_order();
  limits.preemptions = preemptions;
  return limits;
}
exploration_limits with_late_stores(memory_model memory, unsigned preemptions, unsigned delays) {
  return {preemptions, memory, delays};
}

// Returns how many orders were tried; all of them must be good.
std::uint64_t expect_sound(const scenario& s, const exploration_limits& limits) {
  const exploration_result r = explore<explored_platform>(s, limits);
  EXPECT_EQ(r.violation, "") << s;
  EXPECT_TRUE(r.complete) << s << ": only " << r.runs << " orders were tried";
  return r.runs;
}

scenario two_producers(publication how, std::uint64_t capacity) {
  scenario s;
  s.shape = {how, capacity, 16, false};
  s.producers = 2;
  return s;
}

scenario one_producer(publication how, std::uint64_t capacity, std::uint64_t messages) {
  scenario s;
  s.shape = {how, capacity, 16, true};
  s.messages = messages;
  return s;
}

TEST(explorer, finds_no_fault_in_any_order_at_all_of_one_producer_and_one_consumer) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (std::uint64_t capacity : {1u, 2u})
      runs += expect_sound(one_producer(how, capacity, how == publication::chunked ? 1 : 2),
                           up_to(unlimited));
  print_total(runs);
  EXPECT_GT(runs, is_slow_build ? 2'000u : 100'000u);
}

TEST(explorer, finds_no_fault_with_three_producers) {  // RING-08
  std::uint64_t runs = 0;
  for (auto how : publications) {
    scenario s = two_producers(how, 2);
    s.producers = 3;
    runs += expect_sound(s, up_to(1));
  }
  print_total(runs);
  EXPECT_GT(runs, 10'000u);
}

TEST(explorer, finds_no_fault_when_stores_arrive_late_as_on_x86) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (std::uint64_t capacity : {1u, 2u}) {
      runs += expect_sound(two_producers(how, capacity),
                           with_late_stores(memory_model::buffered, is_slow_build ? 1 : 2, 1));
      runs += expect_sound(one_producer(how, capacity, 2),
                           with_late_stores(memory_model::buffered, 2, 2));
    }
  print_total(runs);
  EXPECT_GT(runs, is_slow_build ? 10'000u : 80'000u);
}

TEST(explorer, finds_no_fault_when_stores_overtake_each_other_as_on_a_gpu) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (std::uint64_t capacity : {1u, 2u}) {
      runs += expect_sound(two_producers(how, capacity),
                           with_late_stores(memory_model::unordered, is_slow_build ? 1 : 2, 1));
      runs += expect_sound(one_producer(how, capacity, 2),
                           with_late_stores(memory_model::unordered, 2, 2));
    }
  print_total(runs);
  EXPECT_GT(runs, is_slow_build ? 10'000u : 100'000u);
}

TEST(explorer, finds_no_fault_in_laps_abandoned_claims_and_batches) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (bool abandons : {false, true})
      for (bool batches : {false, true}) {
        scenario s = one_producer(how, 2, 4);
        s.abandons = abandons;
        s.batches = batches;
        runs += expect_sound(s, up_to(2));
        s = two_producers(how, 2);
        s.abandons = abandons;
        s.batches = batches;
        s.messages = 2;
        runs += expect_sound(s, up_to(1));
      }
  print_total(runs);
  EXPECT_GT(runs, 10'000u);
}

TEST(explorer, finds_no_fault_where_the_only_producer_claims_without_an_exchange) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (bool commits_batches : {false, true}) {
      scenario s = one_producer(how, 2, 4);
      s.claims_alone = true;
      s.commits_batches = commits_batches;
      runs += expect_sound(s, up_to(2));
      s.messages = 3;
      runs += expect_sound(s, with_late_stores(memory_model::unordered, 1, 1));
    }
  print_total(runs);
  EXPECT_GT(runs, 1'000u);
}

TEST(explorer, finds_no_fault_in_batches_that_are_committed_at_once) {
  std::uint64_t runs = 0;
  for (auto how : publications) {
    scenario s = one_producer(how, 2, 4);
    s.commits_batches = true;
    runs += expect_sound(s, up_to(2));
    s = two_producers(how, 4);
    s.commits_batches = true;
    s.messages = 2;
    runs += expect_sound(s, up_to(is_slow_build ? 1 : 2));
    runs += expect_sound(s, with_late_stores(memory_model::unordered, 1, 1));
  }
  print_total(runs);
  EXPECT_GT(runs, 1'000u);
}

TEST(explorer, finds_no_fault_where_32_bits_of_a_sequence_wrap) {
  std::uint64_t runs = 0;
  for (auto how : publications) {
    scenario s = two_producers(how, 2);
    s.start = (std::uint64_t{1} << 32) - 1;
    runs += expect_sound(s, up_to(2));
    s.start = (std::uint64_t{3} << 30) + 2;  // behind a lap that refreshes all chunks
    runs += expect_sound(s, up_to(2));
  }
  print_total(runs);
  EXPECT_GT(runs, 10'000u);
}

TEST(explorer, accounts_for_every_message_when_the_oldest_are_dropped) {
  std::uint64_t runs = 0;
  for (auto how : publications)
    for (std::uint64_t capacity : {1u, 2u})
      for (bool sees : {false, true}) {
        scenario s = one_producer(how, capacity, 4);
        s.shape.drop_oldest = true;
        s.drops = true;
        s.sees_dropped = sees;
        runs += expect_sound(s, up_to(2));
      }
  print_total(runs);
  EXPECT_GT(runs, 1'000u);
}

// A test for each publication: together they are the longest of all.
class explorer_of_each : public ::testing::TestWithParam<publication> {};
INSTANTIATE_TEST_SUITE_P(publications, explorer_of_each, ::testing::ValuesIn(publications),
                         [](const auto& it) { return name_of(it.param); });

TEST_P(explorer_of_each, finds_that_several_producers_drop_no_more_than_they_need) {
  std::uint64_t runs = 0;
  for (std::uint64_t capacity : {1u, 2u})
    for (bool sees : {false, true}) {
      scenario s = two_producers(GetParam(), capacity);
      s.messages = 2;
      s.shape.drop_oldest = true;
      s.drops = true;
      s.sees_dropped = sees;
      const bool is_short = is_fast_build || (capacity == 1 && !is_slow_build);
      runs += expect_sound(s, merged(is_short ? 2 : 1));
      s.messages = 1;
      s.producers = 3;
      runs += expect_sound(s, merged(is_fast_build ? 2 : 1));
    }
  print_total(runs);
  EXPECT_GT(runs, 1'000u);
}

}  // namespace
}  // namespace rondo::test
