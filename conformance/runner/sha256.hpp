// SHA-256 (FIPS 180-4), to say which file a certificate is about. Not for secrets.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace rondo::conformance {

std::string sha256(std::string_view bytes);                // 64 hexadecimal digits
std::string sha256_of(const std::filesystem::path& file);  // empty if it cannot be read

}  // namespace rondo::conformance
