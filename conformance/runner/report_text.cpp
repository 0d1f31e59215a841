// Sentences about a run.
#include "report_text.hpp"

#include "rules.hpp"

#include <fmt/format.h>

#include <map>

namespace rondo::conformance {

std::string option_text(const std::vector<std::pair<std::string, std::string>>& options,
                        std::string_view before) {
  std::string all;
  for (const auto& [key, value] : options) all += fmt::format("{}{}={}", before, key, value);
  return all;
}

std::string rerun_command(const run_options& options, const case_result& result) {
  return fmt::format(
      "rondo conformance {}{}{}{}{} --level {} --seed {} --filter {}{}",
      options.with.plugin.string(),
      options.other_kernels ? " --kernels " + options.with.kernels.string() : "",
      options.with.device != 0 ? fmt::format(" --device {}", options.with.device) : "",
      options.with.bridge ? fmt::format(" --mode {}", options.with.mode()) : "",
      option_text(options.with.options, " --option "), static_cast<int>(result.of->at),
      options.with.seed, result.of->name(),
      options.with.replay.empty() ? "" : fmt::format(" --replay \"{}\"", options.with.replay));
}

std::string time_text(std::uint64_t ns) {
  if (ns < 10'000) return fmt::format("{} ns", ns);
  if (ns < 10'000'000) return fmt::format("{:.1f} us", static_cast<double>(ns) / 1e3);
  return fmt::format("{:.1f} ms", static_cast<double>(ns) / 1e6);
}

std::string figure_text(const figure& one) {
  return fmt::format("p50 {}, p99 {}, p99.9 {}, max {} of {}", time_text(one.p50_ns),
                     time_text(one.p99_ns), time_text(one.p999_ns), time_text(one.max_ns),
                     one.samples);
}

std::string to_text(const run_options& options, const case_result& result, bool all) {
  std::string name(to_string(result.outcome));
  for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  if (!result.failed() && !all) return {};
  std::string text = fmt::format("{:<11} {} ({:.2f} s)\n", name, result.of->name(), result.seconds);
  if (result.outcome == outcome::pass) return text;
  text += fmt::format("    {}\n", result.text);
  if (result.outcome == outcome::waived) text += fmt::format("    waived: {}\n", result.waiver);
  if (!result.failed()) return text;
  if (const auto* known = find_rule(result.rule))
    text += fmt::format("    rule {}: {}\n", known->id, known->text);
  if (!result.file.empty()) text += fmt::format("    at {}:{}\n", result.file, result.line);
  for (const auto& note : result.notes) text += fmt::format("    note: {}\n", note);
  if (!result.output.empty()) text += fmt::format("    its output ended:\n{}\n", result.output);
  text += fmt::format("    again: {}\n", rerun_command(options, result));
  return text;
}

std::string summary_text(const run_options& options, const run_result& run) {
  std::string text;
  std::map<std::string, std::uint64_t> left_out;
  for (const auto& each : run.cases)
    if (each.outcome == outcome::unsupported) ++left_out[each.text];
  for (const auto& [why, count] : left_out) text += fmt::format("left out {:>3}: {}\n", count, why);
  for (const auto& each : run.cases)
    if (each.outcome == outcome::waived)
      text += fmt::format("waived: {}: {}\n", each.of->name(), each.waiver);
  for (const auto& each : run.cases)
    for (const figure& one : each.figures)
      text += fmt::format("timed: {}: {}\n", one.name, figure_text(one));
  for (const auto& each : run.remarks) text += fmt::format("note: {}\n", each);
  for (const auto& each : run.problems) text += fmt::format("problem: {}\n", each);
  if (const auto why = run.fact("no_device"); !why.empty())
    text += fmt::format("no device to test on: {}\n", why);
  text += fmt::format(
      "{} {}: {} passed, {} failed ({} crashed, {} timed out), {} unsupported, {} waived; "
      "level {}, {}, seed {}, {:.1f} s\n",
      run.fact("id").empty() ? options.with.plugin.string() : run.fact("id"), run.fact("version"),
      run.count(outcome::pass), run.failed(), run.count(outcome::crash),
      run.count(outcome::timeout), run.count(outcome::unsupported), run.count(outcome::waived),
      options.highest_level, options.with.mode(), run.seed, run.seconds);
  if (run.exit_code() == 3) text += "nothing was executed, so nothing is shown\n";
  return text;
}

}  // namespace rondo::conformance
