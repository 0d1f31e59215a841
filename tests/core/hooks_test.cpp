// on_start with and without an argument, on_stop, on_timer: when they run, how often, and what
// becomes of their failures. Whatever may differ runs on a thread of its own and in the pool.
#include "support.hpp"

#include <rondo/kernel/registration.hpp>

#include <gmock/gmock.h>

#include <atomic>

namespace hooks_test {

using namespace core_test;

struct setup {
  std::uint64_t value = 0;
  std::int32_t fails_with = 0;  // on_start
  bool throws = false;
  rondo::bounded_string<40> words{};
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value, fails_with, throws, words);
  }
};
RONDO_MESSAGE(setup, "Setup", 1, encoded);

struct ask {
  std::int64_t timer_ns[2]{-1, -1};  // what to hand to call_again_after(); negative: nothing
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(timer_ns);
  }
};
RONDO_MESSAGE(ask, "Ask", 1, plain);

struct told {
  std::uint64_t value = 0;
  std::uint64_t starts = 0;
  std::uint64_t requests_before_start = 0;
  std::uint64_t ticks = 0;
  std::uint64_t is_same_thread = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value, starts, requests_before_start, ticks, is_same_thread);
  }
};
RONDO_MESSAGE(told, "Told", 1, plain);

inline std::atomic<std::uint64_t> stops{0}, starts_that_fail{0}, requests_after_stop{0};

struct started {
  static constexpr rondo::handler_id id{"Started"};
  using request = ask;
  using response = told;
  void on_start(const setup& argument, rondo::context& ctx) {
    if (starts_that_fail > 0) {
      --starts_that_fail;
      return ctx.fail(9, "not this time");
    }
    if (argument.fails_with != 0)
      ctx.fail(argument.fails_with, argument.words.to<std::string>().c_str());
    if (argument.throws) throw std::runtime_error(argument.words.to<std::string>());
    value = argument.value;
    ++starts;
    is_stopped = false;
    thread = std::this_thread::get_id();
  }
  void on_stop(rondo::context&) {
    ++stops;
    is_stopped = true;
  }
  void operator()(const request&, response& out, rondo::context&) {
    if (is_stopped) ++requests_after_stop;
    out = {value, starts, 0, 0, thread == std::this_thread::get_id()};
  }
  std::uint64_t value = 0, starts = 0;
  bool is_stopped = true;
  std::thread::id thread;
};
RONDO_KERNEL(started);

struct ticking {
  static constexpr rondo::handler_id id{"Ticking"};
  using request = ask;
  using response = told;
  void on_timer(rondo::context& ctx) {
    ++ticks;
    if (again_ns >= 0) ctx.call_again_after(std::chrono::nanoseconds(again_ns));
  }
  void operator()(const request& in, response& out, rondo::context& ctx) {
    for (const auto ns : in.timer_ns)
      if (ns >= 0) ctx.call_again_after(std::chrono::nanoseconds(ns));
    out.ticks = ticks;
  }
  std::uint64_t ticks = 0;
  std::int64_t again_ns = -1;
};
RONDO_KERNEL(ticking);

// Ticks from the start on, and counts where the test can see it.
inline std::atomic<std::uint64_t> pulses{0};
struct pulsing {
  static constexpr rondo::handler_id id{"Pulsing"};
  using request = ask;
  using response = told;
  void on_start(rondo::context& ctx) { ctx.call_again_after(std::chrono::milliseconds(1)); }
  void on_timer(rondo::context& ctx) {
    ++pulses;
    ctx.call_again_after(std::chrono::milliseconds(1));
    ctx.fail(1, "it goes on all the same");
  }
  void operator()(const request&, response& out, rondo::context&) { out.ticks = pulses; }
};
RONDO_KERNEL(pulsing);

// The same beside requests that are brief, as far as one that wants to be seen can be.
struct brisk_pulsing : pulsing {
  static constexpr rondo::handler_id id{"BriskPulsing"};
  static constexpr bool is_brief = true;
  void operator()(const request&, response& out, rondo::context&) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(2);
    while (std::chrono::steady_clock::now() < end) {
    }
    out.ticks = pulses;
  }
};
RONDO_KERNEL(brisk_pulsing);

