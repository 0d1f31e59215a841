// The `rondo` command as someone runs it who has a plugin, on the CPU plugin or on the wrapper that
// breaks one thing.
#pragma once

#include "cli/child.hpp"
#include "paths.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace rondo::test {

class suite_command : public testing::Test {
 protected:
  child_result rondo(std::vector<std::string> arguments,
                     std::vector<std::string> environment = {}) {
    child_command line;
    line.arguments = {(bin_dir() / "rondo").string()};
    line.arguments.insert(line.arguments.end(), arguments.begin(), arguments.end());
    line.environment = std::move(environment);
    line.environment.push_back("HOME=/nonexistent");
    for (const auto* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
      if (const char* const value = std::getenv(name))
        line.environment.push_back(std::string(name) + "=" + value);
    line.deadline = std::chrono::seconds(100);
    return run_child(line);
  }
  // The suite on the wrapper with one fault, or on the CPU backend with one in its rings.
  child_result with_fault(const std::string& fault, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"conformance", plugin_with(fault)});
    return rondo(arguments,
                 {"RONDO_FAULT=" + fault, "RONDO_FAULT_WRAP=" + lib("plugins/rondo_cpu.so")});
  }
  static std::string plugin_with(const std::string& fault) {
    return lib(fault.starts_with("ring_") ? "conformance/rondo_cpu_fault.so"
                                          : "conformance/rondo_fault.so");
  }
  static std::string lib(const std::string& name) { return (lib_dir() / "rondo" / name).string(); }
  static std::string cpu() { return lib("plugins/rondo_cpu.so"); }
  static std::filesystem::path scratch(const std::string& name) {
    return std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()));
  }
  static std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }
};

// With a directory for each test, in which it leaves files.
class suite_command_with_files : public suite_command {
 protected:
  explicit suite_command_with_files(const std::string& name) : files_(scratch(name)) {
    std::filesystem::create_directory(files_);
  }
  ~suite_command_with_files() override { std::filesystem::remove_all(files_); }

  std::string file(const char* name) const { return (files_ / name).string(); }

  const std::filesystem::path files_;
};

}  // namespace rondo::test
