// Kernels that share the threads of a pool: how many there can be and what they cost while idle,
// that no wake-up is lost, that nobody starves, and what happens to threads whose handler does not
// return.
#include "support.hpp"

#include <rondo/kernel/registration.hpp>

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <functional>

namespace pool_test {

using namespace core_test;

// What a handler of the test does beside counting.
inline std::atomic<std::uint64_t> flood_handled{0};
inline std::function<void(std::uint64_t)> at_each_of_the_flood;
inline std::atomic<std::uint64_t> flood_seen_by_probe{0};

struct flooded {
  static constexpr rondo::handler_id id{"Flooded"};
  using request = question;
  using response = answer;
  void operator()(const request&, rondo::emitter<response>&, rondo::context&) {
    at_each_of_the_flood(++flood_handled);
  }
};
struct probe {
  static constexpr rondo::handler_id id{"Probe"};
  using request = question;
  using response = answer;
  void operator()(const request& in, rondo::emitter<response>&, rondo::context&) {
    flood_seen_by_probe = flood_handled - in.nonce;
  }
};
RONDO_KERNEL(flooded);
RONDO_KERNEL(probe);

}  // namespace pool_test

namespace {

using namespace core_test;
using namespace pool_test;
using rondo::kernel_state;
using testing::HasSubstr;

rondo::launch_options in_pool(rondo::launch_options options = {}) {
  options.threads = rondo::kernel_threads::pool;
  return options;
}
rondo::launch_options small_in_pool(std::string id) {
  return in_pool(
      {.id = std::move(id), .input_capacity = 2, .output_capacity = 2, .failure_text = 0});
}
rondo::runtime open_with_threads(int count) {
  auto options = hermetic();
  options.device_options = {{"cpu", "pool_threads", std::to_string(count)}};
  return rondo::runtime::open(options);
}

std::uint64_t handled_by_all(const std::vector<rondo::kernel<oracle>>& kernels) {
  std::uint64_t handled = 0;
  for (const auto& kernel : kernels) handled += kernel.snapshot().messages_in;
  return handled;
}

std::chrono::nanoseconds processor_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ns = [](const timeval& t) { return t.tv_sec * 1s + t.tv_usec * 1us; };
  return ns(used.ru_utime) + ns(used.ru_stime);
}
std::uint64_t resident_bytes() {
  std::uint64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST(pool, runs_ten_thousand_kernels_that_cost_nothing_while_they_are_idle) {
  constexpr std::size_t count = is_sanitized ? 500 : 10'000;
  constexpr std::uint64_t bytes_each = 24 * 1024;
  const std::size_t threads = thread_count();
  auto runtime = open_with_threads(2);
  const std::uint64_t bytes = resident_bytes();
  std::vector<rondo::kernel<oracle>> kernels;
  for (std::size_t i = 0; i < count; ++i) {
    kernels.push_back(runtime.launch<oracle>(small_in_pool("k" + std::to_string(i))));
    kernels.back().activate();
  }
  EXPECT_EQ(thread_count(), threads + 2);
  if (!is_sanitized) {
    EXPECT_LT(resident_bytes() - bytes, count * bytes_each);
  }
  for (std::size_t i = 0; i < count; ++i)
    ASSERT_TRUE(answers(*kernels[i].call({.nonce = i}, patience), i)) << i;

  // Not a wait for something: the time over which the processor time is measured. Before, whatever
  // the last call left to do has to be over; several attempts, because the machine has other users.
  constexpr auto window = 200ms;
  EXPECT_TRUE(eventually([&] {
    const auto before = processor_time();
    std::this_thread::sleep_for(window);
    return processor_time() - before < window / 20;
  }));
  for (std::size_t i = 0; i < count; ++i)
    ASSERT_TRUE(answers(*kernels[i].call({.nonce = i}, patience), i)) << i;
  EXPECT_TRUE(eventually([&] { return handled_by_all(kernels) == 2 * count; }));
}

// Nobody spins: every message to an idle kernel needs its wake-up, and callers come just when the
// kernel goes idle. One that is lost shows as a call that lasts until its deadline.
TEST(pool, loses_no_message_that_comes_while_its_kernel_goes_idle) {
  constexpr int senders = 3, kernels_in_all = 5;
  constexpr std::uint64_t calls_each = is_sanitized ? 2000 : 20'000;
  for (const auto publish : {rondo::publish_policy::word, rondo::publish_policy::counted,
                             rondo::publish_policy::chunked}) {
    auto runtime = open_with_threads(2);
    std::vector<rondo::kernel<oracle>> kernels;
    for (int i = 0; i < kernels_in_all; ++i) {
      kernels.push_back(runtime.launch<oracle>(in_pool({.id = "k" + std::to_string(i),
                                                        .input_capacity = 8,
                                                        .output_capacity = 8,
                                                        .publish = publish,
                                                        .spin_time = 5us})));
      kernels.back().activate();
    }
    std::vector<std::jthread> threads;
    for (int t = 0; t < senders; ++t)
      threads.emplace_back([&, t] {
        std::uint64_t x = static_cast<std::uint64_t>(t) + 1;
        for (std::uint64_t i = 0; i < calls_each && !testing::Test::HasFailure(); ++i) {
          x = secret(x, i);
          const auto reply = kernels[x % kernels_in_all].call({.nonce = x}, 20s);
          EXPECT_TRUE(reply && answers(*reply, x)) << "a wake-up was lost in call " << i;
          // Let the kernel fall asleep, at a different moment each time.
          for (std::uint64_t pause = 0; pause < x % 256; ++pause) rondo::ring::platform::pause();
        }
      });
    threads.clear();
    EXPECT_TRUE(eventually([&] { return handled_by_all(kernels) == senders * calls_each; }));
  }
}

TEST(pool, keeps_the_order_of_a_kernels_messages_whichever_thread_takes_them) {
  auto runtime = open_with_threads(4);
  auto kernel = runtime.launch<oracle>(in_pool());
  kernel.activate();
  std::jthread sender([&] {
    for (std::uint64_t i = 1; i <= 20'000; ++i) kernel.send({.nonce = i}, patience).value();
  });
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    const auto reply = kernel.receive(patience).value().outcome.value();
    ASSERT_EQ(reply.count, i);
    ASSERT_TRUE(answers(reply, i));
  }
}

// With one thread, a message to another kernel waits for no more than the rest of one turn of the
// flood. The flood's own handler sends it, so that both are counted by the same thread.
TEST(pool, lets_a_message_wait_for_no_more_than_64_of_a_kernel_that_is_flooded) {
  constexpr std::uint64_t bound = 64;
  auto runtime = open_with_threads(1);
  auto flood = runtime.launch<flooded>(in_pool({.input_capacity = 1024}));
  auto other = runtime.launch<probe>(in_pool());
  flood_handled = 0;
  at_each_of_the_flood = [&](std::uint64_t n) {
    if (n % 1000 != 500) return;
    EXPECT_TRUE(other.try_send({.nonce = n}));
  };
  other.activate();
  for (int i = 0; i < 1024; ++i) flood.send({}, patience).value();
  flood.activate();
  std::jthread sender([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)flood.send({}, 10ms);
  });
  std::uint64_t worst = 0;
  for (std::uint64_t seen = 0; seen < 100 && !HasFailure();) {
    ASSERT_TRUE(eventually([&] { return other.snapshot().messages_in > seen; }));
    seen = other.snapshot().messages_in;
    worst = std::max(worst, flood_seen_by_probe.load());
  }
  sender.request_stop();
  sender.join();
  EXPECT_LE(worst, bound);
  EXPECT_GT(flood_handled, 100u * 100u);
  flood.terminate();
}

