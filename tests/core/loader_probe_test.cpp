// A plugin that would take the application along is found out in a child process.
#include <rondo/loader.hpp>

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dlfcn.h>

#include <chrono>

namespace {

using namespace loader_support;
using rondo::probe_state;
using rondo::verdict;
using testing::ContainsRegex;
using testing::HasSubstr;

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