struct timeless {
  static constexpr rondo::handler_id id{"Timeless"};
  using request = ask;
  using response = told;
  void operator()(const request&, response&, rondo::context& ctx) {
    ctx.call_again_after(std::chrono::milliseconds(1));
  }
};
RONDO_KERNEL(timeless);

}  // namespace hooks_test

namespace {

using namespace core_test;
using namespace hooks_test;
using rondo::kernel_state;
using testing::HasSubstr;

rondo::launch_options here(rondo::launch_options options = {}) {
  options.threads = threads_in_use;
  return options;
}

class hooks : public on_each_kind<> {
 protected:
  hooks() {
    stops = 0;
    starts_that_fail = 0;
    requests_after_stop = 0;
  }
  rondo::runtime runtime = open_runtime();
};
INSTANTIATE_TEST_SUITE_P(threads, hooks, testing::Combine(each_kind), name_of_kind);

TEST_P(hooks, start_with_their_argument_before_the_first_request_and_at_every_relaunch) {
  auto kernel = runtime.launch<started>(here(), setup{.value = 42});
  for (std::uint64_t life = 1; life <= 5; ++life) {
    EXPECT_EQ(stops, life - 1);
    kernel.activate();
    for (int i = 0; i < 3; ++i) {
      const auto reply = kernel.call({}, patience).value();
      EXPECT_EQ(reply.value, 42u);
      EXPECT_EQ(reply.starts, life);
      if (threads_in_use == rondo::kernel_threads::dedicated) {
        EXPECT_EQ(reply.is_same_thread, 1u);
      }
    }
    kernel.deactivate();
    kernel.terminate();
    EXPECT_EQ(stops, life);
    kernel.relaunch();
  }
  kernel.terminate({.mode = rondo::terminate_mode::discard});
  EXPECT_EQ(stops, 6u) << "it was launched, though never active";
  kernel.terminate();
  EXPECT_EQ(stops, 6u);
}

TEST_P(hooks, stop_after_the_last_request_of_a_drain) {
  auto kernel = runtime.launch<started>(here(), setup{});
  for (int i = 0; i < 200; ++i) kernel.send({}, patience).value();
  EXPECT_EQ(kernel.terminate({.deadline = patience}).handled, 200u);
  EXPECT_EQ(stops, 1u);
  EXPECT_EQ(requests_after_stop, 0u);
}

TEST_P(hooks, make_the_launch_fail_in_the_handlers_words) {
  setup argument{.fails_with = 7};
  argument.words = "no licence today";
  auto info = refusal_of([&] { runtime.launch<started>(here(), argument); });
  EXPECT_EQ(info.code, RONDO_HANDLER_FAILED);
  EXPECT_EQ(info.object, "Started");
  EXPECT_THAT(info.message, HasSubstr("no licence today"));
  EXPECT_THAT(info.message, HasSubstr("7"));
  argument.fails_with = 0;
  argument.throws = true;
  info = refusal_of([&] { runtime.launch<started>(here(), argument); });
  EXPECT_EQ(info.code, RONDO_HANDLER_THREW);
  EXPECT_THAT(info.message, HasSubstr("no licence today"));
  EXPECT_EQ(stops, 0u) << "what has not started does not stop";
  EXPECT_TRUE(runtime.kernels().empty());
  auto kernel = runtime.launch<started>(here(), setup{.value = 1});
  kernel.activate();
  EXPECT_EQ(kernel.call({}, patience)->value, 1u);
}

TEST_P(hooks, that_fail_at_a_relaunch_leave_the_kernel_terminated) {
  auto kernel = runtime.launch<started>(here(), setup{.value = 5});
  kernel.terminate();
  starts_that_fail = 1;
  const auto info = refusal_of([&] { kernel.relaunch(); });
  EXPECT_EQ(info.code, RONDO_HANDLER_FAILED);
  EXPECT_THAT(info.message, HasSubstr("not this time"));
  EXPECT_EQ(kernel.state(), kernel_state::terminated);
  EXPECT_EQ(kernel.call({}, patience).code(), RONDO_TERMINATED);
  kernel.relaunch();
  kernel.activate();
  EXPECT_EQ(kernel.call({}, patience)->starts, 2u);
  EXPECT_EQ(stops, 1u);
}

TEST_P(hooks, need_the_argument_that_they_declare) {
  for (const char* handler : {"Started", "Oracle"}) {
    if (std::string(handler) == "Oracle") {
      EXPECT_NO_THROW(runtime.launch(handler, here()));
      continue;
    }
    const auto info = refusal_of([&] { runtime.launch(handler, here()); });
    EXPECT_EQ(info.code, RONDO_INVALID_ARGUMENT);
    EXPECT_THAT(info.message, HasSubstr("Setup v1"));
    EXPECT_FALSE(info.remedy.empty());
  }
}

// ---- timers

class timers : public on_each_kind<rondo::wait_policy> {
 protected:
  rondo::launch_options options(std::string id = {}) const {
    return here({.id = std::move(id), .wait = std::get<1>(GetParam())});
  }
  // A timer that was set later, and has come: one that was set before would have come too.
  void let_pass(std::chrono::nanoseconds time) {
    auto clock = runtime.launch<ticking>(options("clock"));
    clock.activate();
    clock.call({.timer_ns = {time.count(), -1}}, patience).value();
    EXPECT_TRUE(eventually([&] { return clock.call({}, patience)->ticks == 1; }));
    clock.terminate();
    runtime.remove("clock");
  }
  rondo::runtime runtime = open_runtime();
};
const auto name_of_timers = [](const auto& it) {
  return name_of_kind(it) +
         (std::get<1>(it.param) == rondo::wait_policy::park ? "_park" : "_spin_then_park");
};
INSTANTIATE_TEST_SUITE_P(threads, timers,
                         testing::Combine(each_kind,
                                          testing::Values(rondo::wait_policy::park,
                                                          rondo::wait_policy::spin_then_park)),
                         name_of_timers);

TEST_P(timers, come_once_though_no_message_comes) {
  auto kernel = runtime.launch<ticking>(options());
  kernel.activate();
  const auto begin = std::chrono::steady_clock::now();
  kernel.call({.timer_ns = {20'000'000, -1}}, patience).value();
  EXPECT_TRUE(eventually([&] { return kernel.snapshot().messages_in == 1; }));
  let_pass(60ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_EQ(kernel.call({}, patience)->ticks, 1u);
  let_pass(5ms);
  EXPECT_EQ(kernel.call({}, patience)->ticks, 1u);
}

TEST_P(timers, go_on_as_long_as_they_ask_to_whatever_they_fail_with) {
  pulses = 0;
  auto kernel = runtime.launch<pulsing>(options());
  EXPECT_EQ(pulses, 0u) << "it is not active";
  kernel.activate();
  EXPECT_TRUE(eventually([] { return pulses >= 20; }));
  EXPECT_EQ(kernel.snapshot().messages_in, 0u);
  kernel.deactivate();
  const auto paused = pulses.load();
  let_pass(5ms);
  EXPECT_EQ(pulses, paused) << "it is inactive";
  kernel.activate();
  EXPECT_TRUE(eventually([&] { return pulses > paused; }));
  kernel.terminate();
  const auto ended = pulses.load();
  let_pass(5ms);
  EXPECT_EQ(pulses, ended) << "it is terminated";
}

TEST_P(timers, take_the_place_of_earlier_ones) {
  auto kernel = runtime.launch<ticking>(options());
  kernel.activate();
  constexpr std::int64_t an_hour = 3'600'000'000'000;
  kernel.call({.timer_ns = {1'000'000, an_hour}}, patience).value();
  let_pass(5ms);
  EXPECT_EQ(kernel.call({}, patience)->ticks, 0u);
  kernel.call({.timer_ns = {an_hour, 1'000'000}}, patience).value();
  EXPECT_TRUE(eventually([&] { return kernel.call({}, patience)->ticks == 1; }));
}

TEST_P(timers, are_forgotten_when_the_kernel_ends) {
  auto kernel = runtime.launch<ticking>(options());
  kernel.activate();
  kernel.call({.timer_ns = {10'000'000, -1}}, patience).value();
  kernel.terminate();
  kernel.relaunch();
  kernel.activate();
  let_pass(30ms);
  EXPECT_EQ(kernel.call({}, patience)->ticks, 0u);
}

TEST_P(timers, come_also_while_messages_keep_coming) {
  pulses = 0;
  auto kernel = runtime.launch<pulsing>(options());
  kernel.activate();
  std::atomic<bool> more{true};
  std::jthread caller([&] {
    while (more) (void)kernel.call({}, patience);
  });
  EXPECT_TRUE(eventually([&] { return pulses >= 20 && kernel.snapshot().messages_in > 20; }));
  more = false;
}

// All requests are there before the first is handled, so that the kernel has no pause.
TEST(timer, comes_also_between_requests_that_are_handled_in_bursts) {
  constexpr std::uint64_t count = 1u << 14;
  const std::vector<ask> all(count);
  for (const auto publish : {rondo::publish_policy::word, rondo::publish_policy::counted}) {
    pulses = 0;
    auto runtime = open_runtime();
    auto kernel = runtime.launch<brisk_pulsing>({.input_capacity = count,
                                                 .output_capacity = count,
                                                 .publish = publish,
                                                 .one_sender = true});
    ASSERT_EQ(kernel.send_batch(all, patience)->count, count);
    kernel.activate();
    std::uint64_t taken = 0;
    std::uint64_t ticks = 0;
    while (taken < count) {
      const auto some = kernel.receive_batch(
          count, [&](const auto& reply) { ticks = reply.value->ticks; }, patience);
      ASSERT_TRUE(some.has_value());
      taken += *some;
    }
    EXPECT_GE(ticks, 2u) << "as the last request saw it, 32 ms after the first";
  }
}

TEST(timer, goes_on_where_queues_have_rules) {
  for (const auto wait : {rondo::wait_policy::park, rondo::wait_policy::spin_then_park}) {
    pulses = 0;
    auto runtime = open_runtime();
    auto kernel = runtime.launch<pulsing>({.wait = wait, .urgent_lane = true, .timed = true});
    kernel.activate();
    EXPECT_TRUE(eventually([] { return pulses >= 20; }));
    EXPECT_EQ(kernel.snapshot().messages_in, 0u);
    EXPECT_TRUE(kernel.call({}, patience, {.urgent = true}).has_value());
  }
}

TEST(timer, of_a_handler_without_on_timer_is_refused) {
  running<timeless> it;
  const auto reply = it.kernel.call({}, patience);
  EXPECT_EQ(reply.code(), RONDO_UNSUPPORTED);
  EXPECT_THAT(reply.failure().message, HasSubstr("on_timer"));
}

TEST(backend_without_hooks, refuses_handlers_that_have_some_and_the_pool) {
  auto options = hermetic();
  options.plugin_paths = {rondo::test::fixtures_dir() / "plain_c.so",
                          rondo::test::lib_dir() / "rondo/plugins"};
  options.only_backends = {};
  auto runtime = rondo::runtime::open(options);
  const auto started_there =
      refusal_of([&] { runtime.launch<started>({.backend = "plain_c"}, setup{}); });
  EXPECT_EQ(started_there.code, RONDO_UNSUPPORTED) << started_there.message;
  EXPECT_THAT(started_there.message, HasSubstr("on_start"));
  const auto ticking_there = refusal_of([&] { runtime.launch<ticking>({.backend = "plain_c"}); });
  EXPECT_EQ(ticking_there.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(ticking_there.message, HasSubstr("on_timer"));
  const auto pooled_there = refusal_of([&] {
    runtime.launch<oracle>({.backend = "plain_c", .threads = rondo::kernel_threads::pool});
  });
  EXPECT_EQ(pooled_there.code, RONDO_UNSUPPORTED);
  EXPECT_THAT(pooled_there.message, HasSubstr("pool"));
}

}  // namespace
