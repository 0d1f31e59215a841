// What tools/rules/extract.cpp found in the headers.
#include "rules.hpp"

namespace rondo::conformance {

namespace {
constexpr rule_text rules[] = {
#include "rules.inc"
};
}  // namespace

std::span<const rule_text> all_rules() { return rules; }

const rule_text* find_rule(std::string_view id) {
  for (const auto& each : rules)
    if (each.id == id) return &each;
  return nullptr;
}

}  // namespace rondo::conformance
