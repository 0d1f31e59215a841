// Checking certificates.
#include "certificate.hpp"
#include "certificate_parts.hpp"
#include "json_form.hpp"
#include "sha256.hpp"

#include <rondo/error.hpp>

#include <algorithm>
#include <set>

namespace rondo::conformance {

namespace {

namespace fs = std::filesystem;
using json = certificate_json;

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

std::string text_in(const json& of, const char* key) {
  return of.contains(key) && of[key].is_string() ? of[key].get<std::string>() : std::string();
}

std::string run_text(const json& run) {
  std::string all = "level " + std::to_string(run.value("level", 0)) + ", " + text_in(run, "mode");
  for (const char* key : {"options", "filter", "replay"})
    if (const auto value = text_in(run, key); !value.empty())
      all += std::string(", ") + key + " " + value;
  for (const auto& [key, words] :
       {std::pair{"in_process", "all in one process"}, {"strict", "strict"}})
    if (run.value(key, false)) all += std::string(", ") + words;
  return all + ", seed " + std::to_string(run.value("seed", std::uint64_t{0})) + ", on " +
         text_in(run, "day");
}

// What was tested, in the certificate's words; nothing that a part of one could not say.
std::vector<std::string> subjects_of(const json& c) {
  std::vector<std::string> all = {"plugin " + text_in(c["plugin"], "id") + " " +
                                  text_in(c["plugin"], "version")};
  if (c.contains("device") && c["device"].is_object())
    all.push_back("device " + text_in(c["device"], "name"));
  if (!text_in(c, "driver").empty()) all.push_back("driver " + text_in(c, "driver"));
  if (!text_in(c, "system").empty()) all.push_back("system " + text_in(c, "system"));
  all.push_back("run " + run_text(c["run"]));
  return all;
}

const case_record* record_of(const json& one) {
  for (const auto& record : all_cases())
    if (record.name() == one.value("case", "")) return &record;
  return nullptr;
}

class checker {
 public:
  explicit checker(const json& c) : c_(c), is_new_(c["schema"] == certificate_schema) {}
  verification result;

  void all(const certified_files& files) {
    result.subjects = subjects_of(c_);
    cases();
    list();
    if (is_new_) left_out(), waived();
    driver();
    verdict();
    plugin(files);
    kernels(files);
    result.open.emplace_back(
        "the outcomes, and what plugin and device said of themselves: only another run shows them");
  }

 private:
  void agree(bool holds, const std::string& what, const std::string& difference) {
    if (holds) result.held.push_back(what);
    else result.broken.push_back(what + ": " + difference);
  }
  bool is_of_this_suite() const { return text_in(c_["suite"], "version") == RONDO_VERSION; }

  void cases() {
    const auto& cases = c_["cases"];
    agree(c_["suite"].value("cases_sha256", "") == hash_of_cases(cases),
          "the hash of the list of cases", "it is " + hash_of_cases(cases));
    agree(c_["counts"] == counts_of_cases(cases), "the counts",
          "the list has " + counts_of_cases(cases).dump());
    std::string unexplained, contradicted;
    for (const auto& one : cases) {
      if (one.value("outcome", "") != "pass" && one.value("reason", "").empty())
        unexplained = one.value("case", "");
      for (const auto& figure : one.value("figures", json::array()))
        if (!figure.is_object() || !agrees_with_itself(figure)) contradicted = text_in(one, "case");
    }
    agree(unexplained.empty(), "every case that did not pass has a reason",
          unexplained + " has none");
    agree(contradicted.empty(), "every figure agrees with its histogram",
          "one of " + contradicted + " does not");
  }

  // Every case of this suite up to the level, each once.
  void list() {
    std::string why;
    if (!is_of_this_suite())
      why = "it is of suite " + c_["suite"].value("version", "?") + ", and this is " RONDO_VERSION;
    else if (c_["run"].value("filter", "") != "") why = "the run was filtered";
    else if (c_["run"].value("in_process", false)) why = "some cases need a process of their own";
    else if (!c_.value("usable", true)) why = "the run ended with a plugin that cannot be used";
    if (!why.empty()) return result.open.push_back("whether the list is complete: " + why);
    std::multiset<std::string> listed, due;
    for (const auto& one : c_["cases"]) listed.insert(one.value("case", ""));
    for (const auto& record : all_cases())
      if (static_cast<int>(record.at) <= c_["run"].value("level", 0)) due.insert(record.name());
    agree(listed == due, "the list has every case of this suite up to its level",
          "it has not, or has others");
  }

