// What the tests of the runtime share: a runtime that looks at nothing but this build, waiting for
// an event with a deadline, and the error that a call throws.
#pragma once

#include "paths.hpp"
#include "test_kernels.hpp"

#include "../../conformance/support/thread_count.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <ostream>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace rondo {
inline void PrintTo(kernel_state state, std::ostream* out) { *out << to_string(state); }
}  // namespace rondo

namespace core_test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A sanitizer keeps its own books of memory and ends the process that asks for too much.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

// Long enough for a loaded machine under a sanitizer; no test waits for it to pass.
inline constexpr auto patience = 60s;

inline rondo::runtime_options hermetic() {
  rondo::runtime_options options;
  options.plugin_paths = {rondo::test::lib_dir() / "rondo/plugins"};
  options.only_backends = {"cpu"};
  options.standard_plugin_paths = false;
  options.standard_kernel_paths = false;
  options.linked_modules = {&rondo_module_entry};
  return options;
}

inline rondo::runtime open_runtime() { return rondo::runtime::open(hermetic()); }

// True as soon as the predicate holds; false if it does not before the deadline.
template <class Predicate>
bool eventually(Predicate&& holds, std::chrono::nanoseconds deadline = patience) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return holds();
    std::this_thread::sleep_for(200us);
  }
  return true;
}

// Whether one of five attempts takes less than the bound. The machine may be busy with other things
// now and then; what waits for something else than it should is late each time.
template <class Attempt>
bool takes_less_than(std::chrono::nanoseconds bound, Attempt&& attempt) {
  for (int tries = 0; tries < 5 && !testing::Test::HasFailure(); ++tries)
    if (attempt() < bound) return true;
  return false;
}

template <class Call>
rondo::error_info refusal_of(Call&& call) {
  try {
    call();
  } catch (const rondo::error& refusal) {
    return refusal.info();
  }
  ADD_FAILURE() << "was not refused";
  return {};
}

// Whose threads run the kernels of the test, unless it says so itself.
inline rondo::kernel_threads threads_in_use = rondo::kernel_threads::dedicated;

template <class H>
rondo::kernel<H> launch(rondo::runtime& runtime, rondo::launch_options options = {}) {
  options.threads = threads_in_use;
  return runtime.launch<H>(options);
}

// A started kernel of H in a runtime of its own.
template <class H>
struct running {
  rondo::runtime runtime = open_runtime();
  rondo::kernel<H> kernel;

  explicit running(const rondo::launch_options& options = {})
      : kernel(launch<H>(runtime, options)) {
    kernel.activate();
  }
};

// For what holds whoever's threads run the kernel.
template <class... More>
class on_each_kind : public testing::TestWithParam<std::tuple<rondo::kernel_threads, More...>> {
 protected:
  on_each_kind() { threads_in_use = std::get<0>(this->GetParam()); }
  ~on_each_kind() override { threads_in_use = rondo::kernel_threads::dedicated; }
};
inline const auto each_kind =
    testing::Values(rondo::kernel_threads::dedicated, rondo::kernel_threads::pool);
inline const auto name_of_kind = [](const auto& it) {
  return std::string(std::get<0>(it.param) == rondo::kernel_threads::pool ? "pool" : "dedicated");
};

// Opens a gate when the test ends, however it ends, so that no handler stays behind.
class gate_use {
 public:
  explicit gate_use(std::uint32_t index) : gate_(gates[index]) { gate_.reset(); }
  gate_use(const gate_use&) = delete;
  gate_use& operator=(const gate_use&) = delete;
  ~gate_use() { gate_.open(); }
  void open() { gate_.open(); }
  [[nodiscard]] bool reached(std::uint64_t count = 1) {
    return gate_.wait_for_arrivals(count, patience);
  }

 private:
  gate& gate_;
};

inline std::size_t entries_of(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}
// ThreadSanitizer starts a thread of its own, for good, with the first that the process starts.
// Here that has happened before anything is counted. And threads of an earlier test may be about to
// end: counted is what stays the same for a while.
inline std::size_t thread_count() {
  static const bool first_has_started = (std::thread([] {}).join(), true);
  (void)first_has_started;
  std::size_t count = rondo::conformance::thread_count();
  for (int same = 0, looks = 0; same < 4 && looks < 100; ++looks) {
    std::this_thread::sleep_for(1ms);
    const std::size_t now = rondo::conformance::thread_count();
    same = now == count ? same + 1 : 0;
    count = now;
  }
  return count;
}
inline std::size_t open_files() { return entries_of("/proc/self/fd"); }

}  // namespace core_test
