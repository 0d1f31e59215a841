// The page for people: the verdict, then what failed and how to run it again, then what was left
// out, what was tested, what was timed, and all cases. Light or dark as the reader's browser is,
// for screens from a phone's on; no script, and nothing is fetched.
#include "report_files.hpp"

#include "certificate.hpp"
#include "report_text.hpp"
#include "rules.hpp"
#include "waivers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rondo::conformance {

namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1c2024; --dim: #596270; --paper: #fff; --line: #d9dee4;
  --card: #f5f7f9; --good: #18794e; --bad: #c62a2f; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #9aa4af; --paper: #14171a;
  --line: #333a41; --card: #1c2126; --good: #4cc38a; --bad: #ff6c72; --warn: #f0b429; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; } h1 small { font-weight: 400; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; } h3 { font-size: 1rem; margin: 0; }
p { margin: .5rem 0; } .dim { color: var(--dim); } small, .small { font-size: .875rem; }
code, pre { font: .8125rem/1.5 ui-monospace, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 4px; padding: .6rem;
  margin: .25rem 0 0; white-space: pre-wrap; }
.pass { color: var(--good); } .fail, .crash, .timeout { color: var(--bad); }
.unsupported, .waived { color: var(--warn); }
.verdict { font-size: 1.15rem; font-weight: 600; margin: 1rem 0; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; padding: 0; margin: 0; }
.counts li { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: .35rem .75rem; } .counts b { font-size: 1.15rem; }
article { border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 4px;
  padding: .75rem 1rem 1rem; margin: 1rem 0; }
blockquote { border-left: 3px solid var(--line); padding-left: .75rem; margin: .75rem 0; }
.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; margin: 0; }
.facts > * { border-bottom: 1px solid var(--line); padding: .3rem .75rem .3rem 0; margin: 0; }
.facts dt { color: var(--dim); }
.timed { border: 1px solid var(--line); border-radius: 4px; padding: .75rem 1rem; margin: .75rem 0; }
.bars { display: flex; align-items: flex-end; gap: 1px; height: 4rem; margin-top: .5rem;
  border-bottom: 1px solid var(--line); }
.bars i { flex: 1; background: var(--good); min-height: 1px; }
.bars i.none { background: none; }
.ends { display: flex; justify-content: space-between; }
details { border-bottom: 1px solid var(--line); } summary { cursor: pointer; padding: .5rem 0; }
.case { display: grid; grid-template-columns: 7rem 1fr 9rem 5rem; gap: .1rem .75rem;
  padding: .35rem 0 .35rem 1rem; border-top: 1px solid var(--line); }
.case .time { text-align: right; }
@media (max-width: 40rem) { .facts { grid-template-columns: 1fr; }
  .facts dt { border-bottom: 0; padding-bottom: 0; } .facts dd { padding-top: 0; }
  .case { grid-template-columns: 1fr auto; padding-left: 0; } .case .what { grid-column: 1 / 3; }
  .case .time { grid-row: 1; grid-column: 2; } .case .rules { grid-column: 1 / 3; } }
)";

// A long name may be broken behind its dots and underscores.
std::string breakable(std::string_view name) {
  std::string out;
  for (const char c : escaped_markup(name)) {
    out += c;
    if (c == '.' || c == '_') out += "<wbr>";
  }
  return out;
}

// A run that is no whole one may look like one that is.
std::string limits_of(const run_options& options) {
  const auto why = why_no_level(options);
  return why.empty() ? why
                     : fmt::format("<p class=\"waived\">It certifies no level: {}.</p>\n", why);
}

std::string verdict_of(const run_result& run) {
  const auto line = [](std::string_view how, const std::string& text) {
    return fmt::format("<p class=\"verdict {}\">{}</p>\n", how, text);
  };
  if (run.unusable) return line("fail", "The plugin cannot be used.");
  if (run.executed() == 0) return line("fail", "Nothing was executed.");
  if (run.failed() > 0)
    return line("fail", fmt::format("{} of {} {} failed.", run.failed(), run.executed(),
                                    run.executed() == 1 ? "case" : "cases"));
  if (run.exit_code() != 0) return line("fail", "The run as a whole failed; see below.");
  if (const auto waived = run.count(outcome::waived); waived > 0)
    return line("waived", fmt::format("{} of {} that ran passed; {} failed and {} waived.",
                                      run.count(outcome::pass), run.executed(), waived,
                                      waived == 1 ? "is" : "are"));
  if (run.executed() == 1) return line("pass", "The one case that ran passed.");
  return line("pass", fmt::format("All {} cases that ran passed.", run.executed()));
}

