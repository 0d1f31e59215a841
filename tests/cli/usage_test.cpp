// What the command line itself can get wrong, the help, and the form of answers and errors.
#include "rondo_command.hpp"

#include <map>
#include <sstream>

namespace rondo::test {
namespace {

using usage = rondo_command;

TEST_F(usage, no_arguments_print_help_and_count_as_a_mistake) {
  const auto result = rondo({});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, "backends")) << said(result);
  EXPECT_TRUE(contains(result.err, "Exit codes:")) << said(result);
  EXPECT_TRUE(contains(result.err, "[INVALID_ARGUMENT]")) << said(result);
}

TEST_F(usage, help_is_an_answer) {
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"--help"}, {"-h"}, {"run", "--help"}, {"queues", "build", "-h"}}) {
    const auto result = rondo(line);
    EXPECT_EQ(result.exit_code, 0) << said(result);
    EXPECT_EQ(result.err, "");
    EXPECT_TRUE(contains(result.out, "Exit codes:")) << said(result);
  }
}

TEST_F(usage, help_of_a_verb_names_all_its_options) {
  const auto help = rondo({"run", "--help"}).out;
  for (const auto* option :
       {"MODULE", "--kernel", "--backend", "--device", "--plugins", "--kernels", "--timeout",
        "--grid", "--block", "--publish", "--pump", "--option", "--json", "--stats", "--list"})
    EXPECT_TRUE(contains(help, option)) << option;
}

// The lines that are a digit between `before` and `between`, then a text that ends with `after`.
std::map<char, std::string> rows(const std::string& text, const std::string& before,
                                 const std::string& between, const std::string& after) {
  std::map<char, std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto frame = before.size() + 1 + between.size() + after.size();
    if (line.size() <= frame || !line.starts_with(before) || !line.ends_with(after)) continue;
    const char digit = line[before.size()];
    if (digit < '0' || digit > '9' || line.compare(before.size() + 1, between.size(), between) != 0)
      continue;
    found[digit] = line.substr(frame - after.size(), line.size() - frame);
  }
  return found;
}

TEST_F(usage, exit_codes_in_the_help_are_those_in_the_README) {
  const auto readme = text_of(source_dir() / ".." / "tools" / "README.md");
  const auto helped = rows(rondo({"--help"}).out, "  ", "  ", "");
  EXPECT_EQ(helped.size(), 5u);
  EXPECT_EQ(helped, rows(readme, "| ", " | ", " |"));
}

TEST_F(usage, an_unknown_command_suggests_the_nearest) {
  const auto result = rondo({"bakends"});
  expect_error(result, 4, "command line", "INVALID_ARGUMENT");
  EXPECT_TRUE(contains(result.err, "'bakends'")) << said(result);
  EXPECT_TRUE(contains(result.err, "Did you mean backends?")) << said(result);
}

TEST_F(usage, an_unknown_command_like_no_other_gets_no_suggestion) {
  const auto result = rondo({"xyzzyplugh"});
  expect_error(result, 4, "command line", "INVALID_ARGUMENT");
  EXPECT_FALSE(contains(result.err, "Did you mean")) << said(result);
}

TEST_F(usage, an_unknown_option_suggests_the_nearest_of_its_verb) {
  const auto result = rondo({"run", "m", "--timout", "3"});
  expect_error(result, 4, "run", "INVALID_ARGUMENT");
  EXPECT_TRUE(contains(result.err, "Did you mean --timeout?")) << said(result);
}

TEST_F(usage, an_unknown_verb_of_queues_suggests_the_nearest) {
  const auto result = rondo({"queues", "pars", "x"});
  expect_error(result, 4, "queues", "INVALID_ARGUMENT");
  EXPECT_TRUE(contains(result.err, "Did you mean parse?")) << said(result);
}

