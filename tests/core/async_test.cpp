// Calls whose caller goes on: futures, callbacks, awaitables; who completes them, when, and what
// happens when something ends before they do.
#include "coroutine.hpp"
#include "ways.hpp"

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <time.h>

#include <atomic>
#include <future>
#include <latch>
#include <set>

namespace {

using namespace core_test;
using rondo::wait_policy;
using testing::HasSubstr;

using outcome = rondo::result<answer>;

class async_call : public testing::TestWithParam<way> {};

TEST_P(async_call, completes_a_future_a_callback_and_a_coroutine) {
  running<oracle> it(GetParam().options(64, 64));
  for (std::uint64_t i = 1; i <= 30; ++i) {
    auto future = it.kernel.call_async({.nonce = i}, patience);
    std::promise<outcome> called;
    it.kernel.call_async({.nonce = 100 + i}, patience,
                         [&](outcome got) { called.set_value(std::move(got)); });
    std::promise<outcome> resumed;
    [](auto kernel, std::uint64_t nonce, std::promise<outcome>& to) -> detached {
      to.set_value(co_await kernel.co_call({.nonce = nonce}, patience));
    }(it.kernel, 200 + i, resumed);
    const auto from_future = future.get();
    ASSERT_TRUE(from_future) << from_future.failure().text();
    EXPECT_TRUE(answers(*from_future, i));
    EXPECT_TRUE(answers(*called.get_future().get(), 100 + i));
    EXPECT_TRUE(answers(*resumed.get_future().get(), 200 + i));
  }
  EXPECT_EQ(it.kernel.snapshot().sent, 90u);
  EXPECT_EQ(it.kernel.snapshot().late_replies, 0u);
}

TEST_P(async_call, of_64_threads_gives_each_its_own_answers) {
  const std::uint64_t callers = GetParam().one_sender ? 1 : 64;
  constexpr std::uint64_t each = 20;
  running<oracle> it(GetParam().options(32, 32));  // fewer slots than there are calls
  std::atomic<std::uint64_t> completed{0};
  std::latch start(static_cast<std::ptrdiff_t>(callers));
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < callers; ++t)
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      std::vector<std::future<outcome>> futures;
      for (std::uint64_t i = 0; i < each; ++i) {
        const std::uint64_t nonce = t << 32 | i;
        if (i % 2 == 0) {
          futures.push_back(it.kernel.call_async({.nonce = nonce}, patience));
          continue;
        }
        it.kernel.call_async({.nonce = nonce}, patience, [&, nonce](outcome got) {
          EXPECT_TRUE(got && answers(*got, nonce));
          ++completed;
        });
      }
      for (std::uint64_t i = 0; i < futures.size(); ++i) {
        const auto got = futures[i].get();
        ASSERT_TRUE(got) << got.failure().text();
        ASSERT_TRUE(answers(*got, t << 32 | 2 * i));
        ++completed;
      }
    });
  threads.clear();
  EXPECT_TRUE(eventually([&] { return completed == callers * each; }));
  EXPECT_EQ(it.kernel.snapshot().late_replies, 0u);
}

TEST_P(async_call, goes_on_beside_calls_sends_and_receivers) {
  if (GetParam().one_sender) GTEST_SKIP() << "several threads send here";
  constexpr std::uint64_t total = 300;
  running<oracle> it(GetParam().options(16, 16));
  std::vector<std::jthread> threads;
  std::atomic<std::uint64_t> completed{0};
  for (std::uint64_t t = 1; t <= 2; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < total; ++i)
        ASSERT_TRUE(answers(*it.kernel.call({.nonce = t << 40 | i}, patience), t << 40 | i));
    });
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < total; ++i)
        it.kernel.call_async({.nonce = t << 50 | i}, patience, [&, t, i](outcome got) {
          EXPECT_TRUE(got && answers(*got, t << 50 | i));
          ++completed;
        });
    });
  }
  threads.emplace_back([&] {
    for (std::uint64_t i = 0; i < total; ++i) ASSERT_TRUE(it.kernel.send({.nonce = i}, patience));
  });
  for (std::uint64_t i = 0; i < total; ++i)
    ASSERT_TRUE(answers(*it.kernel.receive(patience)->outcome, i)) << i;
  threads.clear();
  EXPECT_TRUE(eventually([&] { return completed == 2 * total; }));
  EXPECT_EQ(it.kernel.snapshot().sent, 5 * total);
  EXPECT_EQ(it.kernel.try_receive().code(), RONDO_EMPTY);
}