TEST(pool, replaces_a_thread_whose_handler_hangs_though_nobody_looks_at_that_kernel) {
  const std::size_t threads = thread_count();
  auto runtime = open_with_threads(1);
  gate_use shut(0);
  auto hung = runtime.launch<gated>(in_pool({.handler_deadline = 20ms}));
  auto other = runtime.launch<oracle>(in_pool());
  hung.activate();
  other.activate();
  hung.send({.gate = 0}, patience).value();
  ASSERT_TRUE(shut.reached());
  for (std::uint64_t i = 0; i < 100; ++i)
    ASSERT_TRUE(answers(*other.call({.nonce = i}, patience), i));
  EXPECT_EQ(hung.state(), kernel_state::failed);
  EXPECT_EQ(refusal_of([&] { hung.terminate({.deadline = 1ms}); }).code, RONDO_HANDLER_HUNG);
  shut.open();  // the lost thread ends, the successor and the one that watches stay
  EXPECT_TRUE(eventually([&] { return thread_count() == threads + 2; }));
}

TEST(pool, replaces_the_thread_of_a_kernel_that_terminate_gives_up) {
  const std::size_t threads = thread_count();
  auto runtime = open_with_threads(1);
  gate_use shut(0);
  auto hung = runtime.launch<gated>(in_pool());
  auto other = runtime.launch<oracle>(in_pool());
  hung.activate();
  other.activate();
  hung.send({.gate = 0}, patience).value();
  ASSERT_TRUE(shut.reached());
  EXPECT_EQ(other.call({}, 20ms).code(), RONDO_TIMEOUT) << "there is one thread only";
  EXPECT_EQ(refusal_of([&] {
              hung.terminate({.mode = rondo::terminate_mode::discard, .deadline = 1ms});
            }).code,
            RONDO_HANDLER_HUNG);
  EXPECT_TRUE(answers(*other.call({.nonce = 3}, patience), 3));
  EXPECT_EQ(thread_count(), threads + 2);
  shut.open();
  EXPECT_TRUE(eventually([&] { return thread_count() == threads + 1; }));
}

