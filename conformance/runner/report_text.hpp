// A run for people: what did not pass and why, what was left out, and the sum.
#pragma once

#include "run.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::conformance {

// "key=value" of each, with `before` in front.
std::string option_text(const std::vector<std::pair<std::string, std::string>>& options,
                        std::string_view before);

// How to run this case alone.
std::string rerun_command(const run_options& options, const case_result& result);

// One case, several lines. Nothing for one that passed, unless `all`.
std::string to_text(const run_options& options, const case_result& result, bool all);
std::string summary_text(const run_options& options, const run_result& run);

std::string time_text(std::uint64_t ns);     // "1200 ns", "34.0 us"
std::string figure_text(const figure& one);  // on one line, without its name

}  // namespace rondo::conformance
