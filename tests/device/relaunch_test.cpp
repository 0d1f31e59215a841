// A kernel that is launched again goes on where it ended: sequences, counters, the handler's state.
// Event-driven mode is nothing but that: a launch handles what waits, and ends.
#include "traffic.hpp"

namespace rondo::test {
namespace {

using message = sized<2>;

struct counted_births : answering<message, message> {
  static inline std::atomic<int> born_times{0};
  counted_births() { ++born_times; }
};

struct setup {
  publication in;
  publication out;
  grid_shape grid;
};
std::ostream& operator<<(std::ostream& o, const setup& s) {
  return o << name_of(s.in) << " to " << name_of(s.out) << ", " << s.grid;
}

class relaunch : public ::testing::TestWithParam<setup> {
 protected:
  static kernel_options options() {
    kernel_options o;
    o.input = {GetParam().in, 8, sizeof(message)};
    o.output = {GetParam().out, 8, sizeof(rondo_failure)};
    o.grid = GetParam().grid;
    o.nap_ns = 1000;
    return o;
  }
  template <class H>
  static void push(host_kernel<H>& k, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t id = first; id < first + count; ++id) {
      const packed<message> m(id);
      k.push(m.header, m.bytes.data());
    }
  }
  template <class H>
  static void expect_replies(host_kernel<H>& k, std::uint64_t first, std::uint64_t count) {
    ring::message m;
    for (std::uint64_t id = first; id < first + count && k.peek(m); ++id) {
      EXPECT_EQ(wrong_reply<message>(m, id, answer_to(id)), "");
      k.out().release();
    }
  }
};

TEST_P(relaunch, sequences_counters_and_state_go_on) {
  counted_births::born_times = 0;
  host_kernel<counted_births> k(options());
  for (std::uint64_t round = 0; round < 6; ++round) {
    push(k, round * 5, 3);
    k.launch_and_run();
    expect_replies(k, round * 5, 3);
    EXPECT_EQ(k.stop().how, ending::ordered);
    push(k, round * 5 + 3, 2);  // wait for the next launch
    EXPECT_EQ(k.resume().constructed, 1u);
    if (round % 2 == 0) {  // its replies wait until after the launch
      EXPECT_EQ(k.input_head(), round * 5 + 3);
      k.order(command::drain, round * 5 + 5);  // first: the old order is a stop
      k.launch();
      EXPECT_EQ(k.join().how, ending::ordered);
    } else {
      k.launch_and_run();
      k.until([&] { return k.input_head() == round * 5 + 5; }, "the requests");
      EXPECT_EQ(k.stop().how, ending::ordered);
    }
    expect_replies(k, round * 5 + 3, 2);
    const device::counters_line c = k.counters();
    EXPECT_EQ(c.launches, 2 * (round + 1));
    EXPECT_EQ(c.messages_in, (round + 1) * 5);
    EXPECT_EQ(c.messages_out, (round + 1) * 5);
    EXPECT_EQ(c.input_next, (round + 1) * 5);
    EXPECT_EQ(c.output_next, (round + 1) * 5);
    EXPECT_EQ(k.handler().handled, (round + 1) * 5);
  }
  EXPECT_EQ(counted_births::born_times, 1);
}

TEST_P(relaunch, what_was_reported_before_is_not_taken_for_an_answer) {
  host_kernel<counted_births> k(options());
  k.launch_and_run();
  const report first = k.stop();
  const std::uint32_t word = k.order(command::run);
  EXPECT_EQ(k.told().word, first.word);
  k.launch();
  EXPECT_TRUE(k.await(word));
  EXPECT_EQ(k.told().how, ending::none);
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(relaunch, event_driven_it_ends_when_nothing_waits) {
  kernel_options o = options();
  o.flags = device::flag_once;
  host_kernel<counted_births> k(o);
  k.order(command::run);
  k.launch();
  EXPECT_EQ(k.join().how, ending::idle);
  for (std::uint64_t i = 0; i < 12; ++i) {
    push(k, i * 3, 3);
    k.launch();
    EXPECT_EQ(k.join().how, ending::idle);
    EXPECT_EQ(k.input_head(), i * 3 + 3);
    expect_replies(k, i * 3, 3);
  }
  EXPECT_EQ(k.counters().messages_in, 36u);
  EXPECT_EQ(k.counters().launches, 13u);
}

TEST_P(relaunch, event_driven_it_ends_when_it_is_paused_or_has_no_room) {
  kernel_options o = options();
  o.flags = device::flag_once;
  o.output.capacity = 2;
  host_kernel<counted_births> k(o);
  push(k, 0, 5);
  const std::uint32_t pause = k.order(command::pause);
  k.launch();
  report last = k.join();
  EXPECT_EQ(last.how, ending::idle);
  EXPECT_EQ(last.word, pause);
  EXPECT_EQ(k.input_head(), 0u);
  k.order(command::run);
  for (std::uint64_t first : {0u, 2u, 4u}) {
    k.launch();
    EXPECT_EQ(k.join().how, ending::idle);
    expect_replies(k, first, first < 4 ? 2 : 1);
  }
  EXPECT_EQ(k.counters().messages_in, 5u);
}

// Launches follow each other while messages come in between and during them.
TEST_P(relaunch, event_driven_every_message_is_handled_once) {
  kernel_options o = options();
  o.flags = device::flag_once;
  o.input.one_producer = false;
  using handler = answering<message, message>;
  host_kernel<handler> k(o);
  k.order(command::run);
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> launches{0};
  std::thread launcher([&] {
    do {
      k.launch();
      ++launches;
      EXPECT_EQ(k.join().how, ending::idle);
    } while (!is_over.load() && !k.gave_up());
  });
  traffic t{150, 2, pace::bursts};
  t.before_message = [&](std::uint64_t n) {
    const std::uint64_t seen = launches;
    if (n % 5 == 0) k.until([&] { return launches > seen; }, "another launch");
  };
  conversation<handler> talk(k, t);
  talk.run();
  // What was abandoned last is handled by a launch that begins after it.
  k.until([&] { return k.input_head() == k.in().next_sequence(); }, "the input to be read");
  is_over = true;
  launcher.join();
  talk.check_counters();
  EXPECT_GE(k.counters().launches, 15u);
  EXPECT_EQ(k.counters().launches, launches);
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
      for (const grid_shape& g : {grid_shape{1, 1, 32}, grid_shape{2, 3, 2}})
        all.push_back({in, out, g});
  return all;
}
INSTANTIATE_TEST_SUITE_P(every_kernel, relaunch, ::testing::ValuesIn(setups()), setup_name);

}  // namespace
}  // namespace rondo::test