  // For want of something that the plugin does not advertise, or not with the run's options.
  void left_out() {
    const auto& advertised = c_["plugin"]["capabilities"];
    std::string wrong;
    for (const auto& one : c_["cases"]) {
      if (one["outcome"] != "unsupported") continue;
      const auto capability = one.value("capability", "");
      const bool is_there =
          std::find(advertised.begin(), advertised.end(), capability) != advertised.end();
      const bool is_known = is_of_this_suite() && text_in(c_["run"], "replay").empty();
      const case_record* const record = is_known ? record_of(one) : nullptr;
      const auto needs = record != nullptr ? words(record->needs) : std::vector<std::string_view>();
      const bool is_needed =
          record == nullptr || std::find(needs.begin(), needs.end(), capability) != needs.end();
      if (capability.empty() || !is_needed || (is_there && text_in(c_["run"], "options").empty()))
        wrong = one.value("case", "") + " for want of '" + capability + "'";
    }
    agree(wrong.empty(), "what was left out needs what the plugin does not advertise", wrong);
  }

  void waived() {
    std::string wrong;
    for (const auto& one : c_["cases"]) {
      if (one["outcome"] != "waived") continue;
      const auto& all = c_["waivers"];
      if (std::none_of(all.begin(), all.end(), [&](const json& each) {
            return each["case"] == one["case"] && each["expires"] >= c_["run"]["day"];
          }))
        wrong = one.value("case", "");
    }
    agree(wrong.empty(), "what was waived has a waiver that was in force",
          wrong + " has none of that day");
  }

  void driver() {
    if (c_.contains("device") && c_["device"].is_object())
      agree(c_.value("driver", "") == driver_of(c_["device"]),
            "the driver, with what the device said of it", "it said " + driver_of(c_["device"]));
  }

  void verdict() {
    const auto due = verdict_of_certificate(c_);
    result.verdict = c_.value("verdict", "");
    agree(result.verdict == due, "the verdict", "it is " + due);
    result.level = level_of_certificate(c_);
    if (!result.level) result.no_level = due;
    if (is_new_) {
      const json level = result.level ? json(*result.level) : json();
      return agree(c_["certified_level"] == level, "the level that is certified",
                   "it is " + level.dump());
    }
    result.level.reset();
    result.no_level = "a certificate of the form " + std::string(older_certificate_schema) +
                      " does not say whether cases were isolated and operations random";
  }

  void plugin(const certified_files& files) {
    const fs::path file =
        files.plugin.empty() ? fs::path(c_["plugin"].value("file", "")) : files.plugin;
    const std::string hash = sha256_of(file);
    if (hash.empty())
      return result.open.push_back("whether the plugin is the one that was tested: " +
                                   file.string() + " cannot be read; name it with --plugin");
    agree(hash == c_["plugin"].value("sha256", ""), "the hash of " + file.string(),
          "it is " + hash + ", so this is not the file that was tested");
  }

  void kernels(const certified_files& files) {
    const std::string due = c_["suite"].value("kernels_sha256", "");
    const fs::path file =
        files.kernels.empty() ? fs::path(c_["suite"].value("kernels", "")) : files.kernels;
    if (const auto hash = sha256_of(file); !hash.empty())
      return agree(hash == due, "the hash of " + file.string(),
                   "it is " + hash + ", so its handlers are not those that were launched");
    if (const auto hash = sha256_of(files.installed_kernels); hash == due && !due.empty())
      return agree(true, "the hash of " + files.installed_kernels.string(), "");
    result.open.push_back(
        "whether the handlers are the suite's: " +
        (file.empty() ? std::string("the certificate does not say where their module was")
                      : file.string() + " cannot be read") +
        (files.installed_kernels.empty() ? ", and this installation has none"
                                         : ", and that of this installation is another") +
        "; name it with --kernels");
  }

  const json& c_;
  const bool is_new_;
};

[[noreturn]] void refuse() {
  throw error(RONDO_INVALID_ARGUMENT, "certificate",
              "it is no certificate of the form " + std::string(certificate_schema),
              "Make one with rondo conformance --certificate");
}

// Of the older form, which has no schema; what else is wrong with one shows when it is read.
bool has_older_parts(const json& c) {
  const auto has = [&](const char* key, bool is_object) {
    return c.contains(key) && (is_object ? c[key].is_object() : c[key].is_array());
  };
  return has("cases", false) && has("problems", false) && has("suite", true) && has("run", true) &&
         has("counts", true) && has("plugin", true);
}

}  // namespace

verification verify_certificate(const std::string& text, const certified_files& files) {
  const auto c = json::parse(text, nullptr, false);
  if (!c.is_object()) refuse();
  const std::string form = text_in(c, "schema");
  if (form != certificate_schema && (form != older_certificate_schema || !has_older_parts(c)))
    refuse();
  if (form == certificate_schema) {
    static const auto schema = json::parse(certificate_schema_text());
    if (auto wrong = deviations(c, schema); !wrong.empty()) {
      verification broken;
      broken.no_level = "it has not the form of a certificate";
      for (const auto& each : wrong) broken.broken.push_back("the form: " + each);
      return broken;
    }
  }
  try {
    checker to(c);
    to.all(files);
    if (form == certificate_schema) to.result.held.insert(to.result.held.begin(), "the form");
    return std::move(to.result);
  } catch (const json::exception&) {
    refuse();
  }
}

}  // namespace rondo::conformance