TEST_P(async_call, may_call_again_and_send_from_its_callback) {
  running<oracle> it(GetParam().options(8, 8));
  constexpr std::uint64_t links = 200;
  std::promise<void> done;
  std::function<void(std::uint64_t)> link = [&](std::uint64_t i) {
    it.kernel.call_async({.nonce = i}, patience, [&, i](outcome got) {
      EXPECT_TRUE(got && answers(*got, i));
      const bool sends = i % 50 == 0, calls = i % 70 == 0;
      EXPECT_TRUE(!sends || it.kernel.send({.nonce = i}, patience));
      EXPECT_TRUE(!calls || it.kernel.call({.nonce = i}, patience));
      if (i < links) link(i + 1);
      else done.set_value();
    });
  };
  link(1);
  ASSERT_EQ(done.get_future().wait_for(patience), std::future_status::ready);
  for (std::uint64_t i = 50; i <= links; i += 50)
    EXPECT_TRUE(answers(*it.kernel.receive(patience)->outcome, i));
}

INSTANTIATE_TEST_SUITE_P(through, async_call, testing::ValuesIn(all_ways), name_of_way);

TEST(async, has_no_thread_until_it_is_used_and_one_then) {
  const std::size_t before = thread_count();
  {
    running<oracle> it;
    running<oracle> other;
    ASSERT_TRUE(it.kernel.call({}, patience));
    EXPECT_EQ(thread_count(), before + 2) << "a kernel's each";
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(it.kernel.call_async({}, patience).get());
    EXPECT_EQ(thread_count(), before + 3);
  }
  EXPECT_TRUE(eventually([&] { return thread_count() == before; }));
}

TEST(async, completes_on_one_thread_that_is_not_the_callers) {
  running<oracle> it;
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::latch done(20);
  const auto note = [&](outcome) {
    const std::lock_guard lock(mutex);
    ids.insert(std::this_thread::get_id());
    done.count_down();
  };
  std::vector<std::jthread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        it.kernel.call_async({}, patience, note);
        EXPECT_TRUE(it.kernel.call({}, patience));
      }
    });
  done.wait();
  const std::lock_guard lock(mutex);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_FALSE(ids.contains(std::this_thread::get_id()));
}

// Processor time of the thread that completes, as it tells itself.
std::chrono::nanoseconds time_of_completion_thread(rondo::kernel<gated>& kernel) {
  std::promise<std::chrono::nanoseconds> told;
  kernel.call_async({.gate = no_gate}, patience, [&](outcome) {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    told.set_value(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
  });
  return told.get_future().get();
}

TEST(async, costs_no_time_while_nothing_is_outstanding) {
  running<gated> it({.wait = wait_policy::park});
  EXPECT_TRUE(takes_less_than(is_sanitized ? 20ms : 5ms, [&] {
    const auto before = time_of_completion_thread(it.kernel);
    std::this_thread::sleep_for(300ms);
    return time_of_completion_thread(it.kernel) - before;
  }));
}

TEST(async, sleeps_while_one_kernel_works) {
  running<gated> it({.wait = wait_policy::park});
  running<gated> idle({.id = "other"});
  EXPECT_TRUE(takes_less_than(is_sanitized ? 60ms : 15ms, [&] {
    gate_use shut(0);
    const auto before = time_of_completion_thread(it.kernel);
    auto future = it.kernel.call_async({.gate = 0}, patience);
    EXPECT_TRUE(shut.reached());
    std::this_thread::sleep_for(300ms);
    shut.open();
    EXPECT_TRUE(future.get());
    return time_of_completion_thread(it.kernel) - before;
  }));
}

TEST(async, completes_calls_of_several_kernels) {
  auto runtime = open_runtime();
  std::vector<rondo::kernel<oracle>> kernels;
  for (int k = 0; k < 5; ++k) {
    kernels.push_back(runtime.launch<oracle>(
        {.id = "k" + std::to_string(k), .wait = wait_policy::park, .avoid_mapped = k % 2 == 1}));
    kernels.back().activate();
  }
  for (std::uint64_t round = 1; round <= 40; ++round) {
    std::vector<std::future<outcome>> futures;
    for (auto& kernel : kernels) futures.push_back(kernel.call_async({.nonce = round}, patience));
    for (auto& future : futures) {
      const auto got = future.get();
      ASSERT_TRUE(got) << got.failure().text();
      EXPECT_TRUE(answers(*got, round));
    }
  }
}

TEST(async, coroutines_choose_how_their_request_is_sent_as_callers_do) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>(
      {.input_capacity = 16, .urgent_lane = true, .timed = true, .duplicate_window = 8});
  const auto ask = [&](std::uint64_t nonce, const rondo::send_options& how) {
    std::promise<outcome> told;
    auto answer = told.get_future();
    [](auto callee, auto what, auto by, std::promise<outcome> to) -> detached {
      to.set_value(co_await callee.co_call({.nonce = what}, patience, by));
    }(kernel, nonce, how, std::move(told));
    return answer;
  };
  auto normal = ask(1, {});
  auto late = ask(2, {.ttl = 1ns});
  auto named = ask(3, {.key = 5});
  auto again = ask(4, {.key = 5});
  auto urgent = ask(5, {.urgent = true});
  EXPECT_EQ(again.get().code(), RONDO_REPEATED);
  kernel.activate();
  EXPECT_EQ(urgent.get()->count, 1u) << "handled before what was sent before it";
  EXPECT_EQ(normal.get()->count, 2u);
  EXPECT_EQ(late.get().code(), RONDO_EXPIRED);
  EXPECT_EQ(named.get()->count, 3u);
  EXPECT_EQ(kernel.snapshot().duplicates, 1u);
}

