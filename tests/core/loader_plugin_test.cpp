// An accepted plugin: its functions, its entry, and how long its library stays.
#include <rondo/loader.hpp>

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dlfcn.h>

#include <atomic>
#include <latch>
#include <thread>

namespace {

using namespace loader_support;
using testing::HasSubstr;

bool is_resident(const fs::path& path) {
  void* const handle = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle != nullptr) ::dlclose(handle);
  return handle != nullptr;
}

// Counts how often the fixtures' entries are called; they log once each.
std::atomic<int> entries{0};
const rondo_host_services counting_host = [] {
  auto host = rondo::host_services();
  host.log = [](void*, std::uint32_t, rondo_string, rondo_string) { ++entries; };
  return host;
}();

TEST(plugin, what_it_leaves_out_returns_unsupported_and_has_no_effect) {  // LOAD-03
  const scratch_directory dir;
  dir.put_fixture("minimal");
  const auto report = load_from(dir.path());
  ASSERT_TRUE(report.any_accepted()) << to_text(report);
  const auto& api = report.candidates.front().library->api();
  EXPECT_EQ(api.queue.push(nullptr, nullptr, nullptr), RONDO_FULL) << "the plugin's own";
  EXPECT_EQ(api.queue.pop(nullptr, nullptr, nullptr, 0), RONDO_EMPTY) << "the plugin's own";

  char text = 'x';
  EXPECT_EQ(api.backend.why_none(nullptr, &text, 1), 0u);
  EXPECT_EQ(text, 'x');
  EXPECT_EQ(api.kernel.renew(nullptr), RONDO_UNSUPPORTED);
  std::uint64_t done = 77;
  EXPECT_EQ(api.queue.push_batch(nullptr, nullptr, nullptr, 1, &done), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.queue.pop_batch(nullptr, nullptr, nullptr, 1, 1, &done), RONDO_UNSUPPORTED);
  EXPECT_EQ(done, 77u);
  EXPECT_EQ(api.queue.reserve(nullptr, 1, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.queue.commit(nullptr, nullptr, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.queue.abandon(nullptr, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.queue.peek(nullptr, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.queue.release(nullptr, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.queue.map(nullptr, nullptr), RONDO_UNSUPPORTED);
  rondo_buffer_handle handle = 5;
  EXPECT_EQ(api.buffer.create(nullptr, 1, &handle, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(handle, 5u);
  EXPECT_EQ(api.buffer.destroy(nullptr, 5), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.buffer.write(nullptr, 5, 0, nullptr, 1, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(api.buffer.read(nullptr, 5, 0, nullptr, 1, nullptr), RONDO_UNSUPPORTED);
  void* host = &handle;
  EXPECT_EQ(api.buffer.create_visible(nullptr, 1, &handle, &host, nullptr), RONDO_UNSUPPORTED);
  EXPECT_EQ(handle, 5u);
  EXPECT_EQ(host, &handle);
}

TEST(plugin, tables_of_earlier_and_later_versions_are_read_as_far_as_both_know_them) {  // ABI-02
  for (const auto* name : {"older_table", "newer_table", "long_descriptor"}) {
    const scratch_directory dir;
    dir.put_fixture(name);
    const auto report = load_from(dir.path());
    ASSERT_TRUE(report.any_accepted()) << to_text(report);
    const auto& queue = report.candidates.front().library->api().queue;
    EXPECT_EQ(queue.struct_size, sizeof(rondo_queue_table));
    EXPECT_EQ(queue.push(nullptr, nullptr, nullptr), RONDO_FULL);
    EXPECT_EQ(queue.info(nullptr, nullptr), RONDO_INVALID_STATE) << "the plugin's own";
    EXPECT_EQ(queue.map(nullptr, nullptr), RONDO_UNSUPPORTED);
  }
}

TEST(plugin, capabilities_and_the_spoken_version_are_known_to_its_callers) {  // HOST-05
  const scratch_directory dir;
  const auto path = dir.put_fixture("minimal");
  const auto report = load_from(dir.path());
  ASSERT_TRUE(report.any_accepted());
  const auto& library = *report.candidates.front().library;
  EXPECT_TRUE(library.api().has("test.second"));
  EXPECT_FALSE(library.api().has(RONDO_CAP_MAPPED));
  EXPECT_EQ(library.api().abi_version, RONDO_ABI_VERSION);
  EXPECT_EQ(library.info().name, "minimal");
  EXPECT_EQ(library.path(), path);
  EXPECT_EQ(library.descriptor().magic, RONDO_PLUGIN_MAGIC);
}

TEST(plugin, is_entered_once_however_often_it_is_loaded) {  // HOST-04
  const scratch_directory dir;
  dir.put_fixture("minimal");
  entries = 0;
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(rondo::load_plugins(only_in({dir.path()}), counting_host).any_accepted());
  EXPECT_EQ(entries, 1);
}

TEST(plugin, is_entered_once_by_many_threads_at_a_time) {  // HOST-04
  const scratch_directory dir;
  dir.put_fixture("minimal");
  dir.put_fixture("second");
  entries = 0;
  constexpr int threads = 6;
  std::latch loaded(threads);
  {
    std::vector<std::jthread> pool;
    for (int i = 0; i < threads; ++i)
      pool.emplace_back([&] {
        const auto report = rondo::load_plugins(only_in({dir.path()}), counting_host);
        EXPECT_TRUE(report.find("minimal") && report.find("second")) << to_text(report);
        loaded.arrive_and_wait();  // so that the one that may be unloaded is not in between
      });
  }
  EXPECT_EQ(entries, 2);
}

TEST(plugin, that_declares_it_safe_is_unloaded_with_its_last_owner) {  // LOAD-04
  const scratch_directory dir;
  const auto path = dir.put_fixture("second");
  entries = 0;
  auto first = rondo::load_plugins(only_in({dir.path()}), counting_host);
  auto second = rondo::load_plugins(only_in({dir.path()}), counting_host);
  ASSERT_TRUE(first.any_accepted() && second.any_accepted());
  auto kept = second.candidates.front().library;  // as an object of the plugin would
  first = {};
  second = {};
  EXPECT_TRUE(is_resident(path));
  EXPECT_EQ(kept->api().queue.push(nullptr, nullptr, nullptr), RONDO_FULL);
  kept.reset();
  EXPECT_FALSE(is_resident(path));
  EXPECT_EQ(entries, 1);
  EXPECT_TRUE(rondo::load_plugins(only_in({dir.path()}), counting_host).any_accepted());
  EXPECT_EQ(entries, 2) << "loaded anew, so entered anew";
}

TEST(plugin, that_someone_else_keeps_open_is_not_entered_again) {
  const scratch_directory dir;
  const auto path = dir.put_fixture("second");
  entries = 0;
  void* const elsewhere = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(elsewhere, nullptr);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(rondo::load_plugins(only_in({dir.path()}), counting_host).any_accepted());
  ::dlclose(elsewhere);
  EXPECT_TRUE(rondo::load_plugins(only_in({dir.path()}), counting_host).any_accepted());
  EXPECT_EQ(entries, 1);
}

TEST(plugin, that_does_not_declare_it_safe_stays_until_the_process_ends) {  // LOAD-04
  const scratch_directory dir;
  const auto path = dir.put_fixture("minimal");
  ASSERT_TRUE(load_from(dir.path()).any_accepted());
  EXPECT_TRUE(is_resident(path));
}

TEST(plugin, that_was_filtered_or_refused_and_is_safe_to_unload_is_unloaded) {
  const scratch_directory dir;
  const auto path = dir.put_fixture("second");
  auto options = only_in({dir.path()});
  options.only = {"minimal"};
  EXPECT_EQ(rondo::load_plugins(options).candidates.at(0).verdict, rondo::verdict::filtered);
  EXPECT_FALSE(is_resident(path));
}

TEST(plugin, whose_entry_threw_keeps_its_verdict_when_it_is_tried_again) {
  const scratch_directory dir;
  dir.put_fixture("throwing");
  for (int i = 0; i < 3; ++i) {
    const auto report = load_from(dir.path());
    EXPECT_EQ(report.candidates.at(0).verdict, rondo::verdict::bad_descriptor);
    EXPECT_EQ(report.candidates.at(0).system_error, "thrown by the fixture");
  }
}

TEST(plugin, without_a_usable_device_gets_that_verdict_from_the_runtime) {
  const scratch_directory dir;
  dir.put_fixture("minimal");
  dir.put("text.so", "hello");
  auto report = load_from(dir.path());
  report.set_no_usable_device(0, "no NVIDIA driver: libcuda.so.1 not found", "Install the driver");
  const auto& it = report.candidates[0];
  EXPECT_EQ(it.code(), RONDO_NO_USABLE_DEVICE);
  EXPECT_NE(it.library, nullptr);
  EXPECT_FALSE(report.any_accepted());
  EXPECT_EQ(report.find("minimal"), nullptr);
  EXPECT_THAT(to_text(report), HasSubstr("reason: no NVIDIA driver: libcuda.so.1 not found"));
  EXPECT_THROW(report.set_no_usable_device(1, "", ""), rondo::error);
  EXPECT_THROW(report.set_no_usable_device(2, "", ""), rondo::error);
}

}  // namespace
