// JUnit's XML, and what it shares with the page.
#include "report_files.hpp"

#include "report_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rondo::conformance {

// Control characters that XML does not have become '?'.
std::string escaped_markup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t') out += '?';
    else out += c;
  }
  return out;
}

std::map<std::string, std::vector<const case_result*>> by_group(const run_result& run) {
  std::map<std::string, std::vector<const case_result*>> groups;
  for (const auto& each : run.cases) groups[each.of->group()].push_back(&each);
  return groups;
}

namespace {

std::string junit_figures(const case_result& each) {
  if (each.figures.empty()) return {};
  std::string text = "      <properties>\n";
  for (const figure& one : each.figures)
    text += fmt::format("        <property name=\"{}\" value=\"{}\"/>\n", escaped_markup(one.name),
                        figure_text(one));
  return text + "      </properties>\n";
}

std::string junit_case(const run_options& options, const case_result& each) {
  std::string text = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                                 each.of->group(), each.of->what, each.seconds);
  if (each.outcome == outcome::pass && each.figures.empty()) return text + "/>\n";
  text += ">\n" + junit_figures(each);
  if (each.outcome == outcome::pass) return text + "    </testcase>\n";
  const auto message = escaped_markup(each.text);
  if (each.outcome == outcome::fail)
    text += fmt::format("      <failure message=\"{}\">{}</failure>\n", message,
                        escaped_markup(to_text(options, each, true)));
  else if (each.failed())
    text +=
        fmt::format("      <error type=\"{}\" message=\"{}\">{}</error>\n", to_string(each.outcome),
                    message, escaped_markup(to_text(options, each, true)));
  else
    text += fmt::format("      <skipped message=\"{}: {}\"/>\n", to_string(each.outcome),
                        each.outcome == outcome::waived ? escaped_markup(each.waiver) : message);
  return text + "    </testcase>\n";
}

}  // namespace

std::string junit_of(const run_options& options, const run_result& run) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  text += fmt::format("<testsuites name=\"rondo conformance\" time=\"{:.3f}\">\n", run.seconds);
  for (const auto& [group, cases] : by_group(run)) {
    const auto count = [&](auto&& is) {
      return std::count_if(cases.begin(), cases.end(), [&](const auto* c) { return is(*c); });
    };
    text += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        group, cases.size(), count([](const auto& c) { return c.outcome == outcome::fail; }),
        count([](const auto& c) { return c.failed() && c.outcome != outcome::fail; }),
        count([](const auto& c) {
          return c.outcome == outcome::unsupported || c.outcome == outcome::waived;
        }));
    for (const auto* each : cases) text += junit_case(options, *each);
    text += "  </testsuite>\n";
  }
  if (!run.problems.empty()) {
    text += fmt::format("  <testsuite name=\"run\" tests=\"{0}\" failures=\"{0}\">\n",
                        run.problems.size());
    for (const auto& each : run.problems)
      text += fmt::format(
          "    <testcase classname=\"run\" name=\"problem\"><failure message=\"{}\"/></testcase>\n",
          escaped_markup(each));
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

}  // namespace rondo::conformance
