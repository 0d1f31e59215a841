// The sequences of operations of kernel.model: text and back, and made shorter.
#include "conformance/model/script.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <stdexcept>

namespace rondo::conformance::model {
namespace {

using testing::HasSubstr;

TEST(script, is_the_same_after_it_was_written_and_read) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200; ++i) {
    const auto text = to_text(random_script(random, 60));
    EXPECT_EQ(to_text(parse_script(text)), text);
  }
  EXPECT_EQ(to_text(parse_script(" launch   b:push=3 c:pop ")), "launch b:push=3 c:pop");
  EXPECT_TRUE(parse_script("").empty());
}

TEST(script, has_every_operation_sooner_or_later) {
  std::mt19937_64 random(5);
  const auto all = random_script(random, 4000);
  for (unsigned what = 0; what < static_cast<unsigned>(op::count); ++what)
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const step& one) {
      return one.what == static_cast<op>(what);
    })) << name_of(static_cast<op>(what));
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

// Fails at the step that makes three messages on one kernel after another kernel was launched.
std::size_t fails(const script& all) {
  bool launched = false;
  unsigned pushed = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    launched = launched || (all[i].what == op::launch && all[i].kernel == 1);
    if (all[i].what == op::push && all[i].kernel == 0) pushed += all[i].number;
    if (launched && pushed >= 3) return i + 1;
  }
  return 0;
}

TEST(script, is_made_as_short_as_it_can_be) {
  std::mt19937_64 random(11);
  int failing = 0;
  for (int i = 0; i < 50; ++i) {
    const auto all = random_script(random, 80);
    if (fails(all) == 0) continue;
    ++failing;
    const auto shortest = shrink(all, fails, [] { return true; });
    EXPECT_NE(fails(shortest), 0u);
    EXPECT_LE(shortest.size(), 4u) << to_text(shortest);
    unsigned messages = 0;
    for (const step& one : shortest) messages += one.what == op::push ? one.number : 0;
    EXPECT_EQ(messages, 3u) << to_text(shortest);
  }
  EXPECT_GT(failing, 10);
}

TEST(script, is_left_as_it_is_when_there_is_no_time) {
  std::mt19937_64 random(11);
  const auto all = random_script(random, 80);
  EXPECT_EQ(to_text(shrink(all, fails, [] { return false; })), to_text(all));
}

}  // namespace
}  // namespace rondo::conformance::model
