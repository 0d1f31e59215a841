// on_start, on_stop and on_timer of handlers on a device: when they run, on which lane, how often
// in one life, and what becomes of their failures.
#include "traffic.hpp"

namespace rondo::test {
namespace {

struct setup {
  std::uint64_t value = 0;
  std::int64_t timer_ns = -1;  // what to hand to call_again_after(); negative: nothing
  std::int32_t fails_with = 0;
  bounded_string<40> words{};
  template <class A>
  constexpr void serialize(A& ar) {
    ar(value, timer_ns, fails_with, words);
  }
};
constexpr message_info rondo_message_of(detail::message_tag<setup>) {
  return {"Setup", 1, encoding::encoded};
}
struct plain_setup {
  std::uint64_t value;
  std::int64_t timer_ns;
  template <class A>
  constexpr void serialize(A& ar) {
    ar(value, timer_ns);
  }
};
constexpr message_info rondo_message_of(detail::message_tag<plain_setup>) {
  return {"PlainSetup", 1, encoding::plain};
}

struct ask {
  std::int64_t timer_ns;
  template <class A>
  constexpr void serialize(A& ar) {
    ar(timer_ns);
  }
};
constexpr message_info rondo_message_of(detail::message_tag<ask>) {
  return {"Ask", 1, encoding::plain};
}
struct told {
  std::uint64_t value, starts, stops, ticks;
  template <class A>
  constexpr void serialize(A& ar) {
    ar(value, starts, stops, ticks);
  }
};
constexpr message_info rondo_message_of(detail::message_tag<told>) {
  return {"Told", 1, encoding::plain};
}

// What hooks did, of whichever handler a test runs.
struct events {
  std::atomic<std::uint64_t> starts{0}, stops{0}, ticks{0}, wrong_lanes{0}, wrong_requests{0};
  std::atomic<std::int64_t> again_ns{-1};  // what on_timer hands to call_again_after()
  std::function<void()> during_tick;
  std::atomic<bool> stop_fails{false}, tick_fails{false}, stop_sets_timer{false};
};
inline events* seen = nullptr;

inline void set_timer(context& ctx, std::int64_t ns) {
  if (ns >= 0) ctx.call_again_after(std::chrono::nanoseconds(ns));
}
inline void look_at(const context& ctx) {
  if (ctx.lane() != 0 || ctx.lanes() != 1) ++seen->wrong_lanes;
  if (ctx.message_id() != 0 || ctx.kernel_tag() != 77) ++seen->wrong_requests;
}

template <execution How, class Argument = setup>
struct hooked_handler {
  static constexpr handler_id id{"Hooked"};
  static constexpr enum execution execution = How;
  using request = ask;
  using response = told;

  void on_start(const Argument& argument, context& ctx) {
    look_at(ctx);
    ++seen->starts;
    value = argument.value;
    set_timer(ctx, argument.timer_ns);
    if constexpr (std::is_same_v<Argument, setup>)
      if (argument.fails_with != 0)
        ctx.fail(argument.fails_with, argument.words.template to<std::string>().c_str());
  }
  void on_stop(context& ctx) {
    look_at(ctx);
    ++seen->stops;
    if (seen->stop_sets_timer) return ctx.call_again_after(std::chrono::nanoseconds(1));
    if (seen->stop_fails) ctx.fail(3, "it would rather stay");
  }
  void on_timer(context& ctx) {
    look_at(ctx);
    if (seen->during_tick) seen->during_tick();
    const auto n = ++seen->ticks;
    set_timer(ctx, seen->again_ns);
    if (seen->tick_fails) ctx.fail(static_cast<std::int32_t>(n), "tick");
  }
  void operator()(const ask& in, told& out, context& ctx) {
    if (ctx.lane() != 0) return;
    set_timer(ctx, in.timer_ns);
    out = {value, seen->starts, seen->stops, seen->ticks};
  }

