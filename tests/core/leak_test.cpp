// What is opened is closed again: threads, files and memory after a hundred rounds are what they
// were after the first few.
#include "support.hpp"

#include <rondo/host_services.hpp>

#include <malloc.h>

namespace {

using namespace core_test;

constexpr int rounds = is_sanitized ? 30 : 100;

struct resources {
  std::size_t threads = thread_count();
  std::size_t files = open_files();
  std::uint64_t plugin_bytes = rondo::plugin_memory().bytes;
  std::uint64_t plugin_blocks = rondo::plugin_memory().blocks;
  bool operator==(const resources&) const = default;
};
void PrintTo(const resources& it, std::ostream* out) {
  *out << it.threads << " threads, " << it.files << " files, " << it.plugin_bytes << " bytes in "
       << it.plugin_blocks << " blocks of plugins";
}

std::size_t heap_bytes() { return is_sanitized ? 0 : ::mallinfo2().uordblks; }

// A thread that was detached may end a moment later.
void expect_settled(const resources& before) {
  EXPECT_TRUE(eventually([&] { return resources() == before; }))
      << testing::PrintToString(resources()) << " instead of " << testing::PrintToString(before);
}

template <class Round>
void expect_no_leak(Round&& round) {
  // What is made once and kept, and blocks that malloc sets aside and counts as in use.
  for (int i = 0; i < 30; ++i) round();
  const resources before;
  const std::size_t heap_before = heap_bytes();
  for (int i = 0; i < rounds; ++i) round();
  expect_settled(before);
  // Less than a hundred bytes a round: nothing that a round makes is as small.
  EXPECT_LE(heap_bytes(), heap_before + 100 * rounds);
}

TEST(leak, opening_launching_calling_and_closing_leaves_nothing) {
  expect_no_leak([] {
    auto runtime = open_runtime();
    auto kernel = runtime.launch<oracle>();
    kernel.activate();
    auto buffer = kernel.create_buffer(1000);
    ASSERT_TRUE(kernel.call({}, patience));
    kernel.send({}, patience).value();
    ASSERT_TRUE(kernel.receive(patience));
  });
}

TEST(leak, closing_with_requests_and_replies_waiting_leaves_nothing) {
  expect_no_leak([] {
    auto runtime = open_runtime();
    auto kernel = runtime.launch<oracle>({.output_capacity = 2});
    for (int i = 0; i < 10; ++i) kernel.send({}, patience).value();
    kernel.activate();
    ASSERT_TRUE(eventually([&] { return kernel.snapshot().output_depth == 2; }));
  });
}

TEST(leak, refused_launches_leave_nothing) {
  auto runtime = open_runtime();
  expect_no_leak([&] {
    EXPECT_THROW(runtime.launch<stillborn>(), rondo::error);
    EXPECT_THROW(runtime.launch<oracle>({.cpu = 100'000}), rondo::error);
    EXPECT_THROW(runtime.launch<oracle>({.input_capacity = 3}), rondo::error);
    EXPECT_THROW(runtime.launch<oracle>({.lease = 1s}), rondo::error);
  });
}

TEST(leak, launching_and_removing_in_one_runtime_leaves_nothing) {
  auto runtime = open_runtime();
  expect_no_leak([&] {
    auto kernel = runtime.launch<oracle>();
    kernel.activate();
    ASSERT_TRUE(kernel.call({}, patience));
    kernel.terminate();
    runtime.remove("Oracle");
  });
}

TEST(leak, relaunching_leaves_nothing) {
  running<oracle> it;
  expect_no_leak([&] {
    ASSERT_TRUE(it.kernel.call({}, patience));
    it.kernel.terminate();
    it.kernel.relaunch();
    it.kernel.activate();
  });
}

}  // namespace
