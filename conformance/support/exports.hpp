// What a library shows to those that link against it, read from its file and not from the loader,
// which knows only names that it is asked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace rondo::conformance {

// The names that it defines for others, in the order of its table. Of a file that is no library of
// this machine's form there are none.
std::vector<std::string> exported_names(const std::filesystem::path& library);

}  // namespace rondo::conformance