  std::uint64_t value = 0;
};

// One that has no hooks at all.
struct bare {
  static constexpr handler_id id{"Bare"};
  using request = ask;
  using response = told;
  void operator()(const ask& in, told&, context& ctx) { set_timer(ctx, in.timer_ns); }
};

template <class H>
class hooked_kernel : public host_kernel<H> {
 public:
  using host_kernel<H>::host_kernel;

  void send(std::int64_t timer_ns = -1) {
    const ask in{timer_ns};
    this->push(envelope_of<ask>(++sent_, sizeof in), &in);
  }
  told receive() {
    ring::message m;
    told out{};
    if (!this->peek(m)) return out;
    if (m.header->flags != 0 || m.header->length != sizeof out) this->complain("it failed");
    else std::memcpy(&out, m.payload, sizeof out);
    this->out().release();
    return out;
  }
  told call(std::int64_t timer_ns = -1) {
    send(timer_ns);
    return receive();
  }
  bool ticks_to(std::uint64_t n) {
    return this->until([&] { return seen->ticks >= n; }, "a timer");
  }
  // A timer that was set for `ns` before has come, if it ever will.
  void let_pass(std::uint64_t ns) {
    const std::uint64_t end = ring::now_ns() + ns;
    this->until([&] { return ring::now_ns() >= end; }, "time to pass");
    this->let_it_look();
  }
  report leave() {
    this->order(command::leave);
    return this->join();
  }
  void live_again() {
    this->begin_life();
    this->launch_and_run();
  }

