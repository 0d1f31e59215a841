// Writing certificates.
#include "certificate.hpp"

#include "certificate_parts.hpp"
#include "report_text.hpp"
#include "sha256.hpp"

#include <sys/utsname.h>

namespace rondo::conformance {

namespace {

using json = certificate_json;

json figure_entry(const figure& of) {
  json histogram = json::array();  // [from_ns, how many], up to where the next begins
  for (const auto& bucket : of.histogram)
    histogram.push_back(json::array({bucket.from_ns, bucket.count}));
  return {{"name", of.name},       {"samples", of.samples},  {"p50_ns", of.p50_ns},
          {"p99_ns", of.p99_ns},   {"p99.9_ns", of.p999_ns}, {"max_ns", of.max_ns},
          {"histogram", histogram}};
}

json case_entry(const case_result& each) {
  json one = {{"case", each.of->name()},
              {"level", static_cast<int>(each.of->at)},
              {"outcome", to_string(each.outcome)},
              {"checks", each.checks}};
  if (each.outcome == outcome::unsupported) one["capability"] = each.capability;
  if (each.failed() || each.outcome == outcome::waived) one["rule"] = each.rule;
  if (each.outcome == outcome::waived) one["reason"] = each.waiver;
  else if (each.outcome != outcome::pass) one["reason"] = each.text;
  for (const figure& of : each.figures) one["figures"].push_back(figure_entry(of));
  return one;
}

json plugin_entry(const run_options& options, const run_result& run) {
  return {{"id", run.fact("id")},
          {"version", run.fact("version")},
          {"build", run.fact("build")},
          {"file", options.with.plugin.string()},
          {"sha256", sha256_of(options.with.plugin)},
          {"capabilities", words(run.fact("capabilities"))}};
}

json device_entry(const run_options& options, const run_result& run) {
  json properties = json::object();
  for (const auto& [key, value] : run.facts)
    if (key.starts_with("device.")) properties[key.substr(7)] = value;
  return {{"index", options.with.device}, {"name", run.fact("device")}, {"properties", properties}};
}

// Everything that changes what the list of cases means.
json run_entry(const run_options& options, const run_result& run) {
  const auto seconds = [](nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  return {{"level", options.highest_level},
          {"mode", options.with.mode()},
          {"options", option_text(options.with.options, " ")},
          {"strict", options.strict},
          {"filter", options.filter},
          {"replay", options.with.replay},
          {"in_process", options.in_process},
          {"other_kernels", options.other_kernels},
          {"endurance_s", seconds(options.with.soak)},
          {"timeout_s", options.case_limit_s},
          {"patience_s", seconds(options.with.patience)},
          {"seed", run.seed},
          {"seconds", run.seconds},
          {"day", today()},
          {"remarks", run.remarks}};
}

json waivers_entry(const run_options& options) {
  json all = json::array();
  for (const waiver& each : options.waivers)
    all.push_back({{"case", each.case_name},
                   {"reason", each.reason},
                   {"url", each.url},
                   {"expires", each.expires}});
  return all;
}

std::string system_text() {
  utsname about{};
  if (::uname(&about) != 0) return {};
  return std::string(about.sysname) + " " + about.release + " " + about.machine;
}

}  // namespace

std::string why_no_level(const run_options& options) {
  return verdict_on_run(run_entry(options, {}));
}

std::string certificate_of(const run_options& options, const run_result& run) {
  json cases = json::array();
  for (const auto& each : run.cases) cases.push_back(case_entry(each));
  json c;
  c["schema"] = certificate_schema;
  c["plugin"] = plugin_entry(options, run);
  c["abi"] = run.fact("abi");
  c["device"] = device_entry(options, run);
  c["driver"] = driver_of(c["device"]);
  c["system"] = system_text();
  c["run"] = run_entry(options, run);
  c["suite"] = {{"version", RONDO_VERSION},
                {"kernels", options.with.kernels.string()},
                {"kernels_sha256", sha256_of(options.with.kernels)},
                {"cases_sha256", hash_of_cases(cases)}};
  c["counts"] = counts_of_cases(cases);
  c["waivers"] = waivers_entry(options);
  c["problems"] = run.problems;
  c["usable"] = !run.unusable;
  c["verdict"] = verdict_of_certificate(c);
  const auto level = level_of_certificate(c);
  c["certified_level"] = level ? json(*level) : json();
  c["cases"] = cases;
  return c.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace rondo::conformance
