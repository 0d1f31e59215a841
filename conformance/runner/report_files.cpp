// XML and HTML.
#include "report_files.hpp"

#include "report_text.hpp"
#include "rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rondo::conformance {

namespace {

// For both; control characters that XML does not have become '?'.
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

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1c2024; --dim: #5b6470; --paper: #ffffff; --line: #d9dee4;
  --good: #18794e; --bad: #c62a2f; --warn: #946800; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #9aa4af; --paper: #14171a;
  --line: #333a41; --good: #4cc38a; --bad: #ff6369; --warn: #f0c000; --card: #1c2126; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
p.dim, .dim { color: var(--dim); } code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--card); border: 1px solid var(--line); padding: .6rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .5rem;
  border-bottom: 1px solid var(--line); vertical-align: top; }
.pass { color: var(--good); } .fail, .crash, .timeout { color: var(--bad); font-weight: 600; }
.unsupported, .waived { color: var(--warn); }
article { border: 1px solid var(--line); border-left: 4px solid var(--bad); padding: .2rem 1rem 1rem;
  margin: 1rem 0; border-radius: 4px; }
)";

std::string verdict_line(const run_result& run) {
  if (run.unusable) return "<p class=\"fail\">The plugin cannot be used.</p>";
  if (run.executed() == 0) return "<p class=\"fail\">Nothing was executed.</p>";
  if (run.exit_code() != 0)
    return fmt::format("<p class=\"fail\">{} of {} cases failed.</p>", run.failed(),
                       run.executed());
  return fmt::format("<p class=\"pass\">All {} cases that ran passed.</p>", run.executed());
}

std::string failure_article(const run_options& options, const case_result& each) {
  std::string text =
      fmt::format("<article><h3 class=\"{0}\">{1}: {0}</h3><p>{2}</p>\n", to_string(each.outcome),
                  each.of->name(), escaped_markup(each.text));
  if (const auto* known = find_rule(each.rule))
    text += fmt::format("<p class=\"dim\">Rule <b>{}</b>, {}: {}.</p>\n", known->id, known->file,
                        escaped_markup(known->text));
  if (!each.output.empty())
    text += fmt::format("<p class=\"dim\">Its output ended:</p><pre>{}</pre>\n",
                        escaped_markup(each.output));
  return text + fmt::format("<p class=\"dim\">Again:</p><pre>{}</pre></article>\n",
                            escaped_markup(rerun_command(options, each)));
}

std::string facts_table(const run_options& options, const run_result& run) {
  std::string text = "<table>\n";
  const auto row = [&](std::string_view key, std::string_view value) {
    if (!value.empty())
      text += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escaped_markup(key),
                          escaped_markup(value));
  };
  row("file", options.with.plugin.string());
  for (const auto& [key, value] : run.facts) row(key, value);
  row("level", std::to_string(options.highest_level));
  row("mode", options.with.pump     ? "pump: queue calls only, requests in batches by a pump"
              : options.with.bridge ? "bridge: queue calls only"
                                    : "direct: mapped rings if any");
  row("options", option_text(options.with.options, " "));
  row("filter", options.filter);
  row("seed", std::to_string(run.seed));
  row("seconds", fmt::format("{:.1f}", run.seconds));
  for (const auto& each : run.problems) row("problem", each);
  for (const auto& each : run.remarks) row("note", each);
  return text + "</table>\n";
}

// Empty if nothing was timed.
std::string figures_table(const run_result& run) {
  std::string rows;
  for (const auto& each : run.cases)
    for (const figure& one : each.figures)
      rows += fmt::format(
          "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
          escaped_markup(one.name), one.samples, time_text(one.p50_ns), time_text(one.p99_ns),
          time_text(one.p999_ns), time_text(one.max_ns));
  if (rows.empty()) return {};
  return "<h2>What was timed</h2>\n<p class=\"dim\">Each sample has its handler's proof. Nothing "
         "here "
         "is judged.</p><table>\n<tr><th></th><th>samples</th><th>p50</th><th>p99</th>"
         "<th>p99.9</th><th>max</th></tr>\n" +
         rows + "</table>\n";
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

std::string html_of(const run_options& options, const run_result& run) {
  const auto id = run.fact("id").empty() ? options.with.plugin.string() : run.fact("id");
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Conformance of {0}</title><style>{1}</style></head>"
      "<body>\n<h1>{0} {2}</h1><p class=\"dim\">Conformance suite of Rondo {3}</p>\n{4}\n",
      escaped_markup(id), style, escaped_markup(run.fact("version")), RONDO_VERSION,
      verdict_line(run));
  if (run.failed() > 0) text += "<h2>What failed</h2>\n";
  for (const auto& each : run.cases)
    if (each.failed()) text += failure_article(options, each);
  text += "<h2>What was tested</h2>\n" + facts_table(options, run) + figures_table(run);
  text += "<h2>All cases</h2>\n";
  for (const auto& [group, cases] : by_group(run)) {
    text += fmt::format("<h3>{}</h3><table>\n", group);
    for (const auto* each : cases)
      text += fmt::format(
          "<tr><td class=\"{0}\">{0}</td><td>{1}<br><span class=\"dim\">{2}</span></td>"
          "<td class=\"dim\">{3}</td><td class=\"dim\">{4:.2f} s</td></tr>\n",
          to_string(each->outcome), each->of->what,
          escaped_markup(each->outcome == outcome::waived ? each->waiver : each->text),
          each->of->rules, each->seconds);
    text += "</table>\n";
  }
  return text + "</body></html>\n";
}

}  // namespace rondo::conformance