 private:
  std::uint64_t sent_ = 0;
};

struct way {
  publication how;
  grid_shape grid;
};
std::ostream& operator<<(std::ostream& o, const way& w) {
  return o << name_of(w.how) << ", " << w.grid;
}

kernel_options options_of(const way& w) {
  kernel_options o;
  o.input = {w.how, 16, sizeof(ask)};
  o.output = {w.how, 16, sizeof(rondo_failure)};
  o.grid = w.grid;
  o.nap_ns = 1000;
  return o;
}

constexpr std::int64_t an_hour_ns = 3'600'000'000'000;
constexpr std::int64_t soon_ns = 2'000'000;

template <class H>
void starts_once_in_a_life(const way& w) {
  events e;
  seen = &e;
  hooked_kernel<H> k(options_of(w));
  if constexpr (detail::is_plain<detail::start_argument<H>>) k.start_with(plain_setup{42, -1});
  else k.start_with(setup{.value = 42});
  for (int i = 0; i < 3; ++i) k.send();  // wait for the launch
  for (std::uint64_t life = 1; life <= 3; ++life) {
    if (life == 1) k.launch_and_run();
    else k.live_again();
    for (int i = 0; i < 3; ++i) {
      if (life > 1) k.send();
      const told reply = k.receive();
      EXPECT_EQ(reply.value, 42u);
      EXPECT_EQ(reply.starts, life);
    }
    // Away for a while, and back.
    EXPECT_EQ(k.leave().how, ending::ordered);
    k.launch_and_run();
    EXPECT_EQ(k.call().starts, life);
    EXPECT_EQ(e.stops, life - 1);
    EXPECT_EQ(k.stop().how, ending::ordered);
    EXPECT_EQ(e.stops, life);
    k.launch_and_run();
    EXPECT_EQ(k.stop().how, ending::ordered);
    EXPECT_EQ(e.stops, life) << "it ended before";
  }
  EXPECT_EQ(e.wrong_lanes, 0u);
  EXPECT_EQ(e.wrong_requests, 0u);
}

template <class H>
void refuses_to_start(const way& w) {
  events e;
  seen = &e;
  hooked_kernel<H> k(options_of(w));
  setup argument{.value = 1, .fails_with = 7};
  argument.words = "no licence today";
  k.start_with(argument);
  k.send();
  const std::string refusal = std::to_string(RONDO_HANDLER_FAILED) + " 7 no licence today";
  for (int i = 0; i < 2; ++i) {  // the second is the same life
    k.order(command::run);
    k.launch();
    EXPECT_EQ(k.join().how, ending::refused);
    EXPECT_EQ(k.failure_of(device::hook::start), refusal);
    EXPECT_EQ(e.starts, 1u);
  }
  EXPECT_EQ(k.input_head(), 0u) << "a request was taken";
  EXPECT_EQ(e.stops, 0u) << "what has not started does not stop";

  k.begin_life();
  k.start_with_bytes(3);
  k.order(command::run);
  k.launch();
  EXPECT_EQ(k.join().how, ending::refused);
  EXPECT_EQ(k.failure_of(device::hook::start).rfind(std::to_string(RONDO_MALFORMED), 0), 0u);
  EXPECT_EQ(e.starts, 1u) << "it was called with half an argument";

  k.start_with(setup{.value = 5});
  k.live_again();
  EXPECT_EQ(k.receive().value, 5u);
  EXPECT_EQ(k.failure_of(device::hook::start), "");
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(e.stops, 1u);
}

template <class H>
void stops_behind_the_last_request(const way& w) {
  events e;
  seen = &e;
  hooked_kernel<H> k(options_of(w));
  k.start_with(setup{});
  for (int i = 0; i < 12; ++i) k.send();
  k.launch_and_run();
  EXPECT_EQ(k.drain(12).how, ending::ordered);
  EXPECT_EQ(e.stops, 1u);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(k.receive().stops, 0u);

  e.stop_fails = true;
  k.live_again();
  EXPECT_EQ(k.stop().how, ending::ordered) << "a failure is no reason to stay";
  EXPECT_EQ(k.failure_of(device::hook::stop),
            std::to_string(RONDO_HANDLER_FAILED) + " 3 it would rather stay");
  e.stop_sets_timer = true;
  k.live_again();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.failure_of(device::hook::stop).rfind(std::to_string(RONDO_UNSUPPORTED), 0), 0u);
  EXPECT_EQ(e.stops, 3u);
  EXPECT_EQ(e.wrong_lanes, 0u);
}

template <class H>
void does_not_stop_when_it_breaks(const way& w) {
  events e;
  seen = &e;
  kernel_options o = options_of(w);
  o.lease_ns = 50'000'000;
  hooked_kernel<H> k(o);
  e.again_ns = 0;  // a timer that never lets it rest does not keep it either
  k.start_with(setup{.timer_ns = 0});
  k.order(command::run);
  k.launch();
  EXPECT_EQ(k.join().how, ending::lease_lapsed);
  k.begin_life();
  k.order(command::leave);
  k.launch();
  EXPECT_EQ(k.join().how, ending::ordered);
  EXPECT_EQ(e.starts, 2u);
  EXPECT_EQ(e.stops, 0u);
}

// ---- timers

template <class H>
void times_once_while_it_runs(const way& w) {
  events e;
  seen = &e;
  hooked_kernel<H> k(options_of(w));
  k.start_with(setup{.timer_ns = soon_ns});
  const std::uint32_t pause = k.order(command::pause);
  k.launch();
  k.await(pause);
  k.let_pass(2 * soon_ns);
  EXPECT_EQ(e.ticks, 0u) << "it is paused";
  EXPECT_TRUE(k.obey(command::run));
  EXPECT_TRUE(k.ticks_to(1));
  EXPECT_EQ(k.counters().messages_in, 0u);

  const std::uint64_t begin = ring::now_ns();
  k.call(soon_ns);
  EXPECT_TRUE(k.ticks_to(2));
  EXPECT_GE(ring::now_ns() - begin, static_cast<std::uint64_t>(soon_ns));
  k.let_pass(2 * soon_ns);
  EXPECT_EQ(k.call().ticks, 2u);

  k.call(0);
  EXPECT_TRUE(k.ticks_to(3));
  k.call(soon_ns);
  k.call(an_hour_ns);  // takes its place
  k.let_pass(2 * soon_ns);
  const std::uint64_t before = k.call(an_hour_ns).ticks;
  k.call(soon_ns);
  EXPECT_TRUE(k.ticks_to(before + 1));

  k.call(soon_ns);  // goes on behind a launch in the same life
  const bool was_early = e.ticks == before + 1;
  EXPECT_EQ(k.leave().how, ending::ordered);
  k.let_pass(soon_ns);
  k.launch_and_run();
  EXPECT_TRUE(!was_early || k.ticks_to(before + 2));

  k.call(an_hour_ns);
  EXPECT_EQ(k.leave().how, ending::ordered);
  EXPECT_NE(k.counters().timer_at, 0u);
  k.start_with(setup{});
  k.live_again();  // forgotten with the life before
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().timer_at, 0u);
  EXPECT_EQ(e.wrong_lanes, 0u);
  EXPECT_EQ(e.wrong_requests, 0u);
}

