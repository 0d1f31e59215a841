// Reading waivers, and what they change.
#include "waivers.hpp"

#include <rondo/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>

namespace rondo::conformance {

namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what,
                         rondo_status code = RONDO_INVALID_ARGUMENT) {
  throw error(code, file.string(), what,
              "A waiver has \"case\", \"reason\", \"url\" and \"expires\" as YYYY-MM-DD; see "
              "conformance/README.md");
}

bool is_date(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0u, 1u, 2u, 3u, 5u, 6u, 8u, 9u})
    if (text[i] < '0' || text[i] > '9') return false;
  const auto number = [&](std::size_t at, std::size_t digits) {
    return std::stoi(text.substr(at, digits));
  };
  return std::chrono::year_month_day(std::chrono::year(number(0, 4)),
                                     std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                     std::chrono::day(static_cast<unsigned>(number(8, 2))))
      .ok();
}

bool is_case(const std::string& name) {
  for (const auto& record : all_cases())
    if (record.name() == name) return true;
  return false;
}

}  // namespace

std::vector<waiver> read_waivers(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) refuse(file, "it cannot be read", RONDO_LOAD_FAILED);
  const auto document = nlohmann::json::parse(in, nullptr, false);
  if (!document.is_object() || !document.contains("waivers") || !document["waivers"].is_array())
    refuse(file, "it is no JSON document with a list \"waivers\"");
  std::vector<waiver> all;
  for (const auto& entry : document["waivers"]) {
    waiver one;
    for (const auto& [key, to] : {std::pair{"case", &one.case_name},
                                  {"reason", &one.reason},
                                  {"url", &one.url},
                                  {"expires", &one.expires}}) {
      if (!entry.is_object() || !entry.contains(key) || !entry[key].is_string() ||
          entry[key].get<std::string>().empty())
        refuse(file, "waiver " + std::to_string(all.size() + 1) + " has no \"" + key + "\"");
      *to = entry[key].get<std::string>();
    }
    if (!is_date(one.expires)) refuse(file, "'" + one.expires + "' is no day");
    if (!is_case(one.case_name)) refuse(file, "there is no case '" + one.case_name + "'");
    if (std::any_of(all.begin(), all.end(),
                    [&](const waiver& each) { return each.case_name == one.case_name; }))
      refuse(file, one.case_name + " is waived twice");
    all.push_back(std::move(one));
  }
  return all;
}

void apply_waivers(const std::vector<waiver>& waivers, const std::string& day, run_result& run) {
  for (const waiver& each : waivers)
    for (case_result& result : run.cases) {
      if (result.of->name() != each.case_name) continue;
      if (each.expires < day) {
        run.problems.push_back("the waiver of " + each.case_name + " expired on " + each.expires +
                               ": repair what it is about, or give it a new day with a reason");
      } else if (result.failed()) {
        result.outcome = outcome::waived;
        result.waiver = each.reason + " (" + each.url + ", until " + each.expires + ")";
      } else if (result.outcome == outcome::pass) {
        run.problems.push_back(each.case_name + " is waived and passes: take the waiver out");
      } else {
        run.remarks.push_back(each.case_name + " is waived, and unsupported here");
      }
    }
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

}  // namespace rondo::conformance
