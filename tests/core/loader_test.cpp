// Each candidate ends in exactly one verdict, with a reason and a remedy, and a broken one never
// keeps a healthy one from being accepted.
#include <rondo/loader.hpp>

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace {

using namespace loader_support;
using rondo::verdict;
using testing::ElementsAre;
using testing::HasSubstr;

struct broken {
  const char* fixture;
  rondo::verdict verdict;
  const char* reason;
};

// So that a failing case is named by its fixture.
void PrintTo(const broken& it, std::ostream* out) { *out << it.fixture; }

class loader_refuses : public testing::TestWithParam<broken> {};

TEST_P(loader_refuses, with_one_verdict_a_reason_and_a_remedy) {  // LOAD-05
  const scratch_directory dir;
  const auto path = dir.put_fixture(GetParam().fixture);
  const auto report = load_from(dir.path());
  ASSERT_EQ(report.candidates.size(), 1u);
  const auto& it = report.candidates.front();
  EXPECT_EQ(it.path, path);
  EXPECT_EQ(it.verdict, GetParam().verdict) << to_text(report);
  EXPECT_EQ(it.code(), rondo::status_of(GetParam().verdict));
  EXPECT_THAT(it.reason, HasSubstr(GetParam().reason));
  EXPECT_FALSE(it.remedy.empty());
  EXPECT_EQ(it.library, nullptr);
  EXPECT_EQ(it.probe, rondo::probe_state::not_run);
  EXPECT_FALSE(report.any_accepted());
  EXPECT_EQ(nothing_usable(report).code, it.code());
}

constexpr broken broken_plugins[] = {
    {"no_entry", verdict::entry_missing, "does not export rondo_plugin_entry"},
    {"undefined_symbol", verdict::load_failed, "the system refused to load it"},
    {"disjoint_abi", verdict::abi_mismatch,
     "it speaks ABI 1000 to 1002, and this host speaks ABI 1"},
    {"throwing", verdict::bad_descriptor, "its entry let an exception out"},
    {"null_descriptor", verdict::bad_descriptor, "its entry returned no descriptor"},
    {"wrong_magic", verdict::bad_descriptor, "magic is 0x1234; a plugin's is 0x4e4c50444e4f52"},
    {"short_descriptor", verdict::bad_descriptor, "struct_size is 104; ABI 1 needs 120"},
    {"bad_interval", verdict::bad_descriptor, "abi_min is 2 and abi_max is 1"},
    {"bad_id", verdict::bad_descriptor, "id is 'no dots here'"},
    {"bad_name", verdict::bad_descriptor, "name is '\\x1b[31mred', which is not printable"},
    {"bad_version", verdict::bad_descriptor, "version is 'one'"},
    {"missing_table", verdict::bad_descriptor, "the required table rondo.queue is missing"},
    {"table_version", verdict::bad_descriptor, "rondo.backend is there in version 9 only"},
    {"contradicting_table", verdict::bad_descriptor,
     "the table rondo.queue says struct_size 96, and the list of tables says 104"},
    {"repeated_table", verdict::bad_descriptor, "the table rondo.queue is listed twice"},
    {"short_table", verdict::bad_descriptor,
     "the table rondo.queue lacks the required function pop: it ends before"},
    {"missing_function", verdict::bad_descriptor,
     "the table rondo.queue lacks the required function pop"},
    {"false_capability", verdict::bad_descriptor,
     "it advertises the capability queue.mapped, and the function map"},
};
INSTANTIATE_TEST_SUITE_P(broken_plugins, loader_refuses, testing::ValuesIn(broken_plugins),
                         [](const auto& tested) { return std::string(tested.param.fixture); });

TEST(loader, refused_files_carry_the_systems_own_words) {
  const scratch_directory dir;
  dir.put_fixture("undefined_symbol");
  dir.put_fixture("no_entry");
  dir.put_fixture("throwing");
  const auto report = load_from(dir.path());
  EXPECT_THAT(candidate_of(report, "undefined_symbol.so").system_error,
              HasSubstr("rondo_test_function_that_nobody_defines"));
  EXPECT_THAT(candidate_of(report, "no_entry.so").system_error, HasSubstr("rondo_plugin_entry"));
  EXPECT_EQ(candidate_of(report, "throwing.so").system_error, "thrown by the fixture");
}

TEST(loader, a_plugin_of_another_abi_is_still_named) {
  const scratch_directory dir;
  dir.put_fixture("disjoint_abi");
  const auto report = load_from(dir.path());
  EXPECT_EQ(report.candidates.front().plugin.id, "dev.rondo.test.disjoint-abi");
  EXPECT_EQ(report.candidates.front().plugin.abi, (rondo::abi_interval{1000, 1002}));
}

TEST(loader, a_healthy_plugin_is_accepted_beside_every_broken_one) {  // LOAD-07
  const scratch_directory dir;
  for (const auto& each : broken_plugins) dir.put_fixture(each.fixture);
  dir.put("empty.so", "");
  dir.put("text.so", "hello");
  dir.put("truncated.so", read_file(fixture("minimal")).substr(0, 4096));
  dir.put_patched("class.so", 4, 1);
  dir.put_patched("machine.so", 18, 8);  // MIPS
  fs::create_symlink("nowhere", dir.path() / "dangling.so");
  fs::create_directory(dir.path() / "directory.so");
  fs::permissions(dir.put_fixture("second", "writable.so"), fs::perms(0777));
  dir.put_fixture("minimal", "zz_healthy.so");  // tried last
  dir.put("README.txt", "not a candidate");

  const auto report = load_from(dir.path());
  EXPECT_EQ(report.candidates.size(), std::size(broken_plugins) + 9);
  EXPECT_EQ(report.roots.front().entries, report.candidates.size() + 1);
  EXPECT_EQ(report.roots.front().candidates, report.candidates.size());
  for (const auto& it : report.candidates)
    EXPECT_EQ(it.accepted(), it.path.filename() == "zz_healthy.so") << it.path;
  for (const auto* name : {"empty.so", "text.so", "truncated.so", "dangling.so", "directory.so"})
    EXPECT_EQ(candidate_of(report, name).verdict, verdict::not_a_shared_object) << name;
  for (const auto* name : {"class.so", "machine.so"})
    EXPECT_EQ(candidate_of(report, name).verdict, verdict::wrong_architecture) << name;
  EXPECT_EQ(candidate_of(report, "writable.so").verdict, verdict::unsafe_permissions);

  const auto* const healthy = report.find("minimal");
  ASSERT_NE(healthy, nullptr);
  EXPECT_EQ(healthy, report.find("dev.rondo.test.minimal"));
  EXPECT_EQ(healthy->plugin.version, "1.2.3");
  EXPECT_THAT(healthy->plugin.capabilities, ElementsAre("test.first", "test.second"));
  EXPECT_TRUE(healthy->reason.empty());
  EXPECT_EQ(report.find("second"), nullptr);
}

TEST(loader, of_two_files_with_one_id_the_first_is_taken_and_named_by_the_other) {  // LOAD-08
  const scratch_directory dir;
  const auto first = dir.put_fixture("minimal", "a.so");
  dir.put_fixture("minimal", "b.so");
  fs::create_symlink("a.so", dir.path() / "c.so");
  const auto report = load_from(dir.path());
  EXPECT_TRUE(candidate_of(report, "a.so").accepted());
  for (const auto* later : {"b.so", "c.so"}) {
    EXPECT_EQ(candidate_of(report, later).verdict, verdict::duplicate);
    EXPECT_THAT(candidate_of(report, later).reason, HasSubstr(first.native()));
    EXPECT_THAT(candidate_of(report, later).reason, HasSubstr("id 'dev.rondo.test.minimal'"));
  }
}

TEST(loader, of_two_plugins_with_one_name_the_first_is_taken) {  // LOAD-08
  const scratch_directory dir;
  dir.put_fixture("minimal");
  dir.put_fixture("same_name");
  const auto report = load_from(dir.path());
  EXPECT_TRUE(candidate_of(report, "minimal.so").accepted());
  EXPECT_EQ(candidate_of(report, "same_name.so").verdict, verdict::duplicate);
  EXPECT_THAT(candidate_of(report, "same_name.so").reason, HasSubstr("name 'minimal'"));
}

TEST(loader, a_refused_plugin_takes_no_id) {  // LOAD-07
  const scratch_directory dir;
  dir.put_fixture("missing_table", "a.so");  // has the id of the healthy one
  dir.put_fixture("minimal", "b.so");
  EXPECT_TRUE(candidate_of(load_from(dir.path()), "b.so").accepted());
}

TEST(loader, leaves_out_what_was_not_asked_for) {
  const scratch_directory dir;
  dir.put_fixture("minimal", "rondo_first.so");
  dir.put_fixture("second", "other.so");
  auto options = only_in({dir.path()});
  for (const auto* wanted :
       {"minimal", "dev.rondo.test.minimal", "rondo_first.so", "rondo_first", "first"}) {
    options.only = {wanted};
    const auto report = load_plugins(options);
    EXPECT_TRUE(candidate_of(report, "rondo_first.so").accepted()) << wanted;
    EXPECT_EQ(candidate_of(report, "other.so").verdict, verdict::filtered) << wanted;
    EXPECT_TRUE(report.unmatched.empty());
  }
  options.only.clear();
  options.exclude = {"second"};
  const auto report = load_plugins(options);
  EXPECT_TRUE(candidate_of(report, "rondo_first.so").accepted());
  EXPECT_EQ(candidate_of(report, "other.so").verdict, verdict::filtered);
}

TEST(loader, a_file_excluded_by_name_is_not_even_looked_at) {
  const scratch_directory dir;
  dir.put("rondo_text.so", "hello");
  auto options = only_in({dir.path()});
  options.exclude = {"text"};
  EXPECT_EQ(load_plugins(options).candidates.front().verdict, verdict::filtered);
}

TEST(loader, a_mistyped_name_is_reported_with_the_nearest) {
  const scratch_directory dir;
  dir.put_fixture("minimal");
  auto options = only_in({dir.path()});
  options.only = {"minimol", "nothing-like-it"};
  const auto report = load_plugins(options);
  ASSERT_EQ(report.unmatched.size(), 2u);
  EXPECT_EQ(report.unmatched[0].nearest, "minimal");
  EXPECT_EQ(report.unmatched[1].nearest, "");
  EXPECT_EQ(nothing_usable(report).code, RONDO_NO_SUCH_BACKEND);
  EXPECT_EQ(nothing_usable(report).remedy, "Did you mean 'minimal'?");
}

TEST(loader, the_report_in_words_says_where_it_looked_and_why_each_was_refused) {  // LOAD-09
  const scratch_directory dir;
  dir.put("text.so", "hello");
  dir.put_fixture("disjoint_abi");
  const auto report = rondo::load_plugins(only_in({dir.path() / "absent", dir.path()}));
  const auto text = to_text(report);
  EXPECT_THAT(text,
              HasSubstr((dir.path() / "absent").native() + " (given explicitly): does not exist"));
  EXPECT_THAT(text,
              HasSubstr(dir.path().native() + " (given explicitly): 2 entries, 2 named *.so"));
  EXPECT_THAT(text, HasSubstr("text.so: not a shared object"));
  EXPECT_THAT(text, HasSubstr("disjoint_abi.so: abi mismatch (dev.rondo.test.disjoint-abi 1.2.3"));
  for (const auto& it : report.candidates) {
    EXPECT_THAT(text, HasSubstr(it.reason));
    EXPECT_THAT(text, HasSubstr(it.remedy));
  }
  const auto info = nothing_usable(report);
  EXPECT_EQ(info.code, RONDO_NO_SUCH_BACKEND) << "two different verdicts";
  EXPECT_THAT(info.message, HasSubstr("text.so: not a shared object"));
}

TEST(loader, a_file_name_cannot_write_to_the_terminal) {
  const scratch_directory dir;
  dir.put("\x1b[31m.so", "hello");
  EXPECT_THAT(to_text(load_from(dir.path())), HasSubstr("\\x1b[31m.so"));
}

TEST(loader, every_verdict_has_a_name_and_a_code_of_its_own) {
  std::set<std::string_view> names;
  std::set<rondo::status> codes;
  for (int i = 0; i <= static_cast<int>(verdict::filtered); ++i) {
    names.insert(to_string(static_cast<verdict>(i)));
    codes.insert(rondo::status_of(static_cast<verdict>(i)));
  }
  EXPECT_EQ(names.size(), 13u);
  EXPECT_EQ(codes.size(), 13u);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
