// What a case works with: the plugin under test in this process, its functions as they lie in the
// tables, one open device, the handlers to launch, and chance that can be repeated. Opened when it
// is first asked for, closed when the case ends. One thread, except where said.
#pragma once

#include "check.hpp"

#include <rondo/plugin_library.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace rondo {
class runtime;
struct launch_options;
}  // namespace rondo

namespace rondo::conformance {

struct case_record;
using std::chrono::nanoseconds;

struct settings {
  std::filesystem::path plugin;   // absolute
  std::filesystem::path kernels;  // the module of the suite
  std::uint32_t device = 0;
  bool bridge = false;  // typed handles use the calls of a queue even if it can be mapped
  bool pump = false;    // and stage their requests for a pump; with bridge
  // What only this backend knows; each kernel is created with it.
  std::vector<std::pair<std::string, std::string>> options;
  std::uint64_t seed = 1;
  nanoseconds patience = std::chrono::seconds(5);  // for what must happen at once
  nanoseconds soak{0};  // how long cases of endurance go on; 0: as long as they do by themselves
  std::string replay;   // operations for the cases of kernel.model instead of random ones

  std::string_view mode() const { return pump ? "pump" : bridge ? "bridge" : "direct"; }
  void set_mode(std::string_view name) { pump = name == "pump", bridge = pump || name == "bridge"; }
};

// What a plugin said through an error sink.
struct explanation_record {
  int calls = 0;
  rondo_status code = RONDO_OK;
  std::string subject, message, remedy;
  std::thread::id from;
  rondo_error_sink* sink() { return &sink_; }
  explanation_record();
  explanation_record(const explanation_record&) = delete;

 private:
  rondo_error_sink sink_;
};

class bench {
 public:
  bench(const settings& all, std::string_view case_name);
  ~bench();
  bench(const bench&) = delete;

  const settings& with() const { return settings_; }
  nanoseconds patience() const { return settings_.patience; }
  std::uint64_t patience_ns() const { return static_cast<std::uint64_t>(patience().count()); }

  // A plugin that the loader refuses ends the case, in the loader's words.
  const plugin_library& plugin();
  const backend_api& api() { return plugin().api(); }
  bool has(std::string_view capability) { return api().has(capability); }
  rondo_backend* backend();
  rondo_device* device();
  // Close what is open before the case ends.
  void close_device();
  void close_backend();
  void close_plugin();  // and let go of the library

  // From the suite's module. Any thread, once it was called.
  const rondo_handler& handler(std::string_view id);
  const rondo_image* image();  // what the plugin needs besides; NULL if it runs host images

  // A runtime that knows this plugin and the suite's module and nothing else.
  rondo::runtime open_runtime();
  rondo::launch_options launch(std::string id = {});

  std::mt19937_64& random() { return random_; }
  std::uint64_t number() { return random_(); }

 private:
  settings settings_;
  std::mt19937_64 random_;
  std::shared_ptr<plugin_library> plugin_;
  rondo_backend* backend_ = nullptr;
  rondo_device* device_ = nullptr;
};

const rondo_module& suite_module(const std::filesystem::path& file);

// True as soon as it holds, false if it does not before the deadline.
bool eventually(const std::function<bool()>& holds, nanoseconds deadline);

// For time that something takes, or in which it must not happen; what has to happen is waited for
// with eventually(). `why` is for the reader. Cases sleep in no other way, which a test sees to.
void let_pass(nanoseconds time, std::string_view why);

inline rondo_string c_text(std::string_view s) { return {s.data(), s.size()}; }

inline constexpr std::uint64_t ns_per_second = 1'000'000'000;
std::uint64_t now_ns();

}  // namespace rondo::conformance
