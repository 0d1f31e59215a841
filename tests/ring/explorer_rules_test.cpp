// Rules of the ring under the orders with few switches, which are soon tried: enough to notice each
// way in which the ring is broken on purpose. All orders are tried in the other tests of the
// explorer.
#include "explorer_scenarios.hpp"

#include <gtest/gtest.h>

namespace rondo::test {
namespace {

void expect_sound(const scenario& s) {
  const exploration_result r = explore<explored_platform>(s, {.preemptions = 1});
  EXPECT_EQ(r.violation, "") << s;
  EXPECT_TRUE(r.complete) << s << ": only " << r.runs << " orders were tried";
  EXPECT_GT(r.runs, 10u) << s;
}

class explored_rules : public ::testing::TestWithParam<publication> {};

TEST_P(explored_rules, a_message_is_seen_when_all_of_it_is_there) {  // RING-05
  scenario s;
  s.shape = {GetParam(), 2, 16, true};
  s.messages = 2;
  expect_sound(s);
}

TEST_P(explored_rules, a_claimed_slot_is_one_producers) {  // RING-08
  scenario s;
  s.shape = {GetParam(), 2, 16, false};
  s.producers = 2;
  expect_sound(s);
}

INSTANTIATE_TEST_SUITE_P(every_publication, explored_rules,
                         ::testing::Values(publication::word, publication::counted,
                                           publication::apart, publication::chunked),
                         [](const auto& which) { return name_of(which.param); });

}  // namespace
}  // namespace rondo::test
