// Where a test finds its files: where they were built, or where environment variables of the same
// names say, as in a bundle that was carried to another machine.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace rondo::test {

inline std::filesystem::path path_or(const char* variable, const char* built) {
  const char* moved = std::getenv(variable);
  return moved != nullptr && *moved != '\0' ? moved : built;
}

// librondo, rondo/plugins and rondo/kernels.
inline std::filesystem::path lib_dir() { return path_or("RONDO_TEST_LIB_DIR", RONDO_TEST_LIB_DIR); }
// The programs.
inline std::filesystem::path bin_dir() { return path_or("RONDO_TEST_BIN_DIR", RONDO_TEST_BIN_DIR); }
// What is made of tests/fixtures.
inline std::filesystem::path fixtures_dir() {
  return path_or("RONDO_TEST_FIXTURES_DIR", RONDO_TEST_FIXTURES_DIR);
}
// The directory tests/ of the sources.
inline std::filesystem::path source_dir() {
  return path_or("RONDO_TEST_SOURCE_DIR", RONDO_TEST_SOURCE_DIR);
}

}  // namespace rondo::test
