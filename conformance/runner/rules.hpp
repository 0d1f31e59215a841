// The rules, as they stand at their declarations: rondo/abi.h and the other headers that carry
// [ID] marks. The list is extracted when the suite is built.
#pragma once

#include <span>
#include <string_view>

namespace rondo::conformance {

struct rule_text {
  std::string_view id;
  std::string_view file;  // from the root of the sources
  std::string_view text;
};

std::span<const rule_text> all_rules();
const rule_text* find_rule(std::string_view id);

}  // namespace rondo::conformance