std::string_view in_words(outcome value) {
  switch (value) {
    case outcome::pass: return "passed";
    case outcome::fail: return "failed";
    case outcome::crash: return "crashed";
    case outcome::timeout: return "ran out of time";
    default: return to_string(value);
  }
}

std::string counts_of(const run_result& run) {
  std::string text = "<ul class=\"counts\">";
  for (const outcome each : all_outcomes)
    if (const auto n = run.count(each); n > 0 || each == outcome::pass)
      text += fmt::format("<li class=\"{}\"><b>{}</b> {}</li>", to_string(each), n, in_words(each));
  return text + "</ul>\n";
}

std::string block(std::string_view title, std::string_view text) {
  return fmt::format("<p class=\"dim small\">{}</p><pre>{}</pre>\n", title, escaped_markup(text));
}

std::string failure_article(const run_options& options, const case_result& each) {
  std::string text = fmt::format("<article><h3>{}</h3>\n<p><b class=\"{}\">{}:</b> {}</p>\n",
                                 breakable(each.of->name()), to_string(each.outcome),
                                 to_string(each.outcome), escaped_markup(each.text));
  if (const auto* known = find_rule(each.rule))
    text += fmt::format(
        "<blockquote>{}.<br><span class=\"dim small\">Rule {}, {}</span></blockquote>\n",
        escaped_markup(known->text), known->id, breakable(known->file));
  if (!each.file.empty())
    text += fmt::format("<p class=\"dim small\">Checked at {}:{}</p>\n", breakable(each.file),
                        each.line);
  for (const auto& note : each.notes) text += block("Note", note);
  if (!each.output.empty()) text += block("Its output ended", each.output);
  return text + block("To run this case again, alone", rerun_command(options, each)) +
         "</article>\n";
}

std::string failures(const run_options& options, const run_result& run) {
  std::string text;
  for (const auto& each : run.problems)
    text += fmt::format("<article><h3>The run as a whole</h3><p>{}</p></article>\n",
                        escaped_markup(each));
  for (const auto& each : run.cases)
    if (each.failed()) text += failure_article(options, each);
  return text.empty() ? text : "<h2>What failed</h2>\n" + text;
}

// By reason, as one capability that is missing leaves many out.
std::string left_out(const run_result& run) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& each : run.cases) {
    if (each.outcome == outcome::unsupported) by_reason[each.text].push_back(each.of->name());
    if (each.outcome == outcome::waived)
      by_reason["waived: " + each.waiver].push_back(each.of->name());
  }
  if (by_reason.empty()) return {};
  std::string text = "<h2>What was left out</h2>\n";
  for (const auto& [why, names] : by_reason) {
    text += fmt::format("<details><summary>{} <span class=\"dim\">({} {})</span></summary>\n",
                        escaped_markup(why), names.size(), names.size() == 1 ? "case" : "cases");
    for (const auto& name : names)
      text += fmt::format("<p class=\"small\">{}</p>", breakable(name));
    text += "</details>\n";
  }
  return text;
}

std::string facts_list(const run_options& options, const run_result& run) {
  std::string text = "<h2>What was tested</h2>\n<dl class=\"facts\">\n";
  const auto row = [&](std::string_view key, std::string_view value) {
    if (!value.empty())
      text += fmt::format("<dt>{}</dt><dd>{}</dd>\n", breakable(key), escaped_markup(value));
  };
  row("file", options.with.plugin.string());
  for (const auto& [key, value] : run.facts) row(key, value);
  row("day", today());
  row("level", std::to_string(options.highest_level));
  row("mode", options.with.pump     ? "pump: queue calls only, requests in batches by a pump"
              : options.with.bridge ? "bridge: queue calls only"
                                    : "direct: mapped rings if any");
  row("options", option_text(options.with.options, " "));
  row("filter", options.filter);
  row("replay", options.with.replay);
  row("isolation",
      options.in_process ? "none: all cases in one process" : "a process for each group of cases");
  if (options.strict) row("strict", "a case that is left out has failed");
  if (options.other_kernels) row("handlers", options.with.kernels.string());
  if (options.with.soak.count() > 0)
    row("endurance", fmt::format("{:.0f} s for each case of it",
                                 std::chrono::duration<double>(options.with.soak).count()));
  row("limit of a case", fmt::format("{:g} s", options.case_limit_s));
  row("seed", std::to_string(run.seed));
  row("seconds", fmt::format("{:.1f}", run.seconds));
  for (const auto& each : run.remarks) row("note", each);
  return text + "</dl>\n";
}

