// The suite's own books: where cases live, what they cite, and the parts of the runner that can be
// tried without a plugin.
#include "conformance/support/suite.hpp"
#include "conformance/runner/fault_run.hpp"
#include "conformance/runner/honesty.hpp"
#include "conformance/runner/report_files.hpp"
#include "conformance/runner/rules.hpp"
#include "conformance/runner/sha256.hpp"
#include "conformance/runner/waivers.hpp"
#include "conformance/support/reporter.hpp"
#include "paths.hpp"
#include "results.hpp"

#include <rondo/error.hpp>

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace rondo::conformance {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(suite, a_case_lives_in_the_file_that_its_name_says) {
  std::set<std::string> names;
  for (const auto& record : all_cases()) {
    const std::string file =
        std::string(record.object) + "/" + std::string(record.operation) + ".cpp";
    EXPECT_TRUE(record.file.ends_with("conformance/" + file)) << record.name() << record.file;
    EXPECT_TRUE(names.insert(record.name()).second) << record.name() << " is there twice";
  }
}

TEST(suite, every_file_of_cases_has_some) {
  std::set<fs::path> files;
  for (const auto& record : all_cases())
    files.insert(fs::path(record.object) / (std::string(record.operation) + ".cpp"));
  const fs::path root = test::source_dir() / ".." / "conformance";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto relative = fs::relative(entry.path(), root);
    const std::string first = relative.begin()->string();
    if (entry.path().extension() != ".cpp" || first == "support" || first == "runner" ||
        first == "faults" || first == "kernels" || first == "model")
      continue;
    EXPECT_TRUE(files.contains(relative)) << relative << " registers no case";
  }
}

TEST(suite, every_rule_that_is_cited_exists) {
  for (const auto& record : all_cases()) {
    EXPECT_FALSE(words(record.rules).empty()) << record.name();
    for (const auto rule : words(record.rules)) EXPECT_NE(find_rule(rule), nullptr) << rule;
  }
  for (const auto& fault : all_faults())
    for (const auto rule : words(fault.rules)) EXPECT_NE(find_rule(rule), nullptr) << rule;
}

// Lines that sleep without a word on what for.
std::vector<std::string> bare_sleeps(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find("sleep_for(") != line.npos || line.find("sleep_until(") != line.npos ||
        line.find("sleep(") != line.npos)
      found.push_back(line);
  return found;
}

TEST(suite, a_case_lets_time_pass_only_with_the_reason) {
  EXPECT_THAT(bare_sleeps("  let_pass(time, \"why\");\n  std::this_thread::sleep_for(time);\n"),
              testing::ElementsAre("  std::this_thread::sleep_for(time);"));
  std::set<fs::path> files;
  const fs::path root = test::source_dir() / ".." / "conformance";
  for (const auto& record : all_cases())
    files.insert(root / record.object / (std::string(record.operation) + ".cpp"));
  for (const auto& entry : fs::directory_iterator(root / "model")) files.insert(entry.path());
  EXPECT_GT(files.size(), 40u);
  for (const auto& file : files) {
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_THAT(text, testing::Not(testing::IsEmpty())) << file;
    EXPECT_THAT(bare_sleeps(text), testing::IsEmpty())
        << file << ": wait with eventually(), or say with let_pass() what for";
  }
}

TEST(suite, has_sixty_faults_and_more) {
  std::set<std::string_view> names;
  for (const auto& fault : all_faults()) EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
  EXPECT_GE(names.size(), 60u);
}

// FIPS 180-4 and the examples that NIST publishes with it.
TEST(sha256, agrees_with_the_published_examples) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(reporter, keeps_a_text_on_its_line_and_gives_it_back) {
  for (const std::string text : {"", "one", "two\nlines", "a \\ and \\n", "\n\n"}) {
    EXPECT_EQ(escaped(text).find('\n'), std::string::npos);
    EXPECT_EQ(unescaped(escaped(text)), text);
  }
}

TEST(result, nothing_executed_is_no_success) {
  run_result run;
  EXPECT_EQ(run.exit_code(), 3);
  run.cases = {with(outcome::unsupported)};
  EXPECT_EQ(run.exit_code(), 3);
  run.cases.push_back(with(outcome::pass, 1));
  EXPECT_EQ(run.exit_code(), 0);
  for (const auto bad : {outcome::fail, outcome::crash, outcome::timeout}) {
    run.cases[0] = with(bad);
    EXPECT_EQ(run.exit_code(), 1);
  }
  run.unusable = true;
  EXPECT_EQ(run.exit_code(), 2);
}

