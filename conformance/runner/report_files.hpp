// A run as files: JUnit's XML for machines, and a page for people that needs nothing but itself.
#pragma once

#include "run.hpp"

#include <string>

namespace rondo::conformance {

std::string junit_of(const run_options& options, const run_result& run);
std::string html_of(const run_options& options, const run_result& run);

}  // namespace rondo::conformance
