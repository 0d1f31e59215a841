// How asynchronous calls end that get no reply, and that nothing is lost or left behind then.
#include "coroutine.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>

namespace {

using namespace core_test;
using rondo::terminate_mode;
using rondo::wait_policy;
using testing::HasSubstr;

using reply = rondo::result<answer>;
using clock = std::chrono::steady_clock;

// Beyond the promised 10 and 100 ms, as the machine may be loaded.
constexpr auto grace = 2s;

TEST(async_end, comes_at_the_deadline_and_not_before) {
  std::chrono::nanoseconds shortest = patience;  // the machine may be late now and then
  for (const int kernels : {1, 3}) {
    auto runtime = open_runtime();
    std::vector<std::future<reply>> futures;
    const auto begin = clock::now();
    for (int k = 0; k < kernels; ++k)
      futures.push_back(
          runtime.launch<oracle>({.id = "k" + std::to_string(k)}).call_async({}, 40ms + k * 1ms));
    for (auto& future : futures) {
      const auto late = future.get();
      EXPECT_GE(clock::now() - begin, 40ms);
      shortest = std::min<std::chrono::nanoseconds>(shortest, clock::now() - begin);
      ASSERT_EQ(late.code(), RONDO_TIMEOUT);
      EXPECT_FALSE(late.failure().remedy.empty());
    }
  }
  EXPECT_LT(shortest, 40ms + grace);
}

TEST(async_end, at_an_earlier_deadline_comes_first) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>();
  auto late = kernel.call_async({}, patience);
  std::this_thread::sleep_for(5ms);  // the thread sleeps for the first deadline
  EXPECT_TRUE(takes_less_than(grace, [&] {
    const auto begin = clock::now();
    EXPECT_EQ(kernel.call_async({}, 10ms).get().code(), RONDO_TIMEOUT);
    return clock::now() - begin;
  }));
  EXPECT_NE(late.wait_for(0s), std::future_status::ready);
}

TEST(async_end, by_deadline_leaves_the_reply_to_be_counted_as_late) {
  running<gated> it;
  gate_use shut(0);
  auto late = it.kernel.call_async({.gate = 0}, 10ms);
  EXPECT_EQ(late.get().code(), RONDO_TIMEOUT);
  shut.open();
  EXPECT_TRUE(it.kernel.call({.gate = no_gate}, patience));
  EXPECT_EQ(it.kernel.snapshot().late_replies, 1u);
}

class async_terminate : public testing::TestWithParam<bool> {};  // whether to avoid the map

TEST_P(async_terminate, completes_everything_once_with_a_reply_or_terminated) {
  for (int round = 0; round < 10; ++round) {
    running<oracle> it({.wait = wait_policy::park, .avoid_mapped = GetParam()});
    std::atomic<std::uint64_t> made{0}, answered{0}, terminated{0};
    std::vector<std::jthread> callers;
    for (int t = 0; t < 3; ++t)
      callers.emplace_back([&] {
        for (bool goes_on = true; goes_on;) {
          ++made;
          std::promise<bool> sent;
          it.kernel.call_async({}, patience, [&](reply got) {
            EXPECT_TRUE(got || got.code() == RONDO_TERMINATED) << got.failure().text();
            ++(got ? answered : terminated);
          });
          goes_on = terminated == 0;
        }
      });
    ASSERT_TRUE(eventually([&] { return answered > 20; }));
    it.kernel.terminate({.mode = terminate_mode::discard});
    callers.clear();
    EXPECT_TRUE(eventually([&] { return answered + terminated == made; }));
    EXPECT_GT(terminated, 0u);
  }
}