TEST(async, waits_for_room_in_the_input_as_send_does) {
  auto runtime = open_runtime();
  auto kernel = runtime.launch<oracle>({.input_capacity = 2});
  auto first = kernel.call_async({.nonce = 1}, patience);
  auto second = kernel.call_async({.nonce = 2}, patience);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(kernel.call_async({}, 15ms).get().code(), RONDO_TIMEOUT);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 15ms);
  EXPECT_EQ(kernel.call_async({}, 0ms).get().code(), RONDO_TIMEOUT);
  EXPECT_EQ(kernel.snapshot().sent, 2u);
  kernel.activate();
  EXPECT_TRUE(answers(*first.get(), 1));
  EXPECT_TRUE(answers(*second.get(), 2));
}

TEST(async, does_not_wait_for_room_on_the_thread_that_completes) {
  auto runtime = open_runtime();
  auto full = runtime.launch<oracle>({.id = "full", .input_capacity = 1});
  full.send({}, patience).value();
  auto other = runtime.launch<oracle>({.id = "other"});
  other.activate();
  std::promise<rondo::status> told;
  other.call_async({}, patience, [&](outcome) {
    full.call_async({}, patience, [&](outcome got) { told.set_value(got.code()); });
  });
  EXPECT_EQ(told.get_future().get(), RONDO_FULL);
}

TEST(async, is_moved_on_by_callers_though_the_output_is_full) {
  running<oracle> it({.input_capacity = 2, .output_capacity = 1});
  std::vector<std::future<outcome>> futures;
  for (std::uint64_t i = 0; i < 200; ++i)
    futures.push_back(it.kernel.call_async({.nonce = i}, patience));
  for (std::uint64_t i = 0; i < 200; ++i) EXPECT_TRUE(answers(*futures[i].get(), i));
}

TEST(async, tells_what_the_handler_says_and_what_cannot_be_sent) {
  running<culprit> it;
  const auto failed =
      it.kernel.call_async({.what = misdeed::fail, .user_code = 4, .text = "no"}, patience).get();
  ASSERT_EQ(failed.code(), RONDO_HANDLER_FAILED);
  EXPECT_EQ(failed.failure().object, "Culprit");
  EXPECT_THAT(failed.failure().message, HasSubstr("no (handler's code 4)"));
  running<measuring> host_only;
  word_list large, poison;
  for (int i = 0; i < 500; ++i) large.words[std::to_string(i)] = i;
  EXPECT_EQ(host_only.kernel.call_async(large, patience).get().code(), RONDO_TOO_LARGE);
  poison.words["poison"] = 1;
  const auto malformed = host_only.kernel.call_async(poison, patience).get();
  ASSERT_EQ(malformed.code(), RONDO_MALFORMED);
  EXPECT_THAT(malformed.failure().message, HasSubstr("a reader that throws what it likes"));
  EXPECT_TRUE(host_only.kernel.call_async({}, patience).get());
}

TEST(async, works_with_a_backend_that_has_only_calls) {
  auto options = hermetic();
  options.plugin_paths.push_back(loader_support::fixture("plain_c"));
  options.only_backends = {};
  auto runtime = rondo::runtime::open(options);
  auto kernel = runtime.launch<oracle>({.backend = "plain_c"});
  auto early = kernel.call_async({.nonce = 7}, patience);
  kernel.activate();
  EXPECT_TRUE(answers(*early.get(), 7));
  for (std::uint64_t i = 0; i < 50; ++i)
    EXPECT_TRUE(answers(*kernel.call_async({.nonce = i}, patience).get(), i));
  kernel.deactivate();
  auto lost = kernel.call_async({}, patience);
  kernel.terminate({.mode = rondo::terminate_mode::discard});
  EXPECT_EQ(lost.get().code(), RONDO_TERMINATED);
}

}  // namespace
