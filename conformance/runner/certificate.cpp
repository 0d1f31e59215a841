// Writing certificates and checking them.
#include "certificate.hpp"

#include "report_text.hpp"
#include "sha256.hpp"

#include <rondo/error.hpp>

#include <nlohmann/json.hpp>

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <set>

namespace rondo::conformance {

namespace {

using json = nlohmann::ordered_json;

constexpr std::array outcomes = {outcome::pass,    outcome::fail,        outcome::crash,
                                 outcome::timeout, outcome::unsupported, outcome::waived};

// "case outcome" of each, a line each, sorted: what the hash is of.
std::string hash_of(const json& cases) {
  std::vector<std::string> lines;
  for (const auto& each : cases)
    lines.push_back(each.value("case", "") + " " + each.value("outcome", "") + "\n");
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const auto& line : lines) all += line;
  return sha256(all);
}

json counts_of(const json& cases) {
  json counts;
  for (const outcome each : outcomes) counts[std::string(to_string(each))] = 0;
  for (const auto& one : cases) {
    auto& count = counts[one.value("outcome", "")];
    count = (count.is_number() ? count.get<int>() : 0) + 1;
  }
  return counts;
}

// "conforms" needs the whole suite up to level 2, all of it passed.
std::string verdict_of(const json& certificate) {
  const auto& counts = certificate["counts"];
  const auto failed =
      counts.value("fail", 0) + counts.value("crash", 0) + counts.value("timeout", 0);
  if (failed > 0 || !certificate["problems"].empty()) return "does not conform";
  if (counts.value("pass", 0) == 0) return "nothing was executed";
  if (certificate["run"].value("filter", "x") != "") return "only a part was run";
  if (certificate["run"].value("level", 0) < 2) return "passed, below level 2";
  return counts.value("waived", 0) > 0 ? "conforms, with waivers" : "conforms";
}

json figure_entry(const figure& of) {
  json histogram = json::array();  // [from_ns, how many], up to where the next begins
  for (const auto& bucket : of.histogram)
    histogram.push_back(json::array({bucket.from_ns, bucket.count}));
  return {{"name", of.name},       {"samples", of.samples},  {"p50_ns", of.p50_ns},
          {"p99_ns", of.p99_ns},   {"p99.9_ns", of.p999_ns}, {"max_ns", of.max_ns},
          {"histogram", histogram}};
}

// Samples that are in its histogram, and the bucket that its median must be in.
bool agrees_with_itself(const json& figure) {
  std::uint64_t sum = 0;
  bool has_median = figure.value("samples", 0) == 0;
  for (const auto& bucket : figure.value("histogram", json::array())) {
    if (!bucket.is_array() || bucket.size() != 2 || !bucket[0].is_number_unsigned() ||
        !bucket[1].is_number_unsigned())
      return false;
    sum += bucket[1].get<std::uint64_t>();
    if (bucket[0] == bucket_begin(figure.value("p50_ns", std::uint64_t{0}))) has_median = true;
  }
  return has_median && sum == figure.value("samples", std::uint64_t{0});
}

// What the backend says of the driver below its device; a CPU has none but the system itself.
std::string driver_of(const json& device) {
  std::string all;
  const json properties = device.value("properties", json::object());
  for (const auto& [key, value] : properties.items())
    if (key.starts_with("driver") && value.is_string())
      all += (all.empty() ? "" : ", ") + key + "=" + value.get<std::string>();
  return all;
}

// What was tested, in the certificate's words; nothing that a part of one could not say.
std::vector<std::string> subjects_of(const json& c) {
  const auto text = [](const json& of, const char* key) {
    return of.contains(key) && of[key].is_string() ? of[key].get<std::string>() : std::string();
  };
  std::vector<std::string> all = {"plugin " + text(c["plugin"], "id") + " " +
                                  text(c["plugin"], "version")};
  if (c.contains("device") && c["device"].is_object())
    all.push_back("device " + text(c["device"], "name"));
  if (!text(c, "driver").empty()) all.push_back("driver " + text(c, "driver"));
  if (!text(c, "system").empty()) all.push_back("system " + text(c, "system"));
  return all;
}

std::string system_text() {
  utsname about{};
  if (::uname(&about) != 0) return {};
  return std::string(about.sysname) + " " + about.release + " " + about.machine;
}

json case_entry(const case_result& each) {
  json one = {{"case", each.of->name()},
              {"level", static_cast<int>(each.of->at)},
              {"outcome", to_string(each.outcome)},
              {"checks", each.checks}};
  if (each.outcome == outcome::unsupported) one["reason"] = each.text;
  if (each.outcome == outcome::waived) one["reason"] = each.waiver;
  for (const figure& of : each.figures) one["figures"].push_back(figure_entry(of));
  if (each.failed()) {
    one["rule"] = each.rule;
    one["reason"] = each.text;
  }
  return one;
}

class checker {
 public:
  verification result;
  void agree(bool holds, const std::string& what, const std::string& difference) {
    if (holds) result.held.push_back(what);
    else result.broken.push_back(what + ": " + difference);
  }
};

std::set<std::string> names_at(int level) {
  std::set<std::string> names;
  for (const auto& record : all_cases())
    if (static_cast<int>(record.at) <= level) names.insert(record.name());
  return names;
}

void check_cases(const json& c, checker& to) {
  const auto& cases = c["cases"];
  to.agree(c["suite"].value("cases_sha256", "") == hash_of(cases), "the hash of the list of cases",
           "it is " + hash_of(cases));
  to.agree(c["counts"] == counts_of(cases), "the counts",
           "the list has " + counts_of(cases).dump());
  bool all_explained = true;
  for (const auto& one : cases)
    if (one.value("outcome", "") != "pass" && one.value("reason", "").empty())
      all_explained = false;
  to.agree(all_explained, "every case that did not pass has a reason", "one has none");
  bool all_add_up = true;
  for (const auto& one : cases)
    for (const auto& figure : one.value("figures", json::array()))
      all_add_up = all_add_up && figure.is_object() && agrees_with_itself(figure);
  to.agree(all_add_up, "every figure agrees with its histogram", "one does not");
  if (c["suite"].value("version", "") != RONDO_VERSION) {
    to.result.open.push_back("whether the list is complete: it is of suite " +
                             c["suite"].value("version", "?") + ", and this is " RONDO_VERSION);
    return;
  }
  std::set<std::string> listed;
  for (const auto& one : cases) listed.insert(one.value("case", ""));
  if (c["run"].value("filter", "") != "") {
    to.result.open.push_back("whether the list is complete: the run was filtered");
    return;
  }
  to.agree(listed == names_at(c["run"].value("level", 0)),
           "the list has every case of this suite up to its level", "it has not, or has others");
}

}  // namespace

