// What the loop does about time: the host's lease, slow handlers, the deadline that the host
// watches, and blocks that do not come to a barrier. The clock is the test's.
#include "test_clock.hpp"
#include "traffic.hpp"

#include <numeric>

namespace rondo::test {
namespace {

using message = sized<2>;
using echo = hooked<answering<message, message>>;
using many = hooked<emitting<message, message>>;
using grid_echo = hooked<answering<message, message, execution::grid>>;
using independent_echo = answering<message, message, execution::independent>;
using clock = clocked_threads;

std::uint64_t sum_of(const std::uint64_t (&buckets)[RONDO_LATENCY_BUCKETS]) {
  return std::accumulate(std::begin(buckets), std::end(buckets), std::uint64_t{0});
}

template <class H>
using kernel_of = host_kernel<H, ring::platform, clocked_threads>;

constexpr std::uint64_t lease_ns = 50'000'000;

struct setup {
  publication in;
  publication out;
  grid_shape grid;
};
std::ostream& operator<<(std::ostream& o, const setup& s) {
  return o << name_of(s.in) << " to " << name_of(s.out) << ", " << s.grid;
}

class time_passes : public ::testing::TestWithParam<setup> {
 protected:
  static constexpr std::uint64_t capacity = 2;

  void SetUp() override { clock::reset(); }
  void TearDown() override {
    echo::unhook();
    many::unhook();
    grid_echo::unhook();
  }
  static kernel_options options(std::uint64_t lease = lease_ns) {
    kernel_options o;
    o.input = {GetParam().in, 64, sizeof(message)};
    o.output = {GetParam().out, capacity, sizeof(rondo_failure)};
    o.grid = GetParam().grid;
    o.nap_ns = 1000;
    o.lease_ns = lease;
    return o;
  }
  template <class H>
  static void push(kernel_of<H>& k, std::uint64_t count, std::uint32_t replies = 1) {
    for (std::uint64_t id = 0; id < count; ++id) {
      const packed<message> m(id, {false, wish::reply, replies});
      k.push(m.header, m.bytes.data());
    }
  }
  template <class H>
  static void expect_replies(kernel_of<H>& k, std::uint64_t count) {
    ring::message m;
    for (std::uint64_t id = 0; id < count && k.peek(m); ++id) {
      EXPECT_EQ(wrong_reply<message>(m, id, answer_to(id)), "");
      k.out().release();
    }
  }
  // Lives for two leases as long as they are renewed, then ends for want of a third.
  template <class H>
  static void expect_lease_to_matter(kernel_of<H>& k) {
    for (int i = 0; i < 3; ++i) {
      k.let_it_look();
      clock::advance(lease_ns);
      k.let_it_look();
      EXPECT_FALSE(k.has_ended());
      k.renew_lease();
    }
    k.let_it_look();
    clock::advance(lease_ns + 1);
    EXPECT_EQ(k.join().how, ending::lease_lapsed);
  }
};

TEST_P(time_passes, an_idle_kernel_ends_when_its_lease_is_not_renewed) {
  kernel_of<echo> k(options());
  k.launch_and_run();
  expect_lease_to_matter(k);
}

TEST_P(time_passes, a_paused_kernel_ends_when_its_lease_is_not_renewed) {
  kernel_of<echo> k(options());
  push(k, 3);
  k.launch();
  k.obey(command::pause);
  expect_lease_to_matter(k);
  EXPECT_EQ(k.input_head(), 0u);
}

TEST_P(time_passes, a_kernel_without_room_for_a_reply_ends_when_its_lease_is_not_renewed) {
  kernel_of<echo> k(options());
  push(k, 5);
  k.launch_and_run();
  k.until([&] { return k.input_head() == capacity; }, "a full output");
  expect_lease_to_matter(k);
  EXPECT_EQ(k.input_head(), capacity);
}

TEST_P(time_passes, a_lease_that_lapses_in_a_blocked_emitter_leaves_the_other_requests) {
  kernel_of<many> k(options());
  push(k, 5, capacity + 1);
  k.launch_and_run();
  k.let_it_look();
  expect_lease_to_matter(k);
  EXPECT_EQ(k.input_head(), 1u);
  EXPECT_EQ(k.handler().handled, 1u);
  EXPECT_EQ(k.handler().refused, 1u);
}

TEST_P(time_passes, without_a_lease_a_kernel_stays) {
  kernel_of<echo> k(options(0));
  k.launch_and_run();
  clock::advance(std::uint64_t{1} << 60);
  k.let_it_look();
  EXPECT_FALSE(k.has_ended());
  EXPECT_EQ(k.stop().how, ending::ordered);
}

// The copy of the lease that came with several requests is old when they are done.
TEST_P(time_passes, a_lease_that_was_renewed_meanwhile_does_not_lapse) {
  kernel_of<echo> k(options());
  echo::before = [&](const message&, context&) {
    clock::advance(lease_ns * 6 / 10);
    k.renew_lease();
  };
  push(k, 6);
  k.launch_and_run();
  k.until([&] { return k.input_head() == capacity; }, "a full output");
  k.let_it_look();
  EXPECT_FALSE(k.has_ended());
  expect_replies(k, 6);
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(time_passes, a_reply_is_seen_while_the_next_slow_request_is_in_hand) {
  kernel_of<echo> k(options(0));
  std::atomic<bool> was_seen{false};
  echo::before = [&](const message& in, context&) {
    clock::advance(1'000'000);
    if (in.id == 1) k.until([&] { return was_seen.load(); }, "the first reply to be seen");
  };
  push(k, 4);
  k.launch_and_run();
  expect_replies(k, 1);
  was_seen = true;
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(time_passes, a_stop_waits_for_one_slow_request_only) {
  kernel_of<echo> k(options(0));
  echo::before = [&](const message& in, context&) {
    clock::advance(1'000'000);
    if (in.id == 0) k.order(command::stop);
  };
  push(k, 4);
  k.launch_and_run_unheard();
  EXPECT_EQ(k.join().how, ending::ordered);
  EXPECT_EQ(k.handler().handled, 1u);
  EXPECT_EQ(k.input_head(), 1u);
}

TEST_P(time_passes, the_host_sees_since_when_a_watched_handler_is_busy) {
  kernel_options o = options(0);
  o.flags = device::flag_watched;
  kernel_of<echo> k(o);
  std::atomic<int> right{0};
  echo::before = [&](const message&, context&) {
    if (k.counters().busy_since == clock::time()) ++right;
    clock::advance(1000);
  };
  for (std::uint64_t i = 0; i < 2; ++i) {
    push(k, 1);
    if (i == 0) k.launch_and_run();
    expect_replies(k, 1);
    k.until([&] { return k.input_head() == i + 1; }, "the request to be done with");
    EXPECT_EQ(k.counters().busy_since, 0u);
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(right, 2);
}

TEST_P(time_passes, waiting_for_room_is_not_the_handlers_time) {
  kernel_options o = options(0);
  o.flags = device::flag_watched;
  kernel_of<many> k(o);
  const std::uint64_t begin = clock::time();
  std::uint64_t after = 0;
  many::after = [&](const message&, context&) { after = k.counters().busy_since; };
  push(k, 1, capacity + 1);
  k.launch_and_run();
  k.let_it_look();
  EXPECT_EQ(k.counters().busy_since, 0u);
  clock::advance(5000);
  ring::message m;
  for (std::uint64_t i = 0; i < capacity + 1 && k.peek(m); ++i) k.out().release();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(after, begin + 5000);
}

TEST_P(time_passes, waiting_for_room_is_not_counted_as_handling) {
  kernel_of<many> k(options(0));
  many::after = [&](const message&, context&) { clock::advance(7); };
  push(k, 1, capacity + 1);
  k.launch_and_run();
  k.let_it_look();
  clock::advance(5000);
  ring::message m;
  for (std::uint64_t i = 0; i < capacity + 1 && k.peek(m); ++i) k.out().release();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().handler_samples, 1u);
  EXPECT_EQ(k.counters().handler_sampled_ns, 7u);
  EXPECT_EQ(k.counters().handler_sampled_max_ns, 7u);
}

TEST_P(time_passes, one_request_in_many_is_timed) {
  kernel_options o = options(0);
  o.output.capacity = 256;
  kernel_of<echo> k(o);
  echo::before = [&](const message&, context&) { clock::advance(7); };
  push(k, 64);
  k.launch_and_run();
  expect_replies(k, 64);
  push(k, 1);
  expect_replies(k, 1);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().handler_samples, 2u);
  EXPECT_EQ(k.counters().handler_sampled_ns, 14u);
  EXPECT_EQ(k.counters().handler_sampled_max_ns, 7u);
  EXPECT_EQ(sum_of(k.latencies().handling), 2u);
  EXPECT_EQ(k.latencies().handling[2], 2u);  // 4 to 7
  EXPECT_EQ(sum_of(k.latencies().queueing), 0u) << "nobody stamped them";
}

// The device's clock is ahead of the host's, as which stamps are.
TEST_P(time_passes, the_wait_of_a_timed_request_is_counted_by_its_stamp) {
  constexpr std::uint64_t ahead = 250'000;
  kernel_options o = options(0);
  o.output.capacity = 256;
  o.flags |= device::flag_clock;
  o.clock_ahead = ahead;
  kernel_of<echo> k(o);
  echo::before = [&](const message&, context&) { clock::advance(7); };
  const auto push_sent_at = [&](std::uint64_t host_time, std::uint64_t id = 0) {
    packed<message> m(id, {false, wish::reply, 1});
    m.header.reserved = ring::stamp_of(host_time);
    k.push(m.header, m.bytes.data());
  };
  const std::uint64_t host_now = clock::time() - ahead;
  push_sent_at(host_now - 100'000);
  for (std::uint64_t id = 1; id < 64; ++id) push_sent_at(host_now - 200'000, id);
  k.launch_and_run();
  expect_replies(k, 64);
  EXPECT_EQ(sum_of(k.latencies().queueing), 1u);
  EXPECT_EQ(k.latencies().queueing[ring::latency_bucket(100'000)], 1u);
  push_sent_at(clock::time() - ahead + 50'000);  // a host whose clock is a little ahead
  expect_replies(k, 1);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(sum_of(k.latencies().queueing), 2u);
  EXPECT_EQ(k.latencies().queueing[0], 1u);
  EXPECT_EQ(sum_of(k.latencies().handling), 2u);
}

TEST_P(time_passes, latencies_are_told_only_where_the_clocks_are_known) {
  kernel_options o = options(0);
  kernel_of<echo> k(o);
  packed<message> m(0, {false, wish::reply, 1});
  m.header.reserved = 12345;
  k.push(m.header, m.bytes.data());
  k.launch_and_run();
  expect_replies(k, 1);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(sum_of(k.latencies().handling), 1u);
  EXPECT_EQ(sum_of(k.latencies().queueing), 0u);
}

// Of a batch each timed request counts, however many are in it, and a second launch goes on.
TEST_P(time_passes, requests_of_a_batch_are_timed_as_others_are) {
  kernel_options o = options(0);
  o.input.capacity = o.output.capacity = 256;
  o.flags |= device::flag_clock;
  if (o.grid.blocks > 1) o.grid = {1, 160, 32};  // a batch with three of them
  kernel_of<independent_echo> k(o);
  const auto push_stamped = [&](std::uint64_t count) {
    for (std::uint64_t id = 0; id < count; ++id) {
      packed<message> m(id, {false, wish::reply, 1});
      m.header.reserved = ring::stamp_of(clock::time());
      k.push(m.header, m.bytes.data());
    }
  };
  push_stamped(130);
  k.launch_and_run();
  expect_replies(k, 130);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().handler_samples, 3u);
  EXPECT_EQ(sum_of(k.latencies().handling), 3u);
  EXPECT_EQ(sum_of(k.latencies().queueing), 3u);
  push_stamped(63);
  k.launch_and_run();
  expect_replies(k, 63);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().handler_samples, 4u);
  EXPECT_EQ(sum_of(k.latencies().handling), 4u);
  EXPECT_EQ(sum_of(k.latencies().queueing), 4u);
}

std::string setup_name(const ::testing::TestParamInfo<setup>& info) {
  const setup& s = info.param;
  return name_of(s.in) + "_to_" + name_of(s.out) + "_" + std::to_string(s.grid.blocks) + "x" +
         std::to_string(s.grid.threads);
}
std::vector<setup> setups() {
  std::vector<setup> all;
  for (auto in : {publication::chunked, publication::counted})
    for (auto out : {publication::chunked, publication::counted})
      for (const grid_shape& g : {grid_shape{1, 1, 32}, grid_shape{1, 5, 2}, grid_shape{2, 3, 2}})
        all.push_back({in, out, g});
  return all;
}
INSTANTIATE_TEST_SUITE_P(every_kernel, time_passes, ::testing::ValuesIn(setups()), setup_name);

// ---- blocks that wait for each other

class blocks_wait : public time_passes {
 protected:
  // Lane `late` comes only when it may.
  void hold(std::uint32_t late) {
    grid_echo::before = [this, late](const message&, context& ctx) {
      if (ctx.lane() != late) return;
      is_held = true;
      const std::uint64_t begin = ring::now_ns();
      while (!may_come && ring::now_ns() - begin < 20'000'000'000) std::this_thread::yield();
    };
  }
  std::atomic<bool> is_held{false};
  std::atomic<bool> may_come{false};
};

TEST_P(blocks_wait, a_stop_lets_a_late_block_finish) {
  kernel_of<grid_echo> k(options(0));
  hold(4);
  push(k, 2);
  k.launch_and_run();
  k.until([&] { return is_held.load(); }, "the late lane");
  k.order(command::stop);
  for (int i = 0; i < 5; ++i) k.let_it_look();
  may_come = true;
  EXPECT_EQ(k.join().how, ending::ordered);
  expect_replies(k, 1);
  EXPECT_EQ(k.handler().handled, 1u);
  EXPECT_EQ(k.input_head(), 1u);
}

TEST_P(blocks_wait, a_request_fails_whose_blocks_do_not_come_before_a_stop) {
  kernel_of<grid_echo> k(options(0));
  hold(4);
  push(k, 2);
  k.launch_and_run();
  k.until([&] { return is_held.load(); }, "the late lane");
  k.order(command::stop);
  for (int i = 0; i < 5; ++i) k.let_it_look();
  clock::advance(2'000'000'000);
  ring::message m;
  ASSERT_TRUE(k.peek(m));
  EXPECT_EQ(wrong_failure(m, 0, RONDO_TERMINATED, 0, any_text), "");
  may_come = true;
  EXPECT_EQ(k.join().how, ending::ordered);
  EXPECT_EQ(k.input_head(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    grids, blocks_wait,
    ::testing::Values(setup{publication::chunked, publication::counted, {2, 3, 2}},
                      setup{publication::counted, publication::chunked, {3, 2, 2}}),
    setup_name);

}  // namespace
}  // namespace rondo::test
