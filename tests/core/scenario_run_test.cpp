// Driving the scenarios that a module brings: what passes, what is refused and by whom.
#include "support.hpp"

#include <rondo/scenario_run.hpp>

#include <gmock/gmock.h>

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
