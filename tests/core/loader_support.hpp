// What the loader's tests share: a directory of their own, files put into it, and options that look
// nowhere else.
#pragma once

#include "paths.hpp"

#include <rondo/loader.hpp>

#include <gtest/gtest.h>

#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace loader_support {

namespace fs = std::filesystem;

inline fs::path fixture(std::string_view name) {
  return rondo::test::fixtures_dir() / (std::string(name) + ".so");
}

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Emptied and removed at the end, whatever the test did to its permissions.
class scratch_directory {
 public:
  scratch_directory() {
    auto pattern = (fs::path(testing::TempDir()) / "rondo_loader_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = fs::canonical(pattern);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }

  fs::path put(const fs::path& name, std::string_view contents) const {
    const auto file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << contents;
    fs::permissions(file, fs::perms(0755));
    return file;
  }

  // A copy is a library of its own to the system, so no test sees what another loaded.
  fs::path put_fixture(std::string_view fixture_name, const fs::path& name) const {
    return put(name, read_file(fixture(fixture_name)));
  }
  fs::path put_fixture(std::string_view fixture_name) const {
    return put_fixture(fixture_name, std::string(fixture_name) + ".so");
  }

  // The healthy plugin with one byte changed.
  fs::path put_patched(const fs::path& name, std::size_t offset, char value) const {
    auto bytes = read_file(fixture("minimal"));
    bytes.at(offset) = value;
    return put(name, bytes);
  }

 private:
  fs::path path_;
};

// Sets or (with nullopt) unsets a variable until the end of the scope.
class scoped_variable {
 public:
  scoped_variable(std::string name, const std::optional<std::string>& value)
      : name_(std::move(name)) {
    if (const char* const old = ::getenv(name_.c_str())) old_ = old;
    set(value);
  }
  scoped_variable(const scoped_variable&) = delete;
  scoped_variable& operator=(const scoped_variable&) = delete;
  ~scoped_variable() { set(old_); }

 private:
  void set(const std::optional<std::string>& value) {
    if (value) ::setenv(name_.c_str(), value->c_str(), 1);
    else ::unsetenv(name_.c_str());
  }

  std::string name_;
  std::optional<std::string> old_;
};

// Looks at these paths and nowhere else.
inline rondo::loader_options only_in(std::vector<fs::path> paths) {
  rondo::loader_options options;
  options.paths = std::move(paths);
  options.use_environment = options.use_user_directory = options.use_installed_directory = false;
  return options;
}

inline rondo::load_report load_from(const fs::path& path) {
  return rondo::load_plugins(only_in({path}));
}

// The candidate of this file name.
inline const rondo::candidate& candidate_of(const rondo::load_report& report,
                                            std::string_view file_name) {
  for (const auto& it : report.candidates)
    if (it.path.filename() == file_name) return it;
  throw std::runtime_error("no candidate " + std::string(file_name) + "\n" + to_text(report));
}

}  // namespace loader_support
