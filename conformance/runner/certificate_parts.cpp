// Counts, hash, verdict and level, as they follow from the rest.
#include "certificate_parts.hpp"

#include "sha256.hpp"

#include <algorithm>
#include <vector>

namespace rondo::conformance {

using json = certificate_json;

std::string hash_of_cases(const json& cases) {
  std::vector<std::string> lines;
  for (const auto& each : cases)
    lines.push_back(each.value("case", "") + " " + each.value("outcome", "") + "\n");
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const auto& line : lines) all += line;
  return sha256(all);
}

json counts_of_cases(const json& cases) {
  json counts;
  for (const outcome each : all_outcomes) counts[std::string(to_string(each))] = 0;
  for (const auto& one : cases) {
    auto& count = counts[one.value("outcome", "")];
    count = (count.is_number() ? count.get<int>() : 0) + 1;
  }
  return counts;
}

std::string driver_of(const json& device) {
  std::string all;
  const json properties = device.value("properties", json::object());
  for (const auto& [key, value] : properties.items())
    if (key.starts_with("driver") && value.is_string())
      all += (all.empty() ? "" : ", ") + key + "=" + value.get<std::string>();
  return all;
}

std::string verdict_on_run(const json& run) {
  if (run.value("in_process", false)) return "the cases were not isolated";
  if (run.value("replay", "") != "") return "one script was replayed";
  if (run.value("other_kernels", false)) return "the handlers were of another module";
  if (run.value("filter", "x") != "") return "only a part was run";
  return {};
}

// "conforms" needs the whole suite up to level 2, all of it passed.
std::string verdict_of_certificate(const json& c) {
  const auto& counts = c["counts"];
  const auto failed =
      counts.value("fail", 0) + counts.value("crash", 0) + counts.value("timeout", 0);
  if (!c.value("usable", true)) return "the plugin cannot be used";
  if (failed > 0 || !c["problems"].empty()) return "does not conform";
  if (counts.value("pass", 0) + counts.value("waived", 0) == 0) return "nothing was executed";
  if (auto why = verdict_on_run(c["run"]); !why.empty()) return why;
  if (c["run"].value("level", 0) < 2) return "passed, below level 2";
  return counts.value("waived", 0) > 0 ? "conforms, with waivers" : "conforms";
}

std::optional<int> level_of_certificate(const json& c) {
  const auto verdict = verdict_of_certificate(c);
  if (!verdict.starts_with("conforms") && !verdict.starts_with("passed")) return std::nullopt;
  return c["run"].value("level", 0);
}

}  // namespace rondo::conformance
