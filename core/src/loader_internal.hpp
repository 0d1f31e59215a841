// The loader's stages, each in a file of its own: loader_roots.cpp finds files, library_file.cpp
// judges them unopened, loader_probe.cpp tries them in a child process, loader_open.cpp opens and
// enters a library, loader_descriptor.cpp reads what it says, loader_text.cpp renders the report.
// loader.cpp puts them in order.
#pragma once

#include <rondo/library_file.hpp>
#include <rondo/loader.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rondo::loading {

struct found_file {
  std::filesystem::path path;
  std::size_t root = 0;
};

struct search_result {
  std::vector<search_root> roots;
  std::vector<found_file> files;
};

search_result search_roots(const loader_options& options);

// The directory `rondo` beside librondo, which holds plugins/ and kernels/; empty if the place of
// librondo cannot be told.
std::filesystem::path installed_directory();

// What a plugin's entry answered, the first and only time it was called.
struct entry_answer {
  const rondo_plugin_descriptor* descriptor = nullptr;
  bool threw = false;
  std::string exception;  // its text
};

// One use of an open library. Releasing it closes the library if that was declared safe and this
// was the last use; otherwise the library stays until the process ends.
class open_library {
 public:
  open_library() = default;
  open_library(std::filesystem::path path, void* handle)
      : path_(std::move(path)), handle_(handle) {}
  open_library(open_library&& other) noexcept;
  open_library& operator=(open_library&& other) noexcept;
  ~open_library();

  void declare_unload_safe() noexcept { unload_safe_ = true; }

 private:
  std::filesystem::path path_;
  void* handle_ = nullptr;
  bool unload_safe_ = false;
};

struct entered_library {
  open_library library;
  entry_answer answer;
};

// Tries to open and enter the library in a child process: nothing, or PROBE_CRASHED or
// PROBE_TIMED_OUT; LOAD_FAILED if there was no such process.
std::optional<library_refusal> probe_library(const probe_options& options,
                                             const std::filesystem::path& library);

// Fills `out` and returns nothing, or says why not: LOAD_FAILED or ENTRY_MISSING. `before_entry` is
// called between opening the library and its entry.
std::optional<library_refusal> enter_library(const std::filesystem::path& path,
                                             const rondo_host_services& host, entered_library& out,
                                             const std::function<void()>& before_entry = {});

// Fills `info` as far as it can be read, and `api` if all is well; else ABI_MISMATCH or
// BAD_DESCRIPTOR, which names the field.
std::optional<library_refusal> read_descriptor(const entry_answer& answer, plugin_info& info,
                                               backend_api& api);

}  // namespace rondo::loading

namespace rondo {

struct plugin_library::parts {
  loading::open_library library;
  std::filesystem::path path;
  const rondo_plugin_descriptor* descriptor = nullptr;
  plugin_info info;
  backend_api api;
};

}  // namespace rondo