TEST_P(async_terminate, completes_what_waits_for_an_inactive_kernel_though_it_lives_again_at_once) {
  running<oracle> it({.wait = wait_policy::park, .avoid_mapped = GetParam()});
  std::chrono::nanoseconds shortest = patience;  // the machine may be late now and then
  for (int round = 0; round < 10; ++round) {
    it.kernel.deactivate();
    std::vector<std::future<reply>> futures;
    for (int i = 0; i < 20; ++i) futures.push_back(it.kernel.call_async({}, patience));
    const auto begin = clock::now();
    it.kernel.terminate({.mode = terminate_mode::discard});
    it.kernel.relaunch();
    it.kernel.activate();
    for (auto& future : futures) ASSERT_EQ(future.get().code(), RONDO_TERMINATED);
    shortest = std::min<std::chrono::nanoseconds>(shortest, clock::now() - begin);
    ASSERT_TRUE(it.kernel.call_async({}, patience).get());
  }
  EXPECT_LT(shortest, grace);
}

TEST_P(async_terminate, by_drain_still_delivers_what_was_answered) {
  running<oracle> it({.avoid_mapped = GetParam()});
  it.kernel.deactivate();
  std::vector<std::future<reply>> futures;
  for (std::uint64_t i = 0; i < 20; ++i)
    futures.push_back(it.kernel.call_async({.nonce = i}, patience));
  it.kernel.activate();
  it.kernel.terminate();
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_TRUE(answers(*futures[i].get(), i));
}

INSTANTIATE_TEST_SUITE_P(through, async_terminate, testing::Bool(), [](const auto& it) {
  return std::string(it.param ? "calls" : "the_map");
});

TEST(async_end, of_a_hung_kernel_says_so) {
  running<gated> it({.handler_deadline = 20ms});
  gate_use shut(0);
  const auto begin = clock::now();
  const auto hung = it.kernel.call_async({.gate = 0}, patience).get();
  EXPECT_EQ(hung.code(), RONDO_HANDLER_HUNG);
  EXPECT_LT(clock::now() - begin, 20ms + 5 * grace);
}

TEST(async_end, after_terminate_is_told_at_once) {
  running<oracle> it;
  it.kernel.terminate();
  const auto refused = it.kernel.call_async({}, patience).get();
  ASSERT_EQ(refused.code(), RONDO_TERMINATED);
  EXPECT_FALSE(refused.failure().remedy.empty());
}

TEST(async_end, by_a_callback_that_throws_is_logged_and_harms_nobody) {
  testing::internal::CaptureStderr();
  {
    running<oracle> it;
    it.kernel.call_async({}, patience, [](reply) { throw std::runtime_error("a bad day"); });
    it.kernel.call_async({}, patience, [](reply) { throw 17; });
    [](auto kernel) -> detached {
      (void)co_await kernel.co_call({}, patience);
      throw std::logic_error("a bad coroutine");
    }(it.kernel);
    EXPECT_TRUE(it.kernel.call_async({}, patience).get());
  }
  // Not before: the exception is thrown while the coroutine is still there.
  if (detached::left_by_exception()) detached::left_by_exception().destroy();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("Oracle: the callback of a call threw: a bad day"));
  EXPECT_THAT(text, HasSubstr("something that is no exception"));
  EXPECT_THAT(text, HasSubstr("a bad coroutine"));
}

TEST(async_end, of_a_future_that_was_dropped_is_forgotten) {
  running<gated> it;
  gate_use shut(0);
  { auto dropped = it.kernel.call_async({.gate = 0}, patience); }
  shut.open();
  EXPECT_TRUE(it.kernel.call_async({.gate = no_gate}, patience).get());
  EXPECT_EQ(it.kernel.snapshot().late_replies, 0u);
}

TEST(async_end, of_a_coroutine_that_was_destroyed_is_forgotten) {
  running<gated> it;
  gate_use shut(0);
  bool is_resumed = false;
  const owned waiting = [](auto kernel, bool& resumed) -> owned {
    (void)co_await kernel.co_call({.gate = 0}, patience);
    resumed = true;
  }(it.kernel, is_resumed);
  ASSERT_TRUE(shut.reached());
  waiting.handle.destroy();
  shut.open();
  EXPECT_TRUE(it.kernel.call_async({.gate = no_gate}, patience).get());
  EXPECT_FALSE(is_resumed);
}