TEST(pool, ends_a_kernel_in_time_that_no_thread_gets_to) {
  auto runtime = open_with_threads(1);
  gate_use shut(0);
  auto busy = runtime.launch<gated>(in_pool());
  std::vector<rondo::kernel<oracle>> drained;  // one for each attempt
  for (int i = 0; i < 5; ++i)
    drained.push_back(runtime.launch<oracle>(in_pool({.id = "drained-" + std::to_string(i)})));
  auto dropped = runtime.launch<oracle>(in_pool({.id = "dropped"}));
  std::vector<rondo::kernel<oracle>> all = drained;
  all.push_back(dropped);
  for (auto& each : all) each.activate();
  busy.activate();
  busy.send({.gate = 0}, patience).value();
  ASSERT_TRUE(shut.reached());
  for (auto& each : all)
    for (int i = 0; i < 3; ++i) each.send({}, patience).value();
  EXPECT_EQ(dropped.terminate({.mode = rondo::terminate_mode::discard, .deadline = 20ms}).discarded,
            3u);
  std::size_t ended = 0;
  EXPECT_TRUE(takes_less_than(20ms + 1s, [&] {
    auto& one = drained[ended++];
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(refusal_of([&] { one.terminate({.deadline = 20ms}); }).code, RONDO_TIMEOUT);
    return std::chrono::steady_clock::now() - begin;
  }));
  drained.erase(drained.begin() + static_cast<std::ptrdiff_t>(ended), drained.end());
  drained.push_back(dropped);
  for (auto& each : drained) {
    EXPECT_EQ(each.state(), kernel_state::terminated);
    EXPECT_EQ(each.snapshot().messages_in, 0u);
  }
  shut.open();
  dropped.relaunch();
  dropped.activate();
  EXPECT_TRUE(answers(*dropped.call({.nonce = 1}, patience), 1));
}