// Neither keeps the other from its turn, and a failing timer only the host hears of, once.
template <class H>
void times_beside_requests(const way& w) {
  events e;
  seen = &e;
  e.again_ns = 0;
  e.tick_fails = true;
  hooked_kernel<H> k(options_of(w));
  k.start_with(setup{.timer_ns = 0});
  k.launch_and_run();
  std::uint64_t last = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) k.send();
    for (int i = 0; i < 4; ++i) last = k.receive().ticks;
    EXPECT_TRUE(k.ticks_to(last + 1));
  }
  const std::uint32_t pause = k.order(command::pause);
  EXPECT_TRUE(k.await(pause));
  const std::uint64_t paused = e.ticks;
  k.let_it_look();
  EXPECT_EQ(e.ticks, paused);
  EXPECT_EQ(k.counters().messages_in, 40u);
  EXPECT_EQ(k.counters().messages_failed, 0u);
  EXPECT_EQ(k.failure_of(device::hook::timer), std::to_string(RONDO_HANDLER_FAILED) + " 1 tick");
  EXPECT_EQ(k.drain(40).how, ending::ordered);
  EXPECT_EQ(e.ticks, paused) << "a drain is for requests";
}

// The host sees when it is due, and launches again: each launch brings one call.
template <class H>
void times_event_driven(const way& w) {
  events e;
  seen = &e;
  e.again_ns = 0;
  kernel_options o = options_of(w);
  o.flags = device::flag_once;
  hooked_kernel<H> k(o);
  k.start_with(setup{.timer_ns = an_hour_ns});
  k.order(command::run);
  k.launch();
  EXPECT_EQ(k.join().how, ending::idle);
  EXPECT_GT(k.counters().timer_at, ring::now_ns());
  k.send(0);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    k.launch();
    EXPECT_EQ(k.join().how, ending::idle);
    EXPECT_EQ(e.ticks, n);
    EXPECT_NE(k.counters().timer_at, 0u);
    EXPECT_LE(k.counters().timer_at, ring::now_ns());
  }
  k.receive();
  e.again_ns = -1;
  k.launch();
  EXPECT_EQ(k.join().how, ending::idle);
  EXPECT_EQ(e.ticks, 5u);
  EXPECT_EQ(k.counters().timer_at, 0u);
  EXPECT_EQ(e.starts, 1u);
  EXPECT_EQ(e.stops, 0u);
  k.order(command::stop);
  k.launch();
  EXPECT_EQ(k.join().how, ending::ordered);
  EXPECT_EQ(e.stops, 1u);
}

// The host sees since when on_timer runs, as it does for a request.
void times_in_sight_of_the_host(const way& w) {
  events e;
  seen = &e;
  kernel_options o = options_of(w);
  o.flags = device::flag_watched;
  hooked_kernel<hooked_handler<execution::serial>> k(o);
  std::atomic<std::uint64_t> busy_since{0};
  e.during_tick = [&] { busy_since = k.counters().busy_since; };
  k.start_with(setup{.timer_ns = 0});
  const std::uint64_t begin = ring::now_ns();
  k.launch_and_run();
  EXPECT_TRUE(k.ticks_to(1));
  EXPECT_GE(busy_since, begin);
  EXPECT_LE(busy_since, ring::now_ns());
  k.call();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().busy_since, 0u);
}

