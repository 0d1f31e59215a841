// Traits as text, and by chance.
#include "traits.hpp"

#include <rondo/abi.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rondo::conformance::model {

namespace {

struct known_trait {
  std::string_view name, capability;
};
constexpr std::array<known_trait, static_cast<std::size_t>(trait::count)> known = {
    {{"urgent", RONDO_CAP_URGENT},
     {"timed", RONDO_CAP_TIMED},
     {"full=drop_oldest", RONDO_CAP_DROP_OLDEST},
     {"output=reject", RONDO_CAP_OUTPUT_FULL},
     {"output=drop_newest", RONDO_CAP_OUTPUT_FULL},
     {"hooks", RONDO_CAP_HOOKS},
     {"refuse", RONDO_CAP_HOOKS},
     {"timer", RONDO_CAP_TIMER}}};

[[noreturn]] void refuse_traits(std::string_view text) {
  std::string all;
  for (const auto& each : known) all += (all.empty() ? "{" : ",") + std::string(each.name);
  throw std::invalid_argument("'" + std::string(text) +
                              "' is nothing that a kernel can be made with, as in a{urgent,timed}; "
                              "there are " +
                              all + "}: one rule for the output, one kind of handler");
}

}  // namespace

traits traits::without(trait one) const {
  traits rest = *this;
  rest.bits_ &= ~bit(one);
  return rest;
}

// Of a reply that was dropped nobody knows when it was handled, so nothing but the order of one
// lane says what the handler has seen by then.
bool traits::fit_together() const {
  const bool is_lossy = has(trait::reject) || has(trait::drop_newest);
  if (is_lossy && has(trait::drop_oldest)) return false;
  if (has(trait::drop_newest) && (has(trait::urgent) || has(trait::timer))) return false;
  return !(has(trait::reject) && has(trait::drop_newest)) &&
         !(has(trait::hooks) && has(trait::timer)) && (has(trait::hooks) || !has(trait::refuse));
}

std::string_view name_of(trait one) { return known[static_cast<std::size_t>(one)].name; }
std::string_view capability_of(trait one) {
  return known[static_cast<std::size_t>(one)].capability;
}

std::string to_text(traits all) {
  std::string text;
  for (unsigned i = 0; i < static_cast<unsigned>(trait::count); ++i)
    if (const auto one = static_cast<trait>(i); all.has(one))
      text += (text.empty() ? "{" : ",") + std::string(name_of(one));
  return text.empty() ? text : text + "}";
}

traits parse_traits(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') refuse_traits(text);
  traits all;
  for (auto rest = text.substr(1, text.size() - 2); !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    const auto found = std::find_if(known.begin(), known.end(), [&](const known_trait& each) {
      return each.name == rest.substr(0, end);
    });
    if (found == known.end()) refuse_traits(text);
    all.add(static_cast<trait>(found - known.begin()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!all.fit_together()) refuse_traits(text);
  return all;
}

traits random_traits(std::mt19937_64& random, const std::function<bool(trait)>& offered) {
  traits all;
  if (random() % 3 == 0) return all;  // the plain ones are what most kernels are
  for (unsigned i = 0; i < static_cast<unsigned>(trait::count); ++i) {
    traits more = all;
    more.add(static_cast<trait>(i));
    if (random() % 3 == 0 && more.fit_together() && offered(static_cast<trait>(i))) all = more;
  }
  return all;
}

}  // namespace rondo::conformance::model