// Where the bucket behind this one begins.
std::uint64_t next_bucket(std::uint64_t from_ns) {
  std::uint64_t step = 1;
  while (bucket_begin(from_ns + step) == from_ns) step *= 2;
  return from_ns + step;
}

std::string bars_of(const figure& one) {
  std::uint64_t most = 0;
  for (const auto& bucket : one.histogram) most = std::max(most, bucket.count);
  std::string text = "<div class=\"bars\">";
  std::uint64_t at = one.histogram.front().from_ns;
  for (const auto& bucket : one.histogram) {
    for (; at < bucket.from_ns; at = next_bucket(at)) text += "<i class=\"none\"></i>";
    at = next_bucket(at);
    text += fmt::format("<i style=\"height:{:.1f}%\" title=\"{} from {} to {}\"></i>",
                        100.0 * static_cast<double>(bucket.count) / static_cast<double>(most),
                        bucket.count, time_text(bucket.from_ns), time_text(at));
  }
  return text + fmt::format(
                    "</div>\n<div class=\"ends dim small\"><span>{}</span><span>{}</span>"
                    "</div>\n",
                    time_text(one.histogram.front().from_ns), time_text(at));
}

// Empty if nothing was timed.
std::string figures(const run_result& run) {
  std::string text;
  for (const auto& each : run.cases)
    for (const figure& one : each.figures) {
      text += fmt::format("<div class=\"timed\"><h3>{}</h3>\n<p class=\"small\">{}</p>\n",
                          escaped_markup(one.name), figure_text(one));
      if (!one.histogram.empty()) text += bars_of(one);
      text += "</div>\n";
    }
  if (text.empty()) return text;
  return "<h2>What was timed</h2>\n<p class=\"dim\">Each sample has its handler's proof. Nothing "
         "here is judged. Four bars to each power of two.</p>\n" +
         text;
}

std::string case_row(const case_result& each) {
  const auto& why = each.outcome == outcome::waived ? each.waiver : each.text;
  return fmt::format(
      "<div class=\"case\"><span class=\"{0}\">{0}</span><span class=\"what\">{1}{2}</span>"
      "<span class=\"dim small rules\">{3}</span><span class=\"dim small time\">{4:.2f} s</span>"
      "</div>\n",
      to_string(each.outcome), breakable(each.of->what),
      why.empty() ? ""
                  : fmt::format("<br><span class=\"dim small\">{}</span>", escaped_markup(why)),
      each.of->rules, each.seconds);
}

std::string all_groups(const run_result& run) {
  std::string text = "<h2>All cases</h2>\n";
  for (const auto& [group, cases] : by_group(run)) {
    std::string sum;
    bool failed = false;
    for (const outcome each : all_outcomes) {
      const auto n = std::count_if(cases.begin(), cases.end(),
                                   [&](const auto* one) { return one->outcome == each; });
      if (n > 0)
        sum += fmt::format(" <span class=\"{} small\">{} {}</span>", to_string(each), n,
                           in_words(each));
    }
    for (const auto* each : cases) failed = failed || each->failed();
    text += fmt::format("<details{}><summary><b>{}</b>{}</summary>\n", failed ? " open" : "",
                        breakable(group), sum);
    for (const auto* each : cases) text += case_row(*each);
    text += "</details>\n";
  }
  return text;
}

}  // namespace

std::string html_of(const run_options& options, const run_result& run) {
  const auto id = run.fact("id").empty() ? options.with.plugin.string() : run.fact("id");
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
             "name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Conformance "
             "of {}</title><style>{}</style></head><body>\n<h1>{} <small class=\"dim\">{}</small>"
             "</h1>\n<p class=\"dim\">Held to the conformance suite of Rondo {}, level {}, "
             "{}</p>\n",
             escaped_markup(id), style, breakable(id), escaped_markup(run.fact("version")),
             RONDO_VERSION, options.highest_level, options.with.mode()) +
         verdict_of(run) + limits_of(options) + counts_of(run) + failures(options, run) +
         left_out(run) + facts_list(options, run) + figures(run) + all_groups(run) +
         "</body></html>\n";
}

}  // namespace rondo::conformance
