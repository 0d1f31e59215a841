// What follows from other parts of a certificate, for whoever writes one and whoever checks it.
#pragma once

#include "result.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string>

namespace rondo::conformance {

using certificate_json = nlohmann::ordered_json;

// Of "case outcome" for each, a line each, sorted.
std::string hash_of_cases(const certificate_json& cases);
certificate_json counts_of_cases(const certificate_json& cases);

// What the backend says of the driver below its device; a CPU has none but the system itself.
std::string driver_of(const certificate_json& device);

// Why such a run is none that certifies a level, whatever passed, as a verdict; empty if it is one.
std::string verdict_on_run(const certificate_json& run);
std::string verdict_of_certificate(const certificate_json& certificate);
// Nothing but a whole run without a failure certifies its level.
std::optional<int> level_of_certificate(const certificate_json& certificate);

}  // namespace rondo::conformance
