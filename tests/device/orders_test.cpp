// Orders: a kernel carries out the last one it was given and says so by its word, whatever it was
// doing, and after that acts as ordered.
#include "traffic.hpp"

namespace rondo::test {
namespace {

using message = sized<2>;
using echo = answering<message, message>;
using each_for_itself = answering<message, message, execution::independent>;
using many = emitting<message, message>;

struct setup {
  publication in;
  publication out;
  grid_shape grid;
};

std::ostream& operator<<(std::ostream& o, const setup& s) {
  return o << name_of(s.in) << " to " << name_of(s.out) << ", " << s.grid;
}

class orders : public ::testing::TestWithParam<setup> {
 protected:
  static constexpr std::uint64_t capacity = 4;

  static kernel_options options() {
    kernel_options o;
    o.input = {GetParam().in, 64, sizeof(message)};
    o.output = {GetParam().out, capacity, sizeof(rondo_failure)};
    o.grid = GetParam().grid;
    o.nap_ns = 1000;
    return o;
  }
  template <class H>
  static void push(host_kernel<H>& k, std::uint64_t first, std::uint64_t count,
                   std::uint32_t replies = 1) {
    for (std::uint64_t id = first; id < first + count; ++id) {
      const packed<message> m(id, {false, wish::reply, replies});
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
  template <class H>
  static void expect_no_reply(host_kernel<H>& k) {
    ring::message m;
    EXPECT_EQ(k.out().peek(m), RONDO_EMPTY);
  }
  template <class H>
  static void await_replies(host_kernel<H>& k, std::uint64_t published) {
    k.until([&] { return is_published(k, published - 1); }, "a full output");
  }
  template <class H>
  static bool is_published(host_kernel<H>& k, std::uint64_t sequence) {
    const ring::view v = k.out_view();
    if (v.shape.how == publication::counted)
      return ring::platform::load_acquire(&v.producer->tail) > sequence;
    const auto* c = reinterpret_cast<const ring::chunk*>(v.slot(sequence));
    return ring::platform::load_chunk(c).tag == ring::chunk_tag(sequence);
  }
};

TEST_P(orders, without_one_nothing_is_handled) {
  host_kernel<echo> k(options());
  push(k, 0, 3);
  k.launch();
  k.let_it_look();
  EXPECT_EQ(k.input_head(), 0u);
  EXPECT_EQ(k.told().word, 0u);
  EXPECT_TRUE(k.obey(command::run));
  expect_replies(k, 0, 3);
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(orders, each_is_acknowledged_by_its_own_word) {
  host_kernel<echo> k(options());
  k.launch();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(k.obey(command::run));
    EXPECT_TRUE(k.obey(command::pause));
  }
  for (int i = 0; i < 20; ++i) {
    k.order(command::run);
    k.order(command::pause);
    EXPECT_TRUE(k.obey(command::run)) << "the last of three counts";
    EXPECT_EQ(k.told().how, ending::none);
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(orders, nothing_is_handled_after_a_pause_was_acknowledged) {
  host_kernel<echo> k(options());
  k.launch_and_run();
  for (std::uint64_t round = 0; round < 10; ++round) {
    const std::uint64_t first = round * 8;
    push(k, first, 8);
    const std::uint32_t word = k.order(command::pause);
    std::uint64_t got = 0;
    ring::message m;
    // Room in the output must not be what holds it back.
    k.until(
        [&] {
          if (k.out().peek(m) == RONDO_OK) {
            EXPECT_EQ(wrong_reply<message>(m, first + got, answer_to(first + got)), "");
            k.out().release();
            ++got;
          }
          return k.told().word == word;
        },
        "the pause");
    const std::uint64_t head = k.input_head();
    EXPECT_EQ(k.counters().messages_in, head) << "the counters are those of the pause";
    while (k.out().peek(m) == RONDO_OK) k.out().release(), ++got;
    EXPECT_EQ(first + got, head);
    k.let_it_look();
    EXPECT_EQ(k.input_head(), head);
    expect_no_reply(k);
    EXPECT_TRUE(k.obey(command::run));
    expect_replies(k, first + got, 8 - got);
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.handler().handled, 80u);
}

TEST_P(orders, what_was_abandoned_behind_a_full_output_does_not_hold_up_a_drain) {
  host_kernel<echo> k(options());
  k.launch_and_run();
  push(k, 0, capacity);
  await_replies(k, capacity);
  ring::claim c;
  ASSERT_TRUE(k.until([&] { return k.in().try_reserve(1, c) == RONDO_OK; }, "a slot"));
  k.in().abandon(c);
  EXPECT_EQ(k.drain(k.in().next_sequence()).how, ending::ordered);
  EXPECT_EQ(k.input_head(), capacity + 1);
  EXPECT_EQ(k.counters().messages_dropped, 1u);
  EXPECT_EQ(k.counters().messages_in, capacity);
}

TEST_P(orders, a_request_that_finds_no_room_for_its_reply_stays_and_pauses) {
  host_kernel<echo> k(options());
  push(k, 0, 6);
  k.launch_and_run();
  await_replies(k, capacity);
  k.let_it_look();
  EXPECT_EQ(k.input_head(), capacity);
  EXPECT_TRUE(k.obey(command::pause));
  expect_replies(k, 0, capacity);
  k.let_it_look();
  EXPECT_EQ(k.input_head(), capacity) << "it had room, and was paused";
  EXPECT_TRUE(k.obey(command::run));
  expect_replies(k, capacity, 2);
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(orders, a_stop_leaves_what_finds_no_room) {
  host_kernel<echo> k(options());
  push(k, 0, 6);
  k.launch_and_run();
  await_replies(k, capacity);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.input_head(), capacity);
  EXPECT_EQ(k.handler().handled, capacity);
  expect_replies(k, 0, capacity);
  expect_no_reply(k);
}

TEST_P(orders, a_stop_frees_an_emitter_that_waits_for_room_and_leaves_the_rest) {
  host_kernel<many> k(options());
  push(k, 0, 5, capacity + 2);
  k.launch_and_run();
  await_replies(k, capacity);
  k.let_it_look();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.handler().handled, 1u);
  EXPECT_EQ(k.handler().refused, 2u);
  EXPECT_EQ(k.input_head(), 1u);
  EXPECT_EQ(k.counters().messages_out, capacity);
}

TEST_P(orders, an_emitter_that_waits_for_room_finishes_before_it_pauses) {
  host_kernel<many> k(options());
  push(k, 0, 2, capacity + 2);
  k.launch_and_run();
  await_replies(k, capacity);
  const std::uint32_t word = k.order(command::pause);
  k.let_it_look();
  EXPECT_NE(k.told().word, word) << "a message is in hand";
  ring::message m;
  for (std::uint64_t i = 0; i < capacity + 2; ++i) {
    ASSERT_TRUE(k.peek(m));
    EXPECT_EQ(wrong_reply<message>(m, 0, answer_to(i)), "");
    k.out().release();
  }
  EXPECT_TRUE(k.await(word));
  EXPECT_EQ(k.input_head(), 1u);
  EXPECT_EQ(k.counters().messages_in, 1u);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.handler().refused, 0u);
}

template <class H>
void drain_exactly(const kernel_options& o, std::uint64_t below, bool is_paused) {
  host_kernel<H> k(o);
  for (std::uint64_t id = 0; id < 20; ++id) {
    const packed<message> m(id);
    k.push(m.header, m.bytes.data());
  }
  k.launch();
  if (is_paused) k.obey(command::pause);
  const report last = k.drain(below);
  EXPECT_EQ(last.how, ending::ordered);
  EXPECT_EQ(last.word, device::command_word(is_paused ? 2 : 1, command::drain));
  EXPECT_EQ(k.input_head(), below);
  EXPECT_EQ(k.counters().messages_in, below);
}

TEST_P(orders, a_drain_handles_exactly_what_lies_below_its_sequence) {
  kernel_options o = options();
  o.output.capacity = 32;
  for (std::uint64_t below : {0u, 1u, 2u, 7u, 19u, 20u})
    for (bool is_paused : {false, true}) {
      SCOPED_TRACE(below);
      drain_exactly<echo>(o, below, is_paused);
      drain_exactly<each_for_itself>(o, below, is_paused);
    }
}

TEST_P(orders, a_drain_waits_for_room_and_for_a_claimed_slot) {
  host_kernel<echo> k(options());
  push(k, 0, 6);
  ring::claim late;
  ASSERT_EQ(k.in().try_reserve(sizeof(message), late), RONDO_OK);
  k.launch();
  k.order(command::drain, 7);
  await_replies(k, capacity);
  k.let_it_look();
  EXPECT_EQ(k.input_head(), capacity);
  expect_replies(k, 0, 6);
  k.let_it_look();
  EXPECT_FALSE(k.has_ended());
  const packed<message> m(6);
  std::memcpy(late.payload, m.bytes.data(), m.header.length);
  k.in().commit(late, m.header);
  EXPECT_EQ(k.join().how, ending::ordered);
  expect_replies(k, 6, 1);
}

TEST_P(orders, a_stop_ends_a_drain_that_cannot_finish) {
  host_kernel<echo> k(options());
  k.launch();
  const std::uint32_t drain = k.order(command::drain, 3);
  k.let_it_look();
  EXPECT_NE(k.told().word, drain);
  EXPECT_EQ(k.stop().how, ending::ordered);
}

TEST_P(orders, an_idle_kernel_polls_and_counts_no_message) {
  host_kernel<echo> k(options());
  k.launch_and_run();
  k.until([&] { return k.counters().polls > 100; }, "a heartbeat");
  EXPECT_EQ(k.counters().messages_in, 0u);
  EXPECT_GT(k.counters().heartbeat, 0u);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().messages_in, 0u);
  EXPECT_EQ(k.counters().messages_dropped, 0u);
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

INSTANTIATE_TEST_SUITE_P(every_kernel, orders, ::testing::ValuesIn(setups()), setup_name);

}  // namespace
}  // namespace rondo::test