class waivers : public testing::Test {
 protected:
  waiver entry(const std::string& expires) {
    return {all_cases()[0].name(), "known", "https://example.org/1", expires};
  }
  run_result run_;
};

TEST_F(waivers, excuse_a_failure_until_their_day) {
  run_.cases = {with(outcome::fail), with(outcome::pass, 1)};
  apply_waivers({entry("2030-01-31")}, "2030-01-31", run_);
  EXPECT_EQ(run_.cases[0].outcome, outcome::waived);
  EXPECT_THAT(run_.cases[0].waiver, HasSubstr("https://example.org/1"));
  EXPECT_EQ(run_.exit_code(), 0);
}

TEST_F(waivers, fail_when_their_day_is_over) {
  run_.cases = {with(outcome::fail), with(outcome::pass, 1)};
  apply_waivers({entry("2030-01-31")}, "2030-02-01", run_);
  EXPECT_EQ(run_.cases[0].outcome, outcome::fail);
  EXPECT_THAT(run_.problems.at(0), HasSubstr("expired on 2030-01-31"));
}

TEST_F(waivers, fail_when_the_case_passes) {
  run_.cases = {with(outcome::pass)};
  apply_waivers({entry("2030-01-31")}, "2030-01-01", run_);
  EXPECT_EQ(run_.exit_code(), 1);
  EXPECT_THAT(run_.problems.at(0), HasSubstr("take the waiver out"));
}

TEST_F(waivers, are_refused_where_something_is_missing) {
  const fs::path file = fs::temp_directory_path() / ("waivers" + std::to_string(::getpid()));
  const auto refusal = [&](const std::string& text) {
    std::ofstream(file) << text;
    try {
      (void)read_waivers(file);
    } catch (const error& refused) {
      return refused.message();
    }
    return std::string("not refused");
  };
  const std::string name = all_cases()[0].name();
  const auto with_day = [&](const std::string& which, const std::string& day) {
    return R"({"waivers": [{"case": ")" + which + R"(", "reason": "r", "url": "u", "expires": ")" +
           day + "\"}]}";
  };
  EXPECT_THAT(refusal("no json"), HasSubstr("no JSON document"));
  EXPECT_THAT(refusal(R"({"waivers": [{"case": "x", "reason": "r"}]})"), HasSubstr("no \"url\""));
  for (const char* day :
       {"soon", "2030-02-30", "2030-13-01", "2030-00-10", "30-01-01", "2030/01/01"})
    EXPECT_THAT(refusal(with_day(name, day)), HasSubstr("'" + std::string(day) + "' is no day"));
  EXPECT_EQ(refusal(with_day(name, "2028-02-29")), "not refused");
  EXPECT_THAT(refusal(with_day("no.such.case", "2030-01-01")), HasSubstr("no.such.case"));
  EXPECT_EQ(refusal(with_day(name, "2030-01-01")), "not refused");
  fs::remove(file);
}

// Every capability that rondo/abi.h names, by the list that the layout's test holds to the header.
std::vector<std::string> all_capabilities() {
  struct text {
    std::string_view name, value;
  };
  static constexpr text all[] = {
#define RONDO_CONSTANT(name)
#define RONDO_TEXT(name) {#name, name},
#define RONDO_STRUCT(name)
#define RONDO_FIELD(owner, name)
#include "abi/abi_list.inc"
#undef RONDO_CONSTANT
#undef RONDO_TEXT
#undef RONDO_STRUCT
#undef RONDO_FIELD
  };
  std::vector<std::string> found;
  for (const auto& [name, value] : all)
    if (name.starts_with("RONDO_CAP_")) found.emplace_back(value);
  return found;
}

TEST(suite, looks_at_both_sides_of_every_capability) {
  ASSERT_GE(all_capabilities().size(), 24u);
  for (const auto& capability : all_capabilities())
    EXPECT_TRUE(std::any_of(all_cases().begin(), all_cases().end(),
                            [&](const case_record& record) {
                              return record.object == "capability" && record.needs.empty() &&
                                     is_about(record, capability);
                            }))
        << capability << " has no case of its own in conformance/capability";
}