TEST(pool, goes_on_while_kernels_wait_for_room_in_their_outputs) {
  auto runtime = open_with_threads(1);
  auto replying = runtime.launch<oracle>(in_pool({.id = "replying", .output_capacity = 2}));
  auto emits = runtime.launch<emitting>(in_pool({.output_capacity = 2}));
  auto other = runtime.launch<oracle>(in_pool());
  replying.activate();
  emits.activate();
  other.activate();
  for (int i = 0; i < 5; ++i) replying.send({}, patience).value();
  emits.send({.count = 5}, patience).value();
  ASSERT_TRUE(eventually(
      [&] { return replying.snapshot().output_depth == 2 && emits.snapshot().output_depth == 2; }));
  for (std::uint64_t i = 0; i < 100; ++i)
    ASSERT_TRUE(answers(*other.call({.nonce = i}, patience), i));
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_EQ(replying.receive(patience).value().outcome.value().count, i);
  for (std::uint32_t i = 0; i < 5; ++i)
    EXPECT_EQ(emits.receive(patience).value().outcome.value().value, i);
}

TEST(pool, leaves_no_thread_behind) {
  const std::size_t threads = thread_count();
  for (int i = 0; i < 5; ++i) {
    auto runtime = open_with_threads(3);
    EXPECT_EQ(thread_count(), threads) << "no kernel has asked for the pool";
    auto kernel = runtime.launch<oracle>(in_pool({.handler_deadline = 10s}));
    kernel.activate();
    EXPECT_TRUE(answers(*kernel.call({.nonce = 1}, patience), 1));
  }
  EXPECT_TRUE(eventually([&] { return thread_count() == threads; }));
}

TEST(pool, refuses_what_it_cannot_do) {
  auto runtime = open_runtime();
  const auto spin =
      refusal_of([&] { runtime.launch<oracle>(in_pool({.wait = rondo::wait_policy::spin})); });
  EXPECT_EQ(spin.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(spin.message, HasSubstr("spin"));
  const auto pinned = refusal_of([&] { runtime.launch<oracle>(in_pool({.cpu = 0})); });
  EXPECT_EQ(pinned.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(pinned.message, HasSubstr("processor"));
  for (const auto& options : {in_pool({.input_full = rondo::when_full::drop_oldest}),
                              in_pool({.output_full = rondo::when_full::reject}),
                              in_pool({.urgent_lane = true}), in_pool({.timed = true})}) {
    const auto ruled = refusal_of([&] { runtime.launch<oracle>(options); });
    EXPECT_EQ(ruled.code, RONDO_UNSUPPORTED);
    EXPECT_THAT(ruled.message, HasSubstr("pool"));
  }
  EXPECT_EQ(refusal_of([&] { runtime.launch<oracle>({.threads = rondo::kernel_threads{7}}); }).code,
            RONDO_INVALID_ARGUMENT);
}

TEST(pool, has_as_many_threads_as_the_device_was_told) {
  for (const char* wrong : {"0", "1025", "two", "2x", ""}) {
    auto options = hermetic();
    options.device_options = {{"cpu", "pool_threads", wrong}};
    auto runtime = rondo::runtime::open(options);
    const auto info = refusal_of([&] { runtime.launch<oracle>(in_pool()); });
    EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT) << wrong;
    EXPECT_THAT(info.message, HasSubstr("pool_threads"));
  }
  auto twice = hermetic();
  twice.device_options = {{"cpu", "pool_threads", "2"}, {"cpu", "pool_threads", "3"}};
  const auto info = refusal_of([&] { (void)rondo::runtime::open(twice); });
  EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
  EXPECT_THAT(info.message, HasSubstr("pool_threads is given twice"));
  auto runtime = open_with_threads(3);
  auto kernel = runtime.launch<oracle>(in_pool());
  const auto properties = runtime.backends().at(0).devices.at(0).properties;
  EXPECT_THAT(properties, testing::Contains(testing::Pair("pool_threads", "3")));
}

}  // namespace
