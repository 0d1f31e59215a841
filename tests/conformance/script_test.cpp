// The sequences of operations of kernel.model: text and back, and made shorter.
#include "conformance/model/script.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace rondo::conformance::model {
namespace {

using testing::HasSubstr;

bool everything(trait) { return true; }

TEST(script, is_the_same_after_it_was_written_and_read) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200; ++i) {
    const auto text = to_text(random_script(random, 60, everything));
    EXPECT_EQ(to_text(parse_script(text)), text);
  }
  EXPECT_EQ(to_text(parse_script(" launch   b:push=3 c:pop ")), "launch b:push=3 c:pop");
  EXPECT_EQ(to_text(parse_script("c{timed,urgent} b{} launch")), "c{urgent,timed} launch");
  EXPECT_TRUE(parse_script("").steps.empty());
}

TEST(script, has_every_operation_and_every_trait_sooner_or_later) {
  std::mt19937_64 random(5);
  std::set<op> done;
  traits had;
  for (int i = 0; i < 200; ++i) {
    const auto all = random_script(random, 60, everything);
    for (const step& one : all.steps) done.insert(one.what);
    for (unsigned which = 0; which < static_cast<unsigned>(trait::count); ++which)
      for (const traits& each : all.kernels) {
        EXPECT_TRUE(each.fit_together()) << to_text(all);
        if (each.has(static_cast<trait>(which))) had.add(static_cast<trait>(which));
      }
  }
  for (unsigned what = 0; what < static_cast<unsigned>(op::count); ++what)
    EXPECT_EQ(done.count(static_cast<op>(what)), 1u) << name_of(static_cast<op>(what));
  for (unsigned which = 0; which < static_cast<unsigned>(trait::count); ++which)
    EXPECT_TRUE(had.has(static_cast<trait>(which))) << name_of(static_cast<trait>(which));
}

TEST(script, has_no_trait_that_is_not_offered) {
  std::mt19937_64 random(5);
  const auto offered = [](trait one) { return one == trait::timed; };
  for (int i = 0; i < 100; ++i)
    for (const traits& each : random_script(random, 60, offered).kernels)
      EXPECT_TRUE(each.without(trait::timed).none()) << to_text(each);
}

TEST(script, that_is_none_is_refused_by_its_word) {
  for (const std::string word :
       {"lunch", "d:push", "push=0", "push=7", "push=x", "launch=2", "b:", "push=", "A:push"}) {
    try {
      (void)parse_script("launch " + word);
      ADD_FAILURE() << word;
    } catch (const std::invalid_argument& refused) {
      EXPECT_THAT(refused.what(), HasSubstr("'" + word + "'"));
      EXPECT_THAT(refused.what(), HasSubstr("push_batch"));
    }
  }
}

TEST(script, with_traits_that_are_none_or_come_too_late_is_refused) {
  for (const std::string text :
       {"a{lunch}", "a{urgent", "a{timer,hooks}", "a{output=reject,output=drop_newest}",
        "a{refuse}", "d{urgent}", "launch a{urgent}"})
    EXPECT_THROW((void)parse_script(text), std::invalid_argument) << text;
}

// Fails at the step that makes three messages on one kernel after another kernel was launched.
std::size_t fails(const script& all) {
  bool launched = false;
  unsigned pushed = 0;
  for (std::size_t i = 0; i < all.steps.size(); ++i) {
    const step& one = all.steps[i];
    launched = launched || (one.what == op::launch && one.kernel == 1);
    if (one.what == op::push && one.kernel == 0) pushed += one.number;
    if (launched && pushed >= 3) return i + 1;
  }
  return 0;
}

TEST(script, is_made_as_short_as_it_can_be) {
  std::mt19937_64 random(11);
  int failing = 0;
  for (int i = 0; i < 50; ++i) {
    const auto all = random_script(random, 80, everything);
    if (fails(all) == 0) continue;
    ++failing;
    const auto shortest = shrink(all, fails, [] { return true; });
    EXPECT_NE(fails(shortest), 0u);
    EXPECT_LE(shortest.steps.size(), 4u) << to_text(shortest);
    for (const traits& each : shortest.kernels) EXPECT_TRUE(each.none()) << to_text(shortest);
    unsigned messages = 0;
    for (const step& one : shortest.steps) messages += one.what == op::push ? one.number : 0;
    EXPECT_EQ(messages, 3u) << to_text(shortest);
  }
  EXPECT_GT(failing, 10);
}

TEST(script, keeps_the_traits_that_it_fails_by) {
  script all = parse_script("a{urgent,timed,timer} b{timed} launch b:launch push=3 b:push");
  const auto with_timed_a = [](const script& some) {
    return some.kernels[0].has(trait::timed) ? fails(some) : 0;
  };
  EXPECT_EQ(to_text(shrink(all, with_timed_a, [] { return true; })), "a{timed} b:launch push=3");
}

TEST(script, is_left_as_it_is_when_there_is_no_time) {
  std::mt19937_64 random(11);
  const auto all = random_script(random, 80, everything);
  EXPECT_EQ(to_text(shrink(all, fails, [] { return false; })), to_text(all));
}

}  // namespace
}  // namespace rondo::conformance::model
