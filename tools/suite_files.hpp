// Where the conformance suite finds what it works with: this program, the files installed beside
// it, and the plugin that the user means.
#pragma once

#include <rondo/probe.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace rondo::cli {

// A file, or a plugin's name, looked for in `searched` and the usual places but not in the
// environment's. Throws LOAD_FAILED if there is no such file, NO_SUCH_BACKEND with the nearest
// name.
std::filesystem::path find_plugin(const std::string& file_or_name,
                                  const std::vector<std::filesystem::path>& searched,
                                  const probe_options& probe);

std::filesystem::path own_program();
inline constexpr const char* kernels_name = "conformance_kernels.so";
// lib/rondo/conformance/NAME of the installation; throws NO_SUCH_MODULE if it is not there.
std::filesystem::path suite_file(const char* name);
// The same, and an empty path if it is not there.
std::filesystem::path suite_file_if_there(const char* name);

}  // namespace rondo::cli
