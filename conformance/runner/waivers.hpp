// Failures that are known and accepted for a while: a file of dated entries, each with a reason and
// a place to read more. A waived case that passes, or a waiver whose day is over, is a failure, so
// that the list cannot outlive what it is about.
//
//   {"waivers": [{"case": "queue.push.…", "reason": "…", "url": "…", "expires": "2027-01-31"}]}
#pragma once

#include "result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rondo::conformance {

struct waiver {
  std::string case_name, reason, url, expires;
};

// Throws rondo::error LOAD_FAILED for a file that is not there, INVALID_ARGUMENT that says what is
// wrong with one that is.
std::vector<waiver> read_waivers(const std::filesystem::path& file);

// `today` as YYYY-MM-DD. Only cases that were part of the run are looked at.
void apply_waivers(const std::vector<waiver>& waivers, const std::string& today, run_result& run);

std::string today();

}  // namespace rondo::conformance