TEST(async_end, by_close_comes_before_close_returns) {
  for (const bool manual : {false, true}) {
    auto options = hermetic();
    options.manual_completion = manual;
    auto runtime = rondo::runtime::open(options);
    auto active = runtime.launch<oracle>({.id = "active"});
    auto inactive = runtime.launch<oracle>({.id = "inactive"});
    active.activate();
    std::atomic<int> answered{0}, terminated{0};
    const auto count = [&](reply got) { ++(got ? answered : terminated); };
    for (int i = 0; i < 10; ++i) active.call_async({}, patience, count);
    for (int i = 0; i < 10; ++i) inactive.call_async({}, patience, count);
    [](auto kernel, auto then) -> detached { then(co_await kernel.co_call({}, patience)); }(
                                   inactive, count);
    ASSERT_TRUE(eventually([&] { return active.snapshot().messages_in == 10; }));
    runtime.close();
    EXPECT_EQ(answered, 10);
    EXPECT_EQ(terminated, 11);
    // From now on at once, on this thread.
    bool is_called = false;
    active.call_async({}, patience, [&](reply got) {
      EXPECT_EQ(got.code(), RONDO_TERMINATED);
      is_called = true;
    });
    EXPECT_TRUE(is_called);
    EXPECT_EQ(active.call_async({}, patience).get().code(), RONDO_TERMINATED);
    [](auto kernel, auto then) -> detached { then(co_await kernel.co_call({}, patience)); }(active,
                                                                                            count);
    EXPECT_EQ(terminated, 12);
  }
}

TEST(async_end, by_a_callback_that_closes_the_runtime_completes_the_rest) {
  const std::size_t threads = thread_count();
  std::promise<void> closed;
  std::atomic<int> terminated{0};
  {
    auto runtime = std::make_unique<rondo::runtime>(open_runtime());
    auto kernel = runtime->launch<oracle>({.id = "inactive"});
    auto other = runtime->launch<oracle>({.id = "active"});
    other.activate();
    for (int i = 0; i < 5; ++i)
      kernel.call_async({}, patience,
                        [&](reply got) { terminated += got.code() == RONDO_TERMINATED; });
    other.call_async({}, patience, [&](reply got) {
      EXPECT_TRUE(got);
      runtime.reset();
      EXPECT_EQ(terminated, 5);
      closed.set_value();
    });
    closed.get_future().wait();
  }
  EXPECT_EQ(terminated, 5);
  // The thread that closed it was its own, and ends by itself.
  EXPECT_TRUE(eventually([&] { return thread_count() == threads; }));
}

TEST(polling, completes_on_the_thread_that_polls_and_needs_no_other) {
  const std::size_t before = thread_count();
  auto options = hermetic();
  options.manual_completion = true;
  auto runtime = rondo::runtime::open(options);
  auto kernel = runtime.launch<oracle>();
  kernel.activate();
  EXPECT_EQ(runtime.poll(), 0u);
  std::thread::id here;
  std::size_t nested = 1;
  kernel.call_async({.nonce = 4}, patience, [&](reply got) {
    EXPECT_TRUE(got && answers(*got, 4));
    here = std::this_thread::get_id();
    nested = runtime.poll();
  });
  auto future = kernel.call_async({.nonce = 5}, patience);
  auto late = kernel.call_async({.nonce = 6}, 0ms);
  EXPECT_EQ(thread_count(), before + 1);
  std::size_t completed = 0;
  EXPECT_TRUE(eventually([&] { return (completed += runtime.poll()) == 3; }));
  EXPECT_EQ(here, std::this_thread::get_id());
  EXPECT_EQ(nested, 0u);
  EXPECT_TRUE(answers(*future.get(), 5));
  EXPECT_EQ(late.get().code(), RONDO_TIMEOUT);
}

TEST(polling, of_a_runtime_with_a_thread_is_refused) {
  auto runtime = open_runtime();
  const auto refused = refusal_of([&] { runtime.poll(); });
  EXPECT_EQ(refused.code, RONDO_INVALID_STATE);
  EXPECT_THAT(refused.remedy, HasSubstr("manual_completion"));
}

}  // namespace
