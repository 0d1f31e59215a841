// The list of cases, filled before main() by what RONDO_CASE makes.
#include "suite.hpp"

#include <algorithm>

namespace rondo::conformance {

namespace {

std::vector<case_record>& unsorted() {
  static std::vector<case_record> cases;
  return cases;
}

}  // namespace

registration::registration(const case_record& record) { unsorted().push_back(record); }

const std::vector<case_record>& all_cases() {
  static const std::vector<case_record> sorted = [] {
    auto cases = unsorted();
    std::sort(cases.begin(), cases.end(), [](const case_record& a, const case_record& b) {
      return a.at != b.at ? a.at < b.at : a.name() < b.name();
    });
    return cases;
  }();
  return sorted;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) found.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

}  // namespace rondo::conformance
