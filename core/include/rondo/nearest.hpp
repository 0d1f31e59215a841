// "Did you mean …?": the known name that a mistyped one was most likely meant to be. Used wherever
// a name is looked up and not found. Any thread.
#pragma once

#include <rondo/export.hpp>

#include <span>
#include <string>
#include <string_view>

namespace rondo {

// The candidate with the fewest insertions, deletions, substitutions and swaps of neighbours
// between it and `wanted`, ignoring case; the first of several. Empty if none is within a third of
// the longer name's length (at least one edit): a far-fetched suggestion is worse than none. The
// result points into `candidates`.
RONDO_EXPORT std::string_view nearest(std::string_view wanted,
                                      std::span<const std::string_view> candidates);
RONDO_EXPORT std::string_view nearest(std::string_view wanted,
                                      std::span<const std::string> candidates);

}  // namespace rondo
