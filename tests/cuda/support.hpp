// What the tests of the CUDA backend share. Where no GPU can be used a case says *unavailable* and
// why; it never passes.
#pragma once

#include "kernels.hpp"

#include "paths.hpp"
#include "vector_add.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace cuda_test {

using namespace std::chrono_literals;

inline rondo::runtime_options where() {
  rondo::runtime_options options;
  options.plugin_paths = {rondo::test::lib_dir() / "rondo" / "plugins"};
  options.kernel_paths = {rondo::test::lib_dir() / "rondo" / "kernels"};
  options.standard_plugin_paths = options.standard_kernel_paths = false;
  return options;
}

// Why there is no GPU to test on; empty if there is one.
inline const std::string& why_unavailable() {
  static const std::string why = [] {
    auto options = where();
    options.only_backends = {"cuda"};
    const auto survey = rondo::runtime::survey(options);
    for (const auto& backend : survey.backends)
      if (backend.name == "cuda") return std::string();
    for (const auto& candidate : survey.report.candidates)
      if (candidate.plugin.name == "cuda") return candidate.reason;
    return std::string("the CUDA plugin was not built");
  }();
  return why;
}

inline std::string property(const rondo::runtime& rt, const std::string& key) {
  for (const auto& backend : rt.backends())
    for (const auto& device : backend.devices)
      for (const auto& [name, value] : device.properties)
        if (backend.name == "cuda" && name == key) return value;
  return {};
}

// Ends the process, with what it was doing, if a test takes longer than it ever should.
class watchdog {
 public:
  explicit watchdog(std::chrono::seconds limit)
      : thread_([this, limit] {
          std::unique_lock lock(mutex_);
          if (ended_.wait_for(lock, limit, [this] { return done_; })) return;
          const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
          std::fprintf(stderr, "watchdog: %s.%s took longer than %lld s\n",
                       info != nullptr ? info->test_suite_name() : "?",
                       info != nullptr ? info->name() : "?", static_cast<long long>(limit.count()));
          std::_Exit(99);
        }) {}
  ~watchdog() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

inline rondo::launch_options how_on_gpu(const std::string& placement = "pinned") {
  rondo::launch_options options;
  options.backend = "cuda";
  options.module = "cuda_kernels";
  options.lease = 3s;
  options.options = {{"placement", placement}};
  return options;
}

class on_gpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!why_unavailable().empty()) GTEST_SKIP() << "unavailable: " << why_unavailable();
    guard.emplace(60s);
    rt.emplace(rondo::runtime::open(where()));
  }
  void TearDown() override {
    rt.reset();
    guard.reset();
  }

  static rondo::launch_options how(const std::string& placement = "pinned") {
    return how_on_gpu(placement);
  }

  std::optional<watchdog> guard;
  std::optional<rondo::runtime> rt;
};

// Not every machine gives a window into device memory.
inline void skip_where_unavailable(rondo::runtime& rt, const std::string& placement) {
  if (placement != "bar") return;
  try {
    rt.launch<plain_teller>(how_on_gpu(placement)).terminate();
    rt.remove("PlainTeller");
  } catch (const rondo::error& none) {
    if (none.code() != RONDO_UNSUPPORTED) throw;
    GTEST_SKIP() << "unavailable: " << none.message();
  }
}

// One of many: short queues, and no patience with its launch.
inline rondo::launch_options small(rondo::launch_options options, const std::string& id) {
  options.id = id;
  options.input_capacity = options.output_capacity = 16;
  options.launch_deadline = 3s;
  return options;
}

class each_placement : public on_gpu, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    on_gpu::SetUp();
    if (!IsSkipped()) skip_where_unavailable(*rt, GetParam());
  }
};

inline question ask(std::uint64_t nonce) {
  question q{};
  q.nonce = nonce;
  for (std::uint32_t i = 0; i < words; ++i)
    q.value[i] = static_cast<std::uint32_t>(nonce) * (i + 3);
  return q;
}
inline std::uint32_t sum_of(const question& q) {
  std::uint32_t sum = 0;
  for (const std::uint32_t v : q.value) sum += v;
  return sum;
}

// Calls with fresh nonces and holds every reply to its request.
template <class H>
void converse(rondo::kernel<H>& kernel, std::uint64_t salt, int messages) {
  std::mt19937_64 random(std::random_device{}());
  for (int i = 0; i < messages; ++i) {
    const question q = ask(random() | 16);
    const auto reply = kernel.call(q, 5s);
    ASSERT_TRUE(reply.has_value()) << "message " << i << ": " << reply.failure().message;
    ASSERT_EQ(reply->proof, secret(q.nonce, salt)) << "message " << i;
    ASSERT_EQ(reply->sum, sum_of(q)) << "message " << i;
    ASSERT_EQ(reply->on_device, 1u) << "the handler ran on the host";
  }
}

// A kernel of a module that no other test's kernels are of: its code has to be loaded.
inline rondo::launch_options of_another_module() {
  auto options = how_on_gpu();
  options.module = "vector_add";
  return options;
}
inline void add_two_vectors(rondo::kernel<vector_add>& kernel) {
  vector_add_request q;
  q.n = 2;
  for (const float x : {1.0f, 2.0f}) q.a.push_back(x), q.b.push_back(10 * x);
  const auto reply = kernel.call(q, 5s);
  ASSERT_TRUE(reply.has_value()) << reply.failure().message;
  ASSERT_EQ(reply->processed, 2u) << std::string(reply->error.begin(), reply->error.end());
  EXPECT_EQ(reply->result[0], 11.0f);
  EXPECT_EQ(reply->result[1], 22.0f);
}

template <class Condition>
bool soon(Condition&& condition, std::chrono::milliseconds limit = 3000ms) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

}  // namespace cuda_test
