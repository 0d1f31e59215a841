// The built `rondo` as a test uses it: in an installation of its own below a scratch directory,
// with an environment that names nothing else, so that only what a test puts there can be found.
#pragma once

#include "child.hpp"
#include "paths.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>

namespace rondo::test {

namespace fs = std::filesystem;
using nlohmann::json;

inline std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_text(const fs::path& file, std::string_view text) { std::ofstream(file) << text; }

// A link is as good as a copy here, and cheaper. Not a symbolic one: librondo looks beside its
// target.
inline void put(const fs::path& file, const fs::path& into) {
  std::error_code failed;
  fs::create_directories(into);
  fs::create_hard_link(file, into / file.filename(), failed);
  if (failed) fs::copy(file, into / file.filename(), fs::copy_options::copy_symlinks);
}

class rondo_command : public ::testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);  // what others may write is not loaded
    std::string name = (fs::temp_directory_path() / "rondo_cli_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    scratch_ = fs::canonical(name);
    const fs::path built = lib_dir();
    put(bin_dir() / "rondo", prefix() / "bin");
    for (const auto& entry : fs::directory_iterator(built))
      if (entry.path().filename().string().starts_with("librondo.so")) put(entry, prefix() / "lib");
    // The CPU plugin alone: what others say depends on the machine.
    put(built / "rondo" / "plugins" / "rondo_cpu.so", plugins());
    fs::create_directories(lib() / "kernels");
    for (const auto& entry : fs::directory_iterator(built / "rondo" / "kernels"))
      if (entry.path().extension() == ".so") put(entry, lib() / "kernels");
    fs::create_directories(work());
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(scratch_, ignored);
  }

  fs::path prefix() const { return scratch_ / "prefix"; }
  fs::path lib() const { return prefix() / "lib" / "rondo"; }
  fs::path plugins() const { return lib() / "plugins"; }
  fs::path cpu_plugin() const { return plugins() / "rondo_cpu.so"; }
  fs::path work() const { return scratch_ / "work"; }  // the working directory of the command
  static fs::path fixture(const std::string& name) { return fixtures_dir() / (name + ".so"); }
  static fs::path module_fixture(const std::string& name) {
    return fixtures_dir() / "kernels" / (name + ".so");
  }

  // Further variables of the command's environment.
  void set_variable(const std::string& name, const std::string& value) {
    variables_.push_back(name + "=" + value);
  }

  child_result rondo(const std::vector<std::string>& arguments, const std::string& out_file = {}) {
    child_command command;
    command.arguments = {(prefix() / "bin" / "rondo").string()};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.environment = variables_;
    command.environment.push_back("HOME=" + (scratch_ / "home").string());
    command.environment.push_back("XDG_DATA_HOME=" + (scratch_ / "data").string());
    command.environment.push_back("TERM=xterm");
    for (const auto* options : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
      if (const char* const value = std::getenv(options))
        command.environment.push_back(std::string(options) + "=" + value);
    command.directory = work().string();
    command.out_file = out_file;
    auto result = run_child(command);
    EXPECT_FALSE(result.timed_out) << "no end within the deadline";
    EXPECT_EQ(result.signal, 0);
    return result;
  }

 private:
  fs::path scratch_;
  std::vector<std::string> variables_;
};

inline std::string said(const child_result& result) {
  return "exit code " + std::to_string(result.exit_code) + "\nstdout:\n" + result.out +
         "\nstderr:\n" + result.err;
}

// The whole of stdout as one document; null, which fails what is asked of it, if it is none.
inline json document_of(const child_result& result) {
  auto document = json::parse(result.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << "stdout is no JSON document\n" << said(result);
  return document.is_discarded() ? json() : document;
}

// The object has exactly these keys.
inline void expect_keys(const json& object, std::initializer_list<const char*> keys) {
  ASSERT_TRUE(object.is_object()) << object;
  for (const auto* key : keys) EXPECT_TRUE(object.contains(key)) << key << " in " << object;
  EXPECT_EQ(object.size(), keys.size()) << object;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The command ended with this exit code and an error of this form, and nothing on stdout.
inline void expect_error(const child_result& result, int exit_code, const std::string& object,
                         const std::string& code) {
  EXPECT_EQ(result.exit_code, exit_code) << said(result);
  EXPECT_EQ(result.out, "") << said(result);
  const auto first = result.err.substr(0, result.err.find('\n'));
  EXPECT_TRUE(first.starts_with("rondo: " + object + ": ")) << said(result);
  EXPECT_TRUE(first.ends_with(" [" + code + "]")) << said(result);
  EXPECT_TRUE(contains(result.err, "\n  try: ")) << said(result);
}

inline void expect_error_object(const json& document, const std::string& code) {
  ASSERT_TRUE(document.is_object() && document.contains("error")) << document;
  expect_keys(document["error"], {"code", "object", "message", "remedy"});
  EXPECT_EQ(document["error"].value("code", ""), code) << document;
}

}  // namespace rondo::test
