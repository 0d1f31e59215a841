// Waivers as someone gives them who runs the suite: what is accepted, what is told, and what is
// refused.
#include "suite_command.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace rondo::test {
namespace {

using json = nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;

class waivers_command : public suite_command_with_files {
 protected:
  waivers_command() : suite_command_with_files("waivers") {}

  // What the run says of the failing case with one waiver, in which `changed` differs from a sound
  // one; a null leaves the field out.
  child_result run(const json& changed = json::object(), std::vector<std::string> more = {}) {
    json one = {{"case", failing_},
                {"reason", "its <driver> names a key twice"},
                {"url", "https://example.org/1"},
                {"expires", "2999-12-31"}};
    one.merge_patch(changed);
    std::ofstream(file("list")) << json{{"waivers", {one}}};
    more.insert(more.end(), {"--filter", "DEV-06", "--waivers", file("list")});
    return with_fault(fault_, more);
  }
  // Fails one case, which takes no time, and no other.
  static constexpr const char* fault_ = "property_twice";
  static constexpr const char* failing_ = "device.info.its_properties_have_different_keys";
};

TEST_F(waivers_command, a_failure_that_is_waived_is_none_and_every_report_says_why_it_is_not) {
  const auto bare = with_fault(fault_, {"--filter", "DEV-06"});
  EXPECT_EQ(bare.exit_code, 1) << bare.out << bare.err;  // or there is nothing to waive
  const auto result = run(json::object(), {"--json", "--junit", file("junit"), "--html",
                                           file("html"), "--certificate", file("certificate")});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto document = json::parse(result.out);
  EXPECT_EQ(document["waived"], 1);
  EXPECT_EQ(document["failed"], 0);
  const std::string why =
      "its <driver> names a key twice (https://example.org/1, until 2999-12-31)";
  EXPECT_EQ(document["cases"][0]["outcome"], "waived");
  EXPECT_EQ(document["cases"][0]["waiver"], why);
  const std::string marked =
      "its &lt;driver&gt; names a key twice (https://example.org/1, until 2999-12-31)";
  EXPECT_THAT(text_of(file("junit")), AllOf(HasSubstr("failures=\"0\" errors=\"0\" skipped=\"1\""),
                                            HasSubstr("<skipped message=\"waived: " + marked)));
  EXPECT_THAT(text_of(file("html")),
              AllOf(HasSubstr("What was left out"), HasSubstr(marked),
                    HasSubstr("0 of 1 that ran passed; 1 failed and is waived.")));
  const auto certificate = json::parse(text_of(file("certificate")));
  EXPECT_EQ(certificate["cases"][0]["reason"], why);
  EXPECT_EQ(certificate["waivers"][0]["case"], failing_);
  EXPECT_EQ(certificate["verdict"], "only a part was run");
  const auto verified = rondo({"verify", file("certificate")});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("holds   what was waived has a waiver that was in force"));
}

TEST_F(waivers_command, the_summary_says_what_is_waived_and_why) {
  const auto result = run();
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr(std::string("waived: ") + failing_ + ": its <driver>"),
                                HasSubstr("0 failed"), HasSubstr("1 waived")));
}

TEST_F(waivers_command, a_day_that_is_over_excuses_nothing) {
  const auto result = run({{"expires", "2020-02-29"}}, {"--junit", file("junit")});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr(failing_), HasSubstr("expired on 2020-02-29")));
  EXPECT_THAT(text_of(file("junit")), HasSubstr("expired on 2020-02-29"));
}

TEST_F(waivers_command, a_case_that_passes_needs_no_waiver) {
  (void)run();  // writes the list
  const auto result =
      rondo({"conformance", cpu(), "--filter", "DEV-06", "--waivers", file("list")});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("is waived and passes: take the waiver out"));
}

TEST_F(waivers_command, a_list_that_is_not_right_is_a_mistake_and_nothing_runs) {
  struct row {
    json changed;
    const char* said;
  };
  for (const auto& [changed, said] :
       {row{{{"case", "no.such.case"}}, "there is no case 'no.such.case'"},
        row{{{"reason", nullptr}}, "waiver 1 has no \"reason\""},
        row{{{"reason", ""}}, "waiver 1 has no \"reason\""},
        row{{{"url", 5}}, "waiver 1 has no \"url\""},
        row{{{"expires", "2030-02-30"}}, "'2030-02-30' is no day"},
        row{{{"expires", "tomorrow"}}, "'tomorrow' is no day"}}) {
    const auto result = run(changed);
    EXPECT_EQ(result.exit_code, 4) << said << result.out;
    EXPECT_THAT(result.err, AllOf(HasSubstr(file("list")), HasSubstr(said), HasSubstr("try: ")));
    EXPECT_EQ(result.out, "");
  }
  std::ofstream(file("list")) << "{\"waivers\": [";
  const std::vector<std::string> line = {"conformance", cpu(), "--filter", "DEV-06", "--waivers"};
  auto cut_short = line, gone = line;
  cut_short.push_back(file("list"));
  EXPECT_EQ(rondo(cut_short).exit_code, 4);
  gone.emplace_back("/nonexistent/list.json");
  const auto result = rondo(gone);
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("/nonexistent/list.json"));
}

}  // namespace
}  // namespace rondo::test