TEST_F(usage, wrong_arguments_are_refused_before_anything_happens) {
  const std::vector<std::vector<std::string>> lines = {
      {"run"},                                    // no module
      {"run", "m", "n"},                          // one too many
      {"run", "m", "--device", "-1"},             // not an index
      {"run", "m", "--device", "first"},          //
      {"run", "m", "--device", "4294967296"},     // beyond 32 bits
      {"run", "m", "--timeout", "0"},             // no time at all
      {"run", "m", "--timeout", "-1"},            //
      {"run", "m", "--timeout", "soon"},          //
      {"run", "m", "--timeout", "nan"},           //
      {"run", "m", "--backend"},                  // no value
      {"run", "m", "--option", "key"},            // neither
      {"run", "m", "--option", "=value"},         // no key
      {"run", "m", "--option"},                   //
      {"run", "m", "--grid", "0"},                // no kernel at all
      {"run", "m", "--grid", "many"},             //
      {"run", "m", "--block", "-1"},              //
      {"run", "m", "--publish", "loudly"},        // no such way
      {"run", "m", "--pump", "loudly"},           // no such time
      {"backends", "cpu"},                        // takes no argument
      {"queues", "build", "Type", "kernel"},      // no direction
      {"queues", "build", "T", "k", "sideways"},  // no direction either
      {"queues", "parse"},
      {"version", "1"},
  };
  for (const auto& line : lines) {
    const auto result = rondo(line);
    EXPECT_EQ(result.exit_code, 4) << testing::PrintToString(line) << said(result);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(contains(result.err, "[INVALID_ARGUMENT]\n  try: ")) << said(result);
  }
}

TEST_F(usage, an_error_is_a_JSON_document_too_when_JSON_is_asked_for) {
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"bakends", "--json"}, {"run", "--json"}, {"queues", "parse", "x", "--json"}}) {
    const auto result = rondo(line);
    EXPECT_EQ(result.exit_code, 4) << said(result);
    const auto document = document_of(result);
    expect_keys(document, {"error"});
    expect_keys(document["error"], {"code", "object", "message", "remedy"});
    EXPECT_TRUE(contains(result.err, "rondo: ")) << said(result);
  }
}

TEST_F(usage, nothing_is_coloured_where_no_terminal_shows_it) {
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"backends"}, {"bakends"}, {"queues", "explain", "x"}}) {
    const auto result = rondo(line);
    EXPECT_FALSE(contains(result.out + result.err, "\033")) << said(result);
  }
}

// A terminal that is read by the test.
class terminal {
 public:
  terminal() : end_(demand(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt")) {
    demand(::grantpt(end_.get()), "grantpt");
    demand(::unlockpt(end_.get()), "unlockpt");
    demand(::fcntl(end_.get(), F_SETFL, O_NONBLOCK), "fcntl");
  }
  std::string path() const { return ::ptsname(end_.get()); }
  // What was written by programs that have ended.
  std::string shown() {
    std::string text;
    while (end_.get() >= 0) drain(end_, text);
    return text;
  }

 private:
  descriptor end_;
};

TEST_F(usage, a_terminal_gets_colours_unless_NO_COLOR_is_set) {
  terminal coloured;
  ASSERT_EQ(rondo({"backends"}, coloured.path()).exit_code, 0);
  const auto shown = coloured.shown();
  EXPECT_TRUE(contains(shown, "\033[32maccepted\033[0m")) << shown;

  set_variable("NO_COLOR", "1");
  terminal plain;
  ASSERT_EQ(rondo({"backends"}, plain.path()).exit_code, 0);
  const auto without = plain.shown();
  EXPECT_TRUE(contains(without, "cpu: accepted")) << without;
  EXPECT_FALSE(contains(without, "\033")) << without;
}

TEST_F(usage, bytes_that_are_no_text_are_shown_and_break_no_document) {
  const auto shown = rondo({"queues", "explain", "a\033[31m\xff"});
  EXPECT_EQ(shown.exit_code, 4);
  EXPECT_FALSE(contains(shown.out + shown.err, "\033")) << said(shown);
  const auto asked = rondo({"queues", "explain", "a\033[31m\xff", "--json"});
  EXPECT_FALSE(document_of(asked)["valid"].get<bool>());
}

TEST_F(usage, an_answer_that_cannot_be_written_is_a_failure) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const auto result = rondo({"version"}, "/dev/full");
  EXPECT_EQ(result.exit_code, 1) << said(result);
  EXPECT_TRUE(contains(result.err, "standard output")) << said(result);
}

}  // namespace
}  // namespace rondo::test
