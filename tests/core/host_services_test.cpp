// What plugins get from the process, called as a plugin would.
#include <rondo/host_services.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

const rondo_host_services& host = rondo::host_services();

rondo_string text(std::string_view from) { return {from.data(), from.size()}; }

TEST(host_services, say_their_size_and_version) {
  EXPECT_EQ(host.struct_size, sizeof(rondo_host_services));
  EXPECT_EQ(host.abi_version, RONDO_ABI_VERSION);
  EXPECT_EQ(&rondo::host_services(), &host);
}

TEST(host_services, memory_is_aligned_and_accounted_until_it_is_given_back) {  // HOST-01
  const auto before = rondo::plugin_memory();
  for (const std::uint64_t alignment : {1, 16, 128, 4096}) {
    void* const memory = host.allocate(host.self, 1000, alignment);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignment, 0u);
    std::memset(memory, 0xab, 1000);
    EXPECT_EQ(rondo::plugin_memory().bytes, before.bytes + 1000);
    EXPECT_EQ(rondo::plugin_memory().blocks, before.blocks + 1);
    host.deallocate(host.self, memory, 1000, alignment);
    EXPECT_EQ(rondo::plugin_memory().bytes, before.bytes);
    EXPECT_EQ(rondo::plugin_memory().blocks, before.blocks);
  }
}

TEST(host_services, memory_that_cannot_be_had_is_null_and_counts_nothing) {  // HOST-01
  const auto before = rondo::plugin_memory();
  EXPECT_EQ(host.allocate(host.self, 16, 0), nullptr);
  EXPECT_EQ(host.allocate(host.self, 16, 24), nullptr);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(host.allocate(host.self, UINT64_MAX / 4, 64), nullptr);
#endif
  host.deallocate(host.self, nullptr, 16, 16);
  EXPECT_EQ(rondo::plugin_memory().bytes, before.bytes);
  EXPECT_EQ(rondo::plugin_memory().blocks, before.blocks);
}

TEST(host_services, a_thread_knows_whether_it_is_in_a_call_from_the_host) {  // HOST-03
  EXPECT_EQ(host.on_host_call(host.self), 0u);
  {
    const rondo::host_call_guard outer;
    EXPECT_EQ(host.on_host_call(host.self), 1u);
    {
      const rondo::host_call_guard inner;
      EXPECT_EQ(host.on_host_call(host.self), 1u);
    }
    EXPECT_EQ(host.on_host_call(host.self), 1u);
    std::uint32_t elsewhere = 1;
    std::jthread([&] { elsewhere = host.on_host_call(host.self); }).join();
    EXPECT_EQ(elsewhere, 0u);
  }
  EXPECT_EQ(host.on_host_call(host.self), 0u);
}

TEST(host_services, cancellation_is_seen_by_plugins) {  // HOST-02
  EXPECT_EQ(host.cancelled(host.self), 0u);
  rondo::set_cancelled(true);
  EXPECT_EQ(host.cancelled(host.self), 1u);
  rondo::set_cancelled(false);
  EXPECT_EQ(host.cancelled(host.self), 0u);
}

TEST(host_services, spans_are_counted_and_reach_the_sink_while_there_is_one) {
  const auto before = rondo::traced_spans();
  host.trace(host.self, text("alone"), 1, 2);
  EXPECT_EQ(rondo::traced_spans(), before + 1);
  std::string seen;
  rondo::set_trace_sink([&](std::string_view name, std::uint64_t begin, std::uint64_t end) {
    seen += std::string(name) + ":" + std::to_string(end - begin) + " ";
  });
  host.trace(host.self, text("load"), 10, 25);
  rondo::set_trace_sink([](auto&&...) { throw std::runtime_error("a sink that fails"); });
  host.trace(host.self, text("lost"), 10, 25);
  rondo::set_trace_sink(nullptr);
  host.trace(host.self, text("unseen"), 10, 25);
  EXPECT_EQ(seen, "load:15 ");
  EXPECT_EQ(rondo::traced_spans(), before + 4);
}

// Asked for before main(), so that it is the last that runs when the process ends: what the host
// made since then and would give up of its own accord has gone.
std::atomic<bool> asks_at_the_end{false};
__attribute__((constructor)) void ask_at_the_end() {
  std::atexit([] {
    if (!asks_at_the_end) return;
    host.log(host.self, RONDO_LOG_ERROR, text("fixture"), text("the last words"));
    host.trace(host.self, text("the end"), 1, 2);
    void* const memory = host.allocate(host.self, 64, 64);
    const bool served = memory != nullptr && host.cancelled(host.self) == 0 &&
                        host.on_host_call(host.self) == 0 && rondo::traced_spans() > 0;
    host.deallocate(host.self, memory, 64, 64);
    std::fputs(served ? "served to the end\n" : "let down at the end\n", stderr);
  });
}

TEST(host_services, are_there_until_the_process_ends) {  // HOST-08
  const auto end_process = [] {
    host.log(host.self, RONDO_LOG_ERROR, text("fixture"), text("the first words"));
    asks_at_the_end = true;
    std::exit(7);
  };
  EXPECT_EXIT(
      end_process(), testing::ExitedWithCode(7),
      testing::AllOf(testing::HasSubstr("the first words"), testing::HasSubstr("the last words"),
                     testing::HasSubstr("served to the end")));
}

TEST(host_services, what_a_plugin_logs_carries_its_component) {
  testing::internal::CaptureStderr();
  host.log(host.self, RONDO_LOG_ERROR, text("fixture"), text("with {braces} and %s"));
  host.log(host.self, RONDO_LOG_DEBUG, text("fixture"), text("not for every day"));
  host.log(host.self, RONDO_LOG_ERROR, {nullptr, 0}, {nullptr, 0});
  const auto written = testing::internal::GetCapturedStderr();
  EXPECT_THAT(written, testing::HasSubstr("fixture: with {braces} and %s"));
  EXPECT_THAT(written, testing::Not(testing::HasSubstr("every day")));
}

}  // namespace
