// What a run has shown, in a form that can be kept, sent and checked: which plugin, which suite,
// which cases, how they were run, and every one that was left out, with the reason. The form is
// conformance/certificate.schema.json.
#pragma once

#include "run.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

inline constexpr std::string_view certificate_schema = "dev.rondo.certificate/2";
// Said less: not how the cases were run, nor which capability was missing.
inline constexpr std::string_view older_certificate_schema = "dev.rondo.certificate/1";

std::string certificate_of(const run_options& options, const run_result& run);

// Why a run with these options certifies no level, whatever passes; empty if it may.
std::string why_no_level(const run_options& options);

struct verification {
  std::vector<std::string>
      subjects;                     // plugin, device, driver, system, run, as the certificate says
  std::string verdict;              // the certificate's own words
  std::optional<int> level;         // that it certifies, as recomputed
  std::string no_level;             // why it certifies none
  std::vector<std::string> held;    // what was recomputed and agrees
  std::vector<std::string> broken;  // what does not
  std::vector<std::string> open;    // what could not be recomputed here, and why
};

// Where the files lie that a certificate is about, and which of them were named for it.
struct certified_files {
  std::filesystem::path plugin;   // empty: where the certificate says
  std::filesystem::path kernels;  // empty: where the certificate says
  std::filesystem::path
      installed_kernels;  // looked at if the certificate's are not there; or empty
};

// Recomputes what can be: the form, counts, verdict and level from the list of cases, the list's
// hash, the list itself against this suite, what was left out against what was advertised, waivers,
// the driver from the device's properties, and the hashes of the files. Throws rondo::error
// INVALID_ARGUMENT if the text is no certificate.
verification verify_certificate(const std::string& text, const certified_files& files);

}  // namespace rondo::conformance
