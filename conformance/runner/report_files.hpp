// A run as files: JUnit's XML for machines, and a page for people that needs nothing but itself.
#pragma once

#include "run.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

std::string junit_of(const run_options& options, const run_result& run);
std::string html_of(const run_options& options, const run_result& run);

// What both are made with.
std::string escaped_markup(std::string_view text);
std::map<std::string, std::vector<const case_result*>> by_group(const run_result& run);

}  // namespace rondo::conformance
