// Which fault this plugin has. Chosen by the environment when the library is entered:
// RONDO_FAULT=name, or nothing for a wrapper that is as sound as what it wraps.
#pragma once

#include <string_view>

namespace rondo::faults {

enum class fault {
  none,
#define RONDO_FAULT(name, rules, mode, needs, text) name,
#include "list.inc"
#undef RONDO_FAULT
};

extern fault chosen;
inline bool broken(fault which) { return chosen == which; }

fault find(std::string_view name);  // none if there is none

}  // namespace rondo::faults
