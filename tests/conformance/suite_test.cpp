// The suite's own books: where cases live, what they cite, and the parts of the runner that can be
// tried without a plugin.
#include "conformance/support/suite.hpp"
#include "conformance/runner/certificate.hpp"
#include "conformance/runner/fault_run.hpp"
#include "conformance/runner/report_files.hpp"
#include "conformance/runner/rules.hpp"
#include "conformance/runner/sha256.hpp"
#include "conformance/runner/waivers.hpp"
#include "conformance/support/reporter.hpp"
#include "paths.hpp"

#include <rondo/error.hpp>

#include <gmock/gmock.h>

#include <fstream>
#include <set>

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

case_result with(outcome what, std::size_t index = 0) {
  case_result one;
  one.of = &all_cases()[index];
  one.outcome = what;
  one.rule = words(one.of->rules).front();
  if (what != outcome::pass) one.text = "because <of> \"this\" & that";
  return one;
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
  EXPECT_THAT(refusal(with_day(name, "soon")), HasSubstr("no day"));
  EXPECT_THAT(refusal(with_day("no.such.case", "2030-01-01")), HasSubstr("no.such.case"));
  EXPECT_EQ(refusal(with_day(name, "2030-01-01")), "not refused");
  fs::remove(file);
}

class certificate : public testing::Test {
 protected:
  certificate() {
    options_.highest_level = 2;
    options_.with.plugin = test::source_dir() / "paths.hpp";
    for (std::size_t i = 0; i < all_cases().size(); ++i)
      if (static_cast<int>(all_cases()[i].at) <= 2) run_.cases.push_back(with(outcome::pass, i));
    run_.cases[3] = with(outcome::unsupported, 3);
  }
  std::vector<std::string> broken(const std::string& text) {
    return verify_certificate(text, {}).broken;
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  run_options options_;
  run_result run_;
};

TEST_F(certificate, holds_as_it_was_written) {
  const auto text = certificate_of(options_, run_);
  EXPECT_THAT(text, HasSubstr("\"verdict\": \"conforms\""));
  EXPECT_THAT(broken(text), testing::IsEmpty());
}

TEST_F(certificate, does_not_hold_with_one_thing_changed) {
  run_.cases[5] = with(outcome::fail, 5);
  const auto text = certificate_of(options_, run_);
  EXPECT_THAT(text, HasSubstr("\"verdict\": \"does not conform\""));
  EXPECT_THAT(broken(replaced(text, "does not conform", "conforms")), testing::SizeIs(1));
  EXPECT_THAT(broken(replaced(text, "\"outcome\": \"fail\"", "\"outcome\": \"pass\"")),
              testing::SizeIs(testing::Ge(2u)));
  EXPECT_THAT(broken(replaced(text, "\"fail\": 1", "\"fail\": 0")),
              testing::SizeIs(testing::Ge(1u)));
  EXPECT_THAT(broken(replaced(text, "\"case\": \"" + all_cases()[7].name(), "\"case\": \"other")),
              testing::SizeIs(testing::Ge(2u)));
}

TEST_F(certificate, does_not_hold_with_a_figure_that_its_histogram_contradicts) {
  run_.cases[5].figures.push_back({"a trip", 5, 8, 9, 9, 9, {{8, 5}}});
  const auto text = certificate_of(options_, run_);
  EXPECT_THAT(broken(text), testing::IsEmpty());
  EXPECT_THAT(broken(replaced(text, "\"p50_ns\": 8", "\"p50_ns\": 2")), testing::SizeIs(1));
  EXPECT_THAT(broken(replaced(text, "\"samples\": 5", "\"samples\": 50")), testing::SizeIs(1));
}

TEST_F(certificate, is_of_one_file) {
  const auto found =
      verify_certificate(certificate_of(options_, run_), test::source_dir() / "CMakeLists.txt");
  EXPECT_THAT(found.broken, testing::ElementsAre(HasSubstr("not the file that was tested")));
}

TEST_F(certificate, of_a_part_conforms_to_nothing) {
  options_.filter = "queue";
  EXPECT_THAT(certificate_of(options_, run_), HasSubstr("only a part was run"));
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
  EXPECT_THAT(html_of(options, run), HasSubstr("prefers-color-scheme: dark"));
}

}  // namespace
}  // namespace rondo::conformance
