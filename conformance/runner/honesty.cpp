// Comparing what was executed with what was advertised.
#include "honesty.hpp"

#include <algorithm>

namespace rondo::conformance {

namespace {

bool is_one_of(std::string_view capability, const std::vector<std::string_view>& all) {
  return std::find(all.begin(), all.end(), capability) != all.end();
}

bool judges_all(const std::vector<const case_record*>& chosen) {
  const auto& all = all_cases();
  return std::all_of(all.begin(), all.end(), [&](const case_record& record) {
    return record.object != "capability" ||
           std::find(chosen.begin(), chosen.end(), &record) != chosen.end();
  });
}

}  // namespace

bool is_about(const case_record& record, std::string_view capability) {
  std::string name(capability);
  std::replace(name.begin(), name.end(), '.', '_');
  return (record.object == "capability" && record.what == name) ||
         is_one_of(capability, words(record.needs));
}

void check_honesty(const std::vector<const case_record*>& chosen, bool are_options_given,
                   run_result& run) {
  const std::string advertised = run.fact("capabilities");
  // Whoever asks for the capabilities and whoever runs a case are different processes.
  for (const auto& each : run.cases)
    if (!are_options_given && each.outcome == outcome::unsupported &&
        is_one_of(each.capability, words(advertised)))
      run.problems.push_back("the capability " + each.capability +
                             " is advertised when the plugin is asked, and not to " +
                             each.of->name());
  if (!judges_all(chosen)) return;
  for (const auto capability : words(advertised)) {
    const bool is_known = std::any_of(chosen.begin(), chosen.end(), [&](const case_record* each) {
      return is_about(*each, capability);
    });
    const bool ran = std::any_of(run.cases.begin(), run.cases.end(), [&](const case_result& each) {
      return each.executed() && is_about(*each.of, capability);
    });
    if (!is_known)
      run.remarks.push_back("this suite has no case for the advertised capability " +
                            std::string(capability));
    else if (!ran)
      run.problems.push_back("the capability " + std::string(capability) +
                             " is advertised and no case of it was executed");
  }
}

}  // namespace rondo::conformance
