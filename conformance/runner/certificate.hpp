// What a run has shown, in a form that can be kept, sent and checked: which plugin, which suite,
// which cases, and every one that was left out, with the reason.
#pragma once

#include "run.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rondo::conformance {

inline constexpr std::string_view certificate_schema = "dev.rondo.certificate/1";

std::string certificate_of(const run_options& options, const run_result& run);

struct verification {
  std::vector<std::string> subjects;  // plugin, device, driver and system, as the certificate says
  std::vector<std::string> held;      // what was recomputed and agrees
  std::vector<std::string> broken;    // what does not
  std::vector<std::string> open;      // what could not be recomputed here, and why
};

// Recomputes what can be: counts and verdict from the list of cases, the list's hash, the list
// itself against this suite, the driver from the device's properties, and the hash of `plugin`, or
// of the file that the certificate names. Throws rondo::error INVALID_ARGUMENT if the text is no
// certificate.
verification verify_certificate(const std::string& text, const std::filesystem::path& plugin);

}  // namespace rondo::conformance
