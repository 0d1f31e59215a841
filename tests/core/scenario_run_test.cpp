// Driving the scenarios that a module brings: what passes, what is refused and by whom.
#include "support.hpp"

#include <rondo/kernel/scenario.hpp>
#include <rondo/scenario_run.hpp>

#include <gmock/gmock.h>

#include <stdexcept>

namespace core_test {

// Keeps what the host asks of it, in the order in which it did. The second request fails, the third
// cannot be made, the fourth reply is refused.
struct recorded {
  static constexpr const char* name = "recorded";
  static constexpr std::uint32_t message_count = 5;
  static inline std::vector<std::string> calls;
  static inline bool opens = true;

  explicit recorded(rondo::scenario_buffers) {
    calls.push_back("open");
    if (!opens) throw std::runtime_error("not today");
  }
  ~recorded() { calls.push_back("close"); }
  order next(std::uint32_t i, std::string&) {
    calls.push_back("next " + std::to_string(i));
    if (i == 2) throw std::runtime_error("there is no third request");
    order made;
    if (i == 1) made.what = misdeed::fail;
    return made;
  }
  void check(std::uint32_t i, const small_reply&) {
    calls.push_back("check " + std::to_string(i));
    if (i == 3) throw std::runtime_error("the fourth reply is not to its taste");
  }
};
RONDO_SCENARIO(culprit, recorded);

}  // namespace core_test

namespace {

using namespace core_test;
using testing::ElementsAre;
using testing::HasSubstr;

class scenario_run : public testing::Test {
 protected:
  rondo::kernel_handle started(const std::string& handler) {
    auto kernel = runtime_.launch(
        handler, {.module = (rondo::test::fixtures_dir() / "kernels/refusing.so").string()});
    kernel.activate();
    return kernel;
  }
  rondo::runtime runtime_ = open_runtime();
};

TEST_F(scenario_run, passes_what_the_module_accepts) {
  auto kernel = started("Copier");
  const auto outcomes = rondo::run_scenarios(kernel, patience);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].name, "accepting");
  ASSERT_EQ(outcomes[0].cases.size(), 1u);
  EXPECT_EQ(outcomes[0].cases[0].label, "a nonce");
  EXPECT_EQ(outcomes[0].cases[0].code, RONDO_OK) << outcomes[0].cases[0].failure;
  EXPECT_GT(outcomes[0].cases[0].round_trip, 0ns);
  EXPECT_EQ(outcomes[0].passed(), 1u);
  EXPECT_EQ(kernel.snapshot().messages_in, 1u);
}

TEST_F(scenario_run, goes_on_after_a_refusal_and_after_a_failure) {
  auto kernel = started("Doubler");
  std::vector<std::string> seen;
  const auto outcomes = rondo::run_scenarios(
      kernel, patience, [&](const std::string& scenario, const rondo::scenario_case& one) {
        seen.push_back(scenario + ": " + one.label);
      });
  EXPECT_THAT(seen, ElementsAre("refusing: number 0", "refusing: number 1", "refusing: number 2"));
  ASSERT_EQ(outcomes.size(), 1u);
  const auto& cases = outcomes[0].cases;
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[0].code, RONDO_OK);
  EXPECT_EQ(cases[1].code, RONDO_HANDLER_FAILED);
  EXPECT_THAT(cases[1].failure, HasSubstr("only nothing doubled is accepted"));
  EXPECT_THAT(cases[2].failure, HasSubstr("two is too many"));
  EXPECT_EQ(outcomes[0].passed(), 1u);
}

TEST_F(scenario_run, is_opened_asked_in_order_and_closed_whatever_fails) {  // HOST-06
  auto kernel = runtime_.launch<culprit>();
  kernel.activate();
  for (std::uint64_t run = 1; run <= 2; ++run) {
    recorded::calls.clear();
    const auto outcomes = rondo::run_scenarios(kernel, patience);
    EXPECT_THAT(recorded::calls, ElementsAre("open", "next 0", "check 0", "next 1", "next 2",
                                             "next 3", "check 3", "next 4", "check 4", "close"));
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].passed(), 2u);
    EXPECT_EQ(kernel.snapshot().messages_in, run * 4);
  }
  recorded::calls.clear();
  const auto stop = [](const std::string&, const rondo::scenario_case&) { throw 17; };
  EXPECT_ANY_THROW(rondo::run_scenarios(kernel, patience, stop));
  EXPECT_THAT(recorded::calls, ElementsAre("open", "next 0", "check 0", "close"));
}

TEST_F(scenario_run, that_cannot_be_opened_is_asked_for_nothing) {  // HOST-06
  auto kernel = runtime_.launch<culprit>();
  kernel.activate();
  recorded::calls.clear();
  recorded::opens = false;
  EXPECT_EQ(refusal_of([&] { rondo::run_scenarios(kernel, patience); }).code, RONDO_HANDLER_FAILED);
  recorded::opens = true;
  EXPECT_THAT(recorded::calls, ElementsAre("open"));
}

TEST_F(scenario_run, of_a_handler_without_one_executes_nothing) {
  auto kernel = started("Loner");
  EXPECT_TRUE(rondo::run_scenarios(kernel, patience).empty());
}

TEST_F(scenario_run, against_a_kernel_that_does_not_run_fails_every_case) {
  auto kernel = started("Copier");
  kernel.terminate();
  const auto outcomes = rondo::run_scenarios(kernel, 10ms);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].cases[0].code, RONDO_TERMINATED);
  EXPECT_EQ(outcomes[0].passed(), 0u);
}

}  // namespace
