// Figures: how they are counted, where they are written, and that there are none without proof.
#include "suite_command.hpp"

#include "conformance/support/timing.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace rondo::test {
namespace {

using conformance::figure_of;
using conformance::sampler;
using conformance::to_event;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(sampler, knows_its_percentiles) {
  sampler times("some");
  for (std::uint64_t i = 1000; i > 0; --i) times.add(i);
  const auto all = times.summary();
  EXPECT_EQ(all.samples, 1000u);
  EXPECT_EQ(all.p50_ns, 500u);
  EXPECT_EQ(all.p99_ns, 990u);
  EXPECT_EQ(all.p999_ns, 999u);
  EXPECT_EQ(all.max_ns, 1000u);
}

TEST(sampler, counts_every_sample_in_a_bucket_that_is_a_quarter_of_a_power_of_two) {
  sampler times("some");
  for (const std::uint64_t ns : {0u, 3u, 4u, 5u, 1023u, 1024u, 1279u, 1280u}) times.add(ns);
  const auto all = times.summary().histogram;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (const auto& one : all) found.emplace_back(one.from_ns, one.count);
  using testing::Pair;
  EXPECT_THAT(found, testing::ElementsAre(Pair(0, 1), Pair(3, 1), Pair(4, 1), Pair(5, 1),
                                          Pair(896, 1), Pair(1024, 2), Pair(1280, 1)));
}

TEST(sampler, with_one_sample_or_none_has_them_too) {
  sampler times("one");
  EXPECT_EQ(times.summary().max_ns, 0u);
  times.add(7);
  EXPECT_EQ(times.summary().p50_ns, 7u);
  EXPECT_EQ(times.summary().p999_ns, 7u);
}

TEST(figure, is_the_same_after_it_was_told_and_heard) {
  const auto one = figure_of(to_event({"a round trip of 64 B", 5, 1, 2, 3, 4, {{1, 2}, {4, 3}}}));
  EXPECT_EQ(to_event(one), "5 1 2 3 4 1:2,4:3 a round trip of 64 B");
  const auto none = figure_of(to_event({"nothing", 0, 0, 0, 0, 0, {}}));
  EXPECT_EQ(to_event(none), "0 0 0 0 0 - nothing");
  EXPECT_THROW((void)figure_of("5 1 2"), std::invalid_argument);
}

using timed = suite_command;

TEST_F(timed, figures_are_in_every_report_and_the_certificate_verifies) {
  const auto cert = scratch("timed-cert"), junit = scratch("timed-junit"),
             html = scratch("timed-html");
  const auto result =
      rondo({"conformance", cpu(), "--level", "4", "--filter", "timed.", "--certificate",
             cert.string(), "--junit", junit.string(), "--html", html.string()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("timed: round trip of 64 B: p50 "));
  std::size_t figures = 0;
  const auto document = nlohmann::json::parse(text_of(cert));
  for (const auto& one : document["cases"])
    for (const auto& each : one["figures"]) {
      ++figures;
      EXPECT_GT(each["samples"], 0) << each;
      EXPECT_GT(each["p50_ns"], 0) << each;
      EXPECT_LE(each["p50_ns"], each["max_ns"]) << each;
      EXPECT_FALSE(each["histogram"].empty()) << each;
    }
  EXPECT_EQ(figures, 5u);
  EXPECT_THAT(text_of(junit), HasSubstr("<property name=\"round trip of 64 B\" value=\"p50 "));
  EXPECT_THAT(text_of(html), AllOf(HasSubstr("What was timed"), HasSubstr("round trip of 64 B")));
  EXPECT_EQ(rondo({"verify", cert.string()}).exit_code, 0);
  for (const auto& file : {cert, junit, html}) std::filesystem::remove(file);
}

TEST_F(timed, a_figure_without_proof_is_none) {
  const auto result = with_fault("empty_replies", {"--level", "4", "--filter", "timed."});
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("rule EXEC-01"), Not(HasSubstr("timed: "))));
}

}  // namespace
}  // namespace rondo::test