std::string certificate_of(const run_options& options, const run_result& run) {
  json c;
  c["schema"] = certificate_schema;
  c["plugin"] = {{"id", run.fact("id")},
                 {"version", run.fact("version")},
                 {"build", run.fact("build")},
                 {"file", options.with.plugin.string()},
                 {"sha256", sha256_of(options.with.plugin)},
                 {"capabilities", words(run.fact("capabilities"))}};
  c["abi"] = run.fact("abi");
  json properties = json::object();
  for (const auto& [key, value] : run.facts)
    if (key.starts_with("device.")) properties[key.substr(7)] = value;
  c["device"] = {
      {"index", options.with.device}, {"name", run.fact("device")}, {"properties", properties}};
  c["driver"] = driver_of(c["device"]);
  c["system"] = system_text();
  c["run"] = {{"level", options.highest_level},
              {"mode", options.with.mode()},
              {"options", option_text(options.with.options, " ")},
              {"strict", options.strict},
              {"filter", options.filter},
              {"seed", run.seed},
              {"seconds", run.seconds},
              {"day", today()}};
  json cases = json::array();
  for (const auto& each : run.cases) cases.push_back(case_entry(each));
  c["suite"] = {{"version", RONDO_VERSION},
                {"kernels_sha256", sha256_of(options.with.kernels)},
                {"cases_sha256", hash_of(cases)}};
  c["counts"] = counts_of(cases);
  c["problems"] = run.problems;
  c["verdict"] = verdict_of(c);
  c["cases"] = cases;
  return c.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

verification verify_certificate(const std::string& text, const std::filesystem::path& plugin) {
  const auto c = json::parse(text, nullptr, false);
  const bool has_parts = c.is_object() && c.contains("cases") && c["cases"].is_array() &&
                         c.contains("suite") && c["suite"].is_object() && c.contains("run") &&
                         c["run"].is_object() && c.contains("counts") && c.contains("plugin") &&
                         c["plugin"].is_object() && c.contains("problems");
  if (!has_parts || c.value("schema", "") != certificate_schema)
    throw error(RONDO_INVALID_ARGUMENT, "certificate",
                "it is no certificate of the form " + std::string(certificate_schema),
                "Make one with rondo conformance --certificate");
  checker to;
  to.result.subjects = subjects_of(c);
  check_cases(c, to);
  if (c.contains("device") && c["device"].is_object())
    to.agree(c.value("driver", "") == driver_of(c["device"]),
             "the driver, with what the device said of it", "it said " + driver_of(c["device"]));
  to.agree(c.value("verdict", "") == verdict_of(c), "the verdict", "it is " + verdict_of(c));
  const std::filesystem::path file =
      plugin.empty() ? std::filesystem::path(c["plugin"].value("file", "")) : plugin;
  const std::string hash = sha256_of(file);
  if (hash.empty())
    to.result.open.push_back("whether the plugin is the one that was tested: " + file.string() +
                             " cannot be read");
  else
    to.agree(hash == c["plugin"].value("sha256", ""), "the hash of " + file.string(),
             "it is " + hash + ", so this is not the file that was tested");
  return to.result;
}

}  // namespace rondo::conformance
