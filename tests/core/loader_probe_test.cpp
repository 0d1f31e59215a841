// A plugin that would take the application along is found out in a child process.
#include <rondo/loader.hpp>

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <vector>

namespace {
std::atomic<bool> kill_is_deaf = false;
}

// In front of the system's, for the test of a child that no signal ends.
extern "C" __attribute__((visibility("default"))) int kill(pid_t pid, int number) noexcept {
  return kill_is_deaf ? 0 : static_cast<int>(::syscall(SYS_kill, pid, number));
}

namespace {

using namespace loader_support;
using rondo::probe_state;
using rondo::verdict;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

rondo::probe_options by_the_command(std::chrono::milliseconds limit = std::chrono::seconds(60)) {
  return {rondo::test::bin_dir() / "rondo", limit};
}

// The only candidate, tried first.
rondo::candidate probed(const fs::path& directory, const rondo::probe_options& probe) {
  auto options = only_in({directory});
  options.probe = probe;
  const auto report = rondo::load_plugins(options);
  EXPECT_EQ(report.candidates.size(), 1u) << to_text(report);
  return report.candidates.at(0);
}

void expect_refused(const rondo::candidate& it, verdict expected, probe_state state) {
  EXPECT_EQ(it.verdict, expected) << to_string(it.verdict) << ": " << it.reason;
  EXPECT_EQ(it.probe, state);
  EXPECT_EQ(it.library, nullptr);
  EXPECT_THAT(it.remedy, HasSubstr("Remove or exclude the file"));
  void* const resident = ::dlopen(it.path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  EXPECT_EQ(resident, nullptr) << "it was opened in this process";
}

// By a shell script in place of the command; it tells its stages on descriptor 3.
rondo::candidate tried_by_script(const scratch_directory& dir, std::string_view script,
                                 std::chrono::milliseconds limit = std::chrono::seconds(60)) {
  const auto program = dir.put("script", "#!/bin/sh\n" + std::string(script));
  dir.put_fixture("minimal", "plugins/minimal.so");
  return probed(dir.path() / "plugins", {program, limit});
}

// Leaves this process `free` descriptors.
class few_descriptors {
 public:
  explicit few_descriptors(std::size_t free) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lowered{256, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lowered);
    for (int file = 0; (file = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
      taken_.push_back(file);
    for (; free > 0 && !taken_.empty(); --free) give_back();
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;
  ~few_descriptors() {
    while (!taken_.empty()) give_back();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  void give_back() {
    ::close(taken_.back());
    taken_.pop_back();
  }

  rlimit before_{};
  std::vector<int> taken_;
};

TEST(loader_probe, names_the_signal_that_a_constructor_died_of) {  // LOAD-10
  const scratch_directory dir;
  dir.put_fixture("aborts_when_opened");
  const auto it = probed(dir.path(), by_the_command());
  expect_refused(it, verdict::probe_crashed, probe_state::crashed);
  EXPECT_EQ(it.code(), RONDO_PROBE_CRASHED);
  EXPECT_THAT(it.reason, HasSubstr("SIGABRT (Aborted) ended"));
  EXPECT_THAT(it.reason, HasSubstr("while the system opened it and ran its constructors"));
  EXPECT_THAT(it.system_error, HasSubstr("the fixture gives up"));
  EXPECT_THAT(it.remedy, HasSubstr("rondo conformance --in-process '" + it.path.string() + "'"));
}

TEST(loader_probe, tells_a_crash_in_the_entry_from_one_in_a_constructor) {  // LOAD-10
  const scratch_directory dir;
  dir.put_fixture("crashes_when_entered");
  const auto it = probed(dir.path(), by_the_command());
  expect_refused(it, verdict::probe_crashed, probe_state::crashed);
  EXPECT_THAT(it.reason, ContainsRegex("SIG(ILL|TRAP) .* in rondo_plugin_entry"));
}

TEST(loader_probe, tells_a_descriptor_that_cannot_be_read_from_a_crash_in_the_entry) {
  const scratch_directory dir;
  dir.put_fixture("unreadable_descriptor");
  const auto it = probed(dir.path(), by_the_command());
  expect_refused(it, verdict::probe_crashed, probe_state::crashed);
  EXPECT_THAT(it.reason, ContainsRegex("SIG(SEGV|BUS) .* while its descriptor was read"));
}

TEST(loader_probe, a_library_that_ends_the_process_quietly_is_no_healthy_one) {  // LOAD-10
  const scratch_directory dir;
  dir.put_fixture("exits_when_opened");
  const auto it = probed(dir.path(), by_the_command());
  expect_refused(it, verdict::probe_crashed, probe_state::crashed);
  // A sanitizer may have put its own code in place of 0.
  EXPECT_THAT(it.reason, ContainsRegex("with exit code [0-9]+, while the system opened it"));
}

TEST(loader_probe, a_library_that_hangs_is_given_up_at_the_limit) {  // LOAD-10
  const scratch_directory dir;
  dir.put_fixture("hangs_when_opened");
  const auto it = probed(dir.path(), by_the_command(std::chrono::milliseconds(5000)));
  expect_refused(it, verdict::probe_timed_out, probe_state::timed_out);
  EXPECT_EQ(it.code(), RONDO_PROBE_TIMED_OUT);
  EXPECT_THAT(it.reason, HasSubstr("not done after 5000 ms, while the system opened it"));
}

TEST(loader_probe, a_hanging_library_that_left_its_process_group_is_ended_too) {
  const scratch_directory dir;
  dir.put_fixture("leaves_its_group");
  const auto it = probed(dir.path(), by_the_command(std::chrono::milliseconds(5000)));
  expect_refused(it, verdict::probe_timed_out, probe_state::timed_out);
  EXPECT_THAT(it.reason, Not(HasSubstr("could not be ended")));
}

TEST(loader_probe, a_child_that_cannot_be_ended_is_left_and_named) {
  const scratch_directory dir;
  kill_is_deaf = true;
  const auto it =
      tried_by_script(dir, "printf o >&3; exec sleep 600\n", std::chrono::milliseconds(100));
  kill_is_deaf = false;
  EXPECT_EQ(it.verdict, verdict::probe_timed_out) << it.reason;
  const std::string_view before = "; process ";
  const auto at = it.reason.find(before);
  ASSERT_NE(at, std::string::npos) << it.reason;
  EXPECT_THAT(it.reason, ContainsRegex("; process [0-9]+ could not be ended$"));
  const pid_t left = std::atoi(it.reason.c_str() + at + before.size());
  ASSERT_GT(left, 1);
  ASSERT_EQ(::kill(left, SIGKILL), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(left, &status, 0), left);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(loader_probe, a_program_that_has_not_begun_at_the_limit_is_given_more_time) {
  const scratch_directory dir;
  const auto it = tried_by_script(dir, "exec sleep 600\n", std::chrono::milliseconds(200));
  EXPECT_EQ(it.verdict, verdict::probe_timed_out) << it.reason;
  EXPECT_EQ(it.probe, probe_state::timed_out);
  EXPECT_THAT(it.reason, HasSubstr("had not begun after 200 ms"));
  EXPECT_THAT(it.remedy, HasSubstr("Allow more time"));
}

TEST(loader_probe, a_limit_of_any_size_is_kept_within_what_can_be_waited_for) {
  for (const auto limit : {std::chrono::milliseconds::max(), std::chrono::milliseconds(1L << 40)}) {
    const scratch_directory dir;
    dir.put_fixture("minimal");
    const auto it = probed(dir.path(), by_the_command(limit));
    EXPECT_EQ(it.verdict, verdict::accepted) << it.reason;
    EXPECT_EQ(it.probe, probe_state::passed);
  }
  const scratch_directory dir;
  const auto it = tried_by_script(dir, "exec sleep 600\n", std::chrono::milliseconds::min());
  EXPECT_THAT(it.reason, HasSubstr("had not begun after 0 ms"));
}

TEST(loader_probe, keeps_the_end_of_what_a_library_said_at_length) {
  const scratch_directory dir;
  const auto it =
      tried_by_script(dir, "printf o >&3; printf '%2000s and no more\\n' begun; exit 1\n");
  EXPECT_EQ(it.verdict, verdict::probe_crashed) << it.reason;
  EXPECT_THAT(it.system_error, EndsWith("begun and no more"));
  EXPECT_EQ(it.system_error.size(), 1023u) << "a line feed is left off";
}

TEST(loader_probe, is_not_started_without_descriptors_of_its_own) {
  for (const std::size_t free : {1u, 2u}) {
    const scratch_directory dir;
    const auto started = dir.path() / "started";
    const auto program = dir.put("script", "#!/bin/sh\n: > '" + started.string() + "'\n");
    dir.put_fixture("minimal", "plugins/minimal.so");
    const auto it = [&] {
      const few_descriptors few(free);
      return probed(dir.path() / "plugins", {program, std::chrono::seconds(60)});
    }();
    EXPECT_EQ(it.verdict, verdict::load_failed);
    EXPECT_EQ(it.probe, probe_state::not_run);
    EXPECT_THAT(it.reason, HasSubstr("could not be tried"));
    EXPECT_EQ(it.system_error, "Too many open files");
    EXPECT_THAT(it.remedy, HasSubstr("ulimit -n"));
    EXPECT_FALSE(fs::exists(started)) << "with " << free << " left";
  }
}

TEST(loader_probe, judges_by_what_was_told_where_the_application_ignores_its_children) {
  const scratch_directory dir;
  dir.put_fixture("aborts_when_opened");
  const scratch_directory healthy;
  healthy.put_fixture("minimal");
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  const auto aborts = probed(dir.path(), by_the_command());
  const auto minimal = probed(healthy.path(), by_the_command());
  ::signal(SIGCHLD, before);
  expect_refused(aborts, verdict::probe_crashed, probe_state::crashed);
  EXPECT_THAT(aborts.reason, HasSubstr("how is not known"));
  EXPECT_EQ(minimal.probe, probe_state::passed);
}

TEST(loader_probe, a_child_whose_parent_is_another_process_opens_nothing) {
  const scratch_directory dir;
  const auto command = (rondo::test::bin_dir() / "rondo").string();
  // As the loader calls it, but by a shell that stays in between.
  const auto it = tried_by_script(dir, "'" + command + "' \"$@\"\nexit $?\n");
  EXPECT_EQ(it.verdict, verdict::load_failed) << it.reason;
  EXPECT_THAT(it.reason, HasSubstr("could not be tried"));
  // The same with the shell gone.
  const auto as_is = tried_by_script(dir, "exec '" + command + "' \"$@\"\n");
  EXPECT_EQ(as_is.verdict, verdict::accepted) << as_is.reason;
}

TEST(loader_probe, lets_healthy_plugins_pass_and_leaves_other_verdicts_as_they_are) {
  for (const auto& [fixture_name, expected] :
       {std::pair{"minimal", verdict::accepted}, std::pair{"no_entry", verdict::entry_missing},
        std::pair{"throwing", verdict::bad_descriptor},
        std::pair{"undefined_symbol", verdict::load_failed}}) {
    const scratch_directory dir;
    dir.put_fixture(fixture_name);
    const auto tried = probed(dir.path(), by_the_command());
    EXPECT_EQ(tried.verdict, expected) << tried.reason;
    EXPECT_EQ(tried.probe, probe_state::passed);
    const auto untried = probed(dir.path(), {});
    EXPECT_EQ(untried.probe, probe_state::not_run);
    EXPECT_EQ(tried.reason, untried.reason);
  }
}

TEST(loader_probe, what_is_refused_unopened_is_not_tried) {
  const scratch_directory dir;
  dir.put("text.so", "no library\n");
  const auto it = probed(dir.path(), by_the_command());
  EXPECT_EQ(it.verdict, verdict::not_a_shared_object);
  EXPECT_EQ(it.probe, probe_state::not_run);
}

TEST(loader_probe, a_program_that_cannot_probe_is_not_the_plugins_crash) {
  const scratch_directory dir;
  dir.put_fixture("minimal");
  for (const fs::path program : {"/bin/false", "/nonexistent/rondo"}) {
    const auto it = probed(dir.path(), {program, std::chrono::seconds(60)});
    EXPECT_EQ(it.verdict, verdict::load_failed);
    EXPECT_EQ(it.probe, probe_state::not_run);
    EXPECT_THAT(it.reason, HasSubstr("could not be tried"));
    EXPECT_FALSE(it.system_error.empty());
    EXPECT_THAT(it.remedy, HasSubstr(program.string()));
  }
}

}  // namespace
