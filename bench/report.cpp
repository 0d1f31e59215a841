// The table for people, the same as Markdown, and JSON.
#include "report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace bench {
namespace {

using json = nlohmann::ordered_json;

std::string_view sampled(mode how) {
  return how == mode::round_trip ? "one round trip" : "one batch, per message";
}

// Nanoseconds below 10 µs with one decimal, above that in whole.
std::string time_text(double ns) {
  return ns < 10'000 ? fmt::format("{:.1f}", ns) : fmt::format("{:.0f}", ns);
}

std::vector<std::string> cells(const row& r) {
  const measurement m = r.summary();
  return {r.key.name,
          time_text(m.mean_ns),
          time_text(m.latency.p50_ns),
          time_text(m.latency.p99_ns),
          time_text(m.latency.p999_ns),
          time_text(m.latency.max_ns),
          fmt::format("{:.3f}", m.per_second / 1e6),
          fmt::format("{:.0f} %", 100 * r.spread()),
          fmt::format("{:.0f} %", 100 * m.disturbed),
          fmt::format("{}", m.proof)};
}

const std::vector<std::string> heads = {"case", "mean ns", "p50",    "p99",       "p99.9",
                                        "max",  "M/s",     "spread", "disturbed", "checked"};

std::string heading(const report& r) {
  return fmt::format(
      "{}, {}, {}\ncommit {}, {}\nclient on processor {}, worker on {}; {} repeats, {:.2f} s a "
      "pass; "
      "a stamp costs {:.1f} ns, a pause {:.1f} ns\n",
      r.machine.cpu, r.machine.kernel, r.machine.compiler, r.machine.commit, r.machine.date,
      r.options.cpus.client, r.options.cpus.worker, r.options.repeats, r.options.seconds,
      r.clock.stamp_ns, r.clock.pause_ns);
}

std::string comparisons(const report& r, std::string_view bullet) {
  std::string text;
  auto out = std::back_inserter(text);
  for (const ratio& one : ratios_of(r))
    fmt::format_to(out, "{}{:.2f} ({:.2f} to {:.2f}) {}\n", bullet, one.value, one.least, one.most,
                   one.text);
  text += '\n';
  for (const goal& one : goals_of(r))
    fmt::format_to(out, "{}{}: {} ({:.2f})\n", bullet, one.met ? "met" : "not met", one.text,
                   one.value);
  if (const auto doubt = doubt_about(r)) fmt::format_to(out, "\n{}\n", *doubt);
  return text;
}

json row_to_json(const row& r) {
  const measurement m = r.summary();
  json j = {{"name", r.key.name},
            {"peer", r.key.peer},
            {"size_bytes", r.key.size_bytes},
            {"mode", to_string(r.key.how)},
            {"mean_ns", m.mean_ns},
            {"p50_ns", m.latency.p50_ns},
            {"p99_ns", m.latency.p99_ns},
            {"p999_ns", m.latency.p999_ns},
            {"max_ns", m.latency.max_ns},
            {"per_second", m.per_second},
            {"proof", m.proof},
            {"repeats", r.repeats.size()},
            {"spread", r.spread()},
            {"publication", r.key.publication},
            {"wait", r.key.wait},
            {"window", r.key.window},
            {"percentiles_of", sampled(r.key.how)},
            {"disturbed", m.disturbed},
            {"moved", r.moved()}};
  for (const measurement& one : r.repeats) j["means_ns"].push_back(one.mean_ns);
  return j;
}

json placement_to_json(const report& r) {
  json all = json::array();
  for (const row& one : r.rows)
    for (const placement& p : one.placements)
      all.push_back({{"case", one.key.name},
                     {"repeat", p.repeat},
                     {"attempt", p.attempt},
                     {"before_ns", p.before_ns},
                     {"after_ns", p.after_ns},
                     {"disturbed", p.disturbed},
                     {"moved", p.moved()}});
  return all;
}

}  // namespace

std::string to_table(const report& r) {
  std::string text = heading(r) + '\n';
  auto out = std::back_inserter(text);
  const auto line = [&](const std::vector<std::string>& c) {
    fmt::format_to(out, "{:<34} {:>10} {:>9} {:>9} {:>9} {:>10} {:>9} {:>7} {:>9} {:>11}\n", c[0],
                   c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]);
  };
  line(heads);
  for (const row& one : r.rows) line(cells(one));
  return text + '\n' + comparisons(r, "");
}

std::string to_markdown(const report& r) {
  std::string text = heading(r) + "\n`" + r.command + "`\n\n";
  auto out = std::back_inserter(text);
  fmt::format_to(out, "| {} |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
                 fmt::join(heads, " | "));
  for (const row& one : r.rows) fmt::format_to(out, "| {} |\n", fmt::join(cells(one), " | "));
  return text + '\n' + comparisons(r, "- ");
}

std::string to_json(const report& r) {
  json j = {{"command", r.command},
            {"commit", r.machine.commit},
            {"date", r.machine.date},
            {"cpu", r.machine.cpu},
            {"kernel", r.machine.kernel},
            {"compiler", r.machine.compiler},
            {"client_cpu", r.options.cpus.client},
            {"worker_cpu", r.options.cpus.worker},
            {"repeats", r.options.repeats},
            {"pass_seconds", r.options.seconds},
            {"stamp_ns", r.clock.stamp_ns},
            {"pause_ns", r.clock.pause_ns}};
  j["rows"] = json::array();
  for (const row& one : r.rows) j["rows"].push_back(row_to_json(one));
  j["ratios"] = json::object();
  for (const ratio& one : ratios_of(r))
    j["ratios"][one.name] = {
        {"value", one.value}, {"least", one.least}, {"most", one.most}, {"of", one.text}};
  j["goals"] = json::array();
  for (const goal& one : goals_of(r))
    j["goals"].push_back({{"goal", one.text}, {"value", one.value}, {"met", one.met}});
  j["placement"] = placement_to_json(r);
  if (const auto doubt = doubt_about(r)) j["doubt"] = *doubt;
  return j.dump(2) + '\n';
}

}  // namespace bench