class honesty : public testing::Test {
 protected:
  // All cases of capability.* pass, in a run that may be filtered.
  void judge(const std::string& advertised, const run_options& options = {}) {
    run_.facts = {{"capabilities", advertised}};
    check_honesty(select_cases(options), false, run_);
  }
  static run_options filtered(const std::string& filter) {
    run_options options;
    options.filter = filter;
    return options;
  }
  run_result run_;
};

TEST_F(honesty, wants_each_advertised_capability_tried_in_a_filtered_run_too) {
  for (const char* filter : {"", "capability.*"}) {
    run_ = {};
    judge("queue.batch buffer", filtered(filter));
    EXPECT_THAT(run_.problems, testing::SizeIs(2)) << filter;
    run_ = {};
    for (std::size_t i = 0; i < all_cases().size(); ++i)
      if (all_cases()[i].object == "capability") run_.cases.push_back(with(outcome::pass, i));
    judge("queue.batch buffer", filtered(filter));
    EXPECT_THAT(run_.problems, testing::IsEmpty()) << filter;
  }
}

TEST_F(honesty, tells_of_a_capability_that_the_suite_does_not_know) {
  judge("queue.telepathy", filtered("capability.*"));
  EXPECT_THAT(run_.problems, testing::IsEmpty());
  EXPECT_THAT(run_.remarks, testing::ElementsAre(HasSubstr("queue.telepathy")));
}

TEST_F(honesty, of_a_part_judges_only_what_was_left_out_in_it) {
  judge("queue.batch", filtered("queue.push"));
  EXPECT_THAT(run_.problems, testing::IsEmpty());
  run_.cases = {left_out()};
  judge("queue.batch", filtered("queue.push"));
  EXPECT_THAT(run_.problems, testing::IsEmpty());
  judge("queue.batch " + run_.cases[0].capability, filtered("queue.push"));
  EXPECT_THAT(run_.problems, testing::ElementsAre(HasSubstr(run_.cases[0].of->name())));
}

TEST(report, escapes_what_markup_would_read) {
  run_options options;
  run_result run;
  run.cases = {with(outcome::fail), with(outcome::crash, 1), with(outcome::unsupported, 2)};
  for (const auto& text : {junit_of(options, run), html_of(options, run)}) {
    EXPECT_THAT(text, HasSubstr("because &lt;of&gt; &quot;this&quot; &amp; that"));
    EXPECT_THAT(text, testing::Not(HasSubstr("<of>")));
  }
  EXPECT_THAT(html_of(options, run), HasSubstr("rondo conformance"));  // how to run it again
}

TEST(report, is_a_page_that_fetches_nothing_for_any_screen_by_day_and_by_night) {
  run_options options;
  run_result run;
  run.cases = {with(outcome::pass), with(outcome::waived, 1), with(outcome::fail, 2)};
  const auto page = html_of(options, run);
  for (const char* there :
       {"<meta name=\"viewport\" content=\"width=device-width", "lang=\"en\"",
        "color-scheme: light dark", "prefers-color-scheme: dark", "@media (max-width: 40rem)"})
    EXPECT_THAT(page, HasSubstr(there));
  for (const char* fetched : {"<script", "<link", "<img", "src=", "href=", "url(", "@import"})
    EXPECT_THAT(page, testing::Not(HasSubstr(fetched)));
}

TEST(report, says_that_all_passed_only_if_nothing_was_waived) {
  run_result run;
  run.cases = {with(outcome::pass), with(outcome::pass, 1)};
  EXPECT_THAT(html_of({}, run), HasSubstr("All 2 cases that ran passed."));
  run.cases[1] = with(outcome::waived, 1);
  EXPECT_THAT(html_of({}, run), HasSubstr("1 of 2 that ran passed; 1 failed and is waived."));
  run.cases.pop_back();
  EXPECT_THAT(html_of({}, run), HasSubstr("The one case that ran passed."));
}

TEST(report, says_of_a_part_that_it_is_one) {
  run_options options;
  run_result run;
  run.cases = {with(outcome::pass)};
  EXPECT_THAT(html_of(options, run), testing::Not(HasSubstr("certifies no level")));
  options.with.replay = "launch <push>";
  EXPECT_THAT(html_of(options, run), testing::AllOf(HasSubstr("It certifies no level: one script"),
                                                    HasSubstr("launch &lt;push&gt;")));
}

}  // namespace
}  // namespace rondo::conformance
