// The tests' own tool: what it keeps of a child, and that no child outlives its deadline.
#include "child.hpp"

#include <gtest/gtest.h>

namespace rondo::test {
namespace {

child_command shell(const std::string& script) {
  child_command command;
  command.arguments = {"/bin/sh", "-c", script};
  return command;
}

TEST(child, keeps_both_streams_apart_and_the_exit_code) {
  const auto result = run_child(shell("echo answer; echo complaint >&2; exit 3"));
  EXPECT_EQ(result.out, "answer\n");
  EXPECT_EQ(result.err, "complaint\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(child, that_says_more_than_a_pipe_holds_is_heard_to_the_end) {
  const auto result =
      run_child(shell("i=0; while [ $i -lt 4000 ]; do echo "
                      "0123456789012345678901234567890123456789 >&2; "
                      "i=$((i+1)); done; echo end"));
  EXPECT_EQ(result.err.size(), 4000u * 41u);
  EXPECT_EQ(result.out, "end\n");
}

TEST(child, that_does_not_end_is_killed_at_its_deadline) {
  auto command = shell("exec sleep 1000");
  command.deadline = std::chrono::milliseconds(50);
  const auto result = run_child(command);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.signal, SIGKILL);
}

TEST(child, that_closes_its_streams_and_stays_is_killed_too) {
  auto command = shell("exec sleep 1000 >&- 2>&-");
  command.deadline = std::chrono::milliseconds(50);
  EXPECT_TRUE(run_child(command).timed_out);
}

TEST(child, sees_only_the_environment_it_is_given) {
  auto command = shell("echo \"$HOME,$GIVEN\"");
  command.environment = {"GIVEN=yes"};
  EXPECT_EQ(run_child(command).out, ",yes\n");
}

TEST(child, that_cannot_be_started_is_an_error) {
  child_command command;
  command.arguments = {"/no/such/program"};
  EXPECT_THROW(run_child(command), std::system_error);
}

}  // namespace
}  // namespace rondo::test