template <class H>
void refuses_half_an_argument(const way& w) {
  events e;
  seen = &e;
  hooked_kernel<H> k(options_of(w));
  k.start_with_bytes(sizeof(plain_setup) / 2);
  k.order(command::run);
  k.launch();
  EXPECT_EQ(k.join().how, ending::refused);
  EXPECT_EQ(k.failure_of(device::hook::start).rfind(std::to_string(RONDO_MALFORMED), 0), 0u);
  EXPECT_EQ(e.starts, 0u);
}

class hooks : public ::testing::TestWithParam<way> {};

#define RONDO_FOR_EVERY_EXECUTION(property)                \
  property<hooked_handler<execution::serial>>(GetParam()); \
  property<hooked_handler<execution::warp>>(GetParam());   \
  property<hooked_handler<execution::block>>(GetParam());  \
  property<hooked_handler<execution::grid>>(GetParam());   \
  property<hooked_handler<execution::independent>>(GetParam())

TEST_P(hooks, begin_and_end_each_life_once) {
  RONDO_FOR_EVERY_EXECUTION(starts_once_in_a_life);
  starts_once_in_a_life<hooked_handler<execution::serial, plain_setup>>(GetParam());
}
TEST_P(hooks, that_fail_to_start_end_the_launch_in_the_handlers_words) {
  RONDO_FOR_EVERY_EXECUTION(refuses_to_start);
  refuses_half_an_argument<hooked_handler<execution::serial, plain_setup>>(GetParam());
}
TEST_P(hooks, stop_behind_the_last_request_and_only_tell_of_failures) {
  RONDO_FOR_EVERY_EXECUTION(stops_behind_the_last_request);
}
TEST_P(hooks, are_left_out_where_the_host_is_silent_or_only_sends_the_kernel_away) {
  RONDO_FOR_EVERY_EXECUTION(does_not_stop_when_it_breaks);
}
TEST_P(hooks, come_by_the_clock_once_and_while_the_kernel_runs) {
  RONDO_FOR_EVERY_EXECUTION(times_once_while_it_runs);
}
TEST_P(hooks, come_by_the_clock_beside_requests) {
  RONDO_FOR_EVERY_EXECUTION(times_beside_requests);
}
TEST_P(hooks, come_by_the_clock_in_launches_of_their_own_where_events_drive) {
  RONDO_FOR_EVERY_EXECUTION(times_event_driven);
}
TEST_P(hooks, come_by_the_clock_in_sight_of_the_host) { times_in_sight_of_the_host(GetParam()); }
TEST_P(hooks, that_a_handler_has_not_give_it_no_timer) {
  hooked_kernel<bare> k(options_of(GetParam()));
  k.launch_and_run();
  k.send(0);
  ring::message m;
  ASSERT_TRUE(k.peek(m));
  EXPECT_EQ(m.header->flags, std::uint32_t{RONDO_FLAG_FAILED});
  rondo_failure f{};
  std::memcpy(&f, m.payload, std::min<std::size_t>(m.header->length, sizeof f));
  EXPECT_EQ(f.code, RONDO_UNSUPPORTED);
  k.out().release();
  EXPECT_EQ(k.stop().how, ending::ordered);
}

INSTANTIATE_TEST_SUITE_P(
    every_kernel, hooks,
    ::testing::Values(way{publication::chunked, {1, 1, 32}}, way{publication::counted, {1, 1, 32}},
                      way{publication::chunked, {1, 5, 2}}, way{publication::counted, {1, 5, 2}},
                      way{publication::chunked, {2, 3, 2}}, way{publication::counted, {2, 3, 2}}),
    [](const ::testing::TestParamInfo<way>& it) {
      const way& w = it.param;
      return name_of(w.how) + "_" + std::to_string(w.grid.blocks) + "x" +
             std::to_string(w.grid.threads);
    });

}  // namespace
}  // namespace rondo::test
