// Queues with rules, on the side of the input: two lanes, deadlines, requests that are given up for
// newer ones. Each for every way of publication and several shapes of a launch.
#include "rules_support.hpp"

namespace rondo::test {
namespace {

using every_input = ruled;
INSTANTIATE_TEST_SUITE_P(every_kernel, every_input, ::testing::ValuesIn(setups()), setup_name);

// ---- two lanes

template <class H>
void expect_urgent_first(kernel_options o) {
  o.input.lanes = 2;
  ruled_kernel<H> k(o);
  k.launch();
  for (std::uint64_t id = 0; id < 8; ++id) {
    const packed<message> m(id);
    ASSERT_EQ((id % 2 == 0 ? k.in() : k.urgent()).try_push(m.header, m.bytes.data()), RONDO_OK);
  }
  k.obey(command::run);
  for (const std::uint64_t id : {1, 3, 5, 7, 0, 2, 4, 6}) {
    ring::message m;
    ASSERT_TRUE(k.peek(m)) << id;
    EXPECT_EQ(wrong_reply<message>(m, id, answer_to(id)), "");
    k.out().release();
  }
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.counters().messages_in, 8u);
  EXPECT_EQ(k.counters().messages_dropped, 0u);
}

// One sequence comes twice here, once in each lane: the blocks of a grid must not take the second
// for the first.
TEST_P(every_input, urgent_requests_overtake_and_each_lane_keeps_its_order) {
  expect_urgent_first<echo>(options());
  expect_urgent_first<answering<message, message, execution::warp>>(options());
  expect_urgent_first<answering<message, message, execution::block>>(options());
  expect_urgent_first<answering<message, message, execution::grid>>(options());
  expect_urgent_first<answering<message, message, execution::independent>>(options());
}

TEST_P(every_input, a_drain_ends_in_each_lane_where_it_was_told) {
  kernel_options o = options();
  o.input.lanes = 2;
  for (const auto& [normal, urgent] : {std::pair{0u, 3u}, {2u, 0u}, {1u, 4u}, {4u, 4u}}) {
    SCOPED_TRACE(std::to_string(normal) + " " + std::to_string(urgent));
    ruled_kernel<echo> k(o);
    for (std::uint64_t id = 0; id < 4; ++id) push(k, id);
    for (std::uint64_t id = 10; id < 14; ++id) push(k, id, urgently);
    k.launch();
    EXPECT_EQ(k.drain(normal, urgent).how, ending::ordered);
    for (std::uint64_t id = 10; id < 10 + urgent; ++id) expect_reply(k, id);
    for (std::uint64_t id = 0; id < normal; ++id) expect_reply(k, id);
    expect_no_reply(k);
    EXPECT_EQ(k.counters().messages_in, normal + urgent);
  }
}

TEST_P(every_input, a_drain_waits_for_a_claimed_slot_of_the_urgent_lane) {
  kernel_options o = options();
  o.input.lanes = 2;
  ruled_kernel<echo> k(o);
  push(k, 0);
  ring::claim late;
  ASSERT_EQ(k.urgent().try_reserve(sizeof(message), late), RONDO_OK);
  k.launch();
  k.order(command::drain, 1, 1);
  expect_reply(k, 0);
  k.let_it_look();
  EXPECT_FALSE(k.has_ended());
  const packed<message> m(1);
  std::memcpy(late.payload, m.bytes.data(), m.header.length);
  k.urgent().commit(late, m.header);
  EXPECT_EQ(k.join().how, ending::ordered);
  expect_reply(k, 1);
}

TEST_P(every_input, what_the_host_discarded_is_dropped_in_each_lane) {
  kernel_options o = options();
  o.input.lanes = 2;
  o.skip_below = 1;
  o.skip_urgent_below = 2;
  ruled_kernel<echo> k(o);
  for (std::uint64_t id = 0; id < 3; ++id) push(k, id);
  for (std::uint64_t id = 10; id < 13; ++id) push(k, id, urgently);
  k.launch_and_run();
  for (const std::uint64_t id : {12, 1, 2}) expect_reply(k, id);
  k.stop();
  EXPECT_EQ(k.counters().messages_dropped, 3u);
}

// A lane that was used in an earlier life says nothing of the other's sequences.
TEST_P(every_input, what_was_discarded_in_one_lane_is_not_dropped_in_the_other) {
  kernel_options o = options();
  o.input.lanes = 2;
  o.skip_below = 100;
  ruled_kernel<echo> k(o);
  for (std::uint64_t id = 10; id < 13; ++id) push(k, id, urgently);
  k.launch_and_run();
  for (const std::uint64_t id : {10, 11, 12}) expect_reply(k, id);
  k.stop();
  EXPECT_EQ(k.counters().messages_in, 3u);
  EXPECT_EQ(k.counters().messages_dropped, 0u);
}

// ---- deadlines

TEST_P(every_input, requests_that_are_too_old_are_answered_counted_and_not_handled) {
  kernel_options o = options();
  o.input.timed = true;
  o.input.capacity = 8;
  o.flags |= device::flag_clock;
  ruled_kernel<echo> k(o);
  const std::uint64_t past = ring::now_ns() - 1, future = past + 3'600'000'000'000;
  push(k, 0, {.deadline_ns = past});
  push(k, 1, {.deadline_ns = future});
  push(k, 2);
  push(k, 3, {.is_awaited = false, .deadline_ns = 1});
  push(k, 4);
  k.launch_and_run();
  expect_failure(k, 0, RONDO_EXPIRED, too_old);
  expect_reply(k, 1);
  expect_reply(k, 2);
  ring::message m;
  ASSERT_TRUE(k.peek(m));  // its handler owes one reply to each request
  EXPECT_EQ(m.header->flags, RONDO_FLAG_FAILED);
  EXPECT_EQ(m.header->correlation_id, 3u);
  k.out().release();
  expect_reply(k, 4);
  k.stop();
  EXPECT_EQ(k.handler().handled, 3u);
  EXPECT_EQ(k.rules().expired, 2u);
  EXPECT_EQ(k.counters().messages_in, 3u);
  EXPECT_EQ(k.counters().messages_dropped, 2u);
  EXPECT_EQ(k.counters().messages_failed, 0u);
  EXPECT_EQ(k.counters().messages_out, 5u);
}

// To the nanosecond, on a device whose clock is ahead of the host's.
TEST_P(every_input, deadlines_are_told_by_the_hosts_clock) {
  using clock = clocked_threads;
  clock::reset();
  kernel_options o = options();
  o.input.timed = true;
  o.flags |= device::flag_clock;
  o.clock_ahead = 400'000;
  ruled_kernel<echo, ring::platform, clock> k(o);
  k.launch();
  const std::uint64_t on_host = clock::time() - o.clock_ahead;
  push(k, 0, {.deadline_ns = on_host});
  push(k, 1, {.deadline_ns = on_host + 1});
  k.obey(command::run);
  expect_failure(k, 0, RONDO_EXPIRED, too_old);
  expect_reply(k, 1);
  k.obey(command::pause);
  push(k, 2, {.deadline_ns = on_host + 1});
  clock::advance(1);
  k.obey(command::run);
  expect_failure(k, 2, RONDO_EXPIRED, too_old);
  k.stop();
}

TEST_P(every_input, what_is_too_old_is_only_counted_where_no_answer_is_owed) {
  kernel_options o = options(1);
  o.input.timed = true;
  ruled_kernel<many> k(o);
  push(k, 0);
  push(k, 1, {.is_awaited = false, .deadline_ns = 1});
  push(k, 2, {.is_awaited = false, .deadline_ns = 1});
  push(k, 3, {.deadline_ns = 1});
  k.launch_and_run();
  k.until([&] { return k.rules().expired == 2; }, "two that nobody waits for");
  k.let_it_look();
  EXPECT_EQ(k.rules().expired, 2u) << "who waits is told, and there is no room";
  expect_reply(k, 0, answer_to(0));
  expect_failure(k, 3, RONDO_EXPIRED, too_old);
  k.stop();
  EXPECT_EQ(k.rules().expired, 3u);
  EXPECT_EQ(k.handler().handled, 1u);
}

TEST_P(every_input, answers_to_what_is_too_old_hold_up_no_stop) {
  kernel_options o = options(1);
  o.input.timed = true;
  ruled_kernel<echo> k(o);
  push(k, 0);
  push(k, 1, {.deadline_ns = 1});
  push(k, 2);
  k.launch_and_run();
  await_handled(k, 1);
  k.let_it_look();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.input_head(), 1u);
  k.launch_and_run();
  expect_reply(k, 0);
  expect_failure(k, 1, RONDO_EXPIRED, too_old);
  expect_reply(k, 2);
  EXPECT_EQ(k.stop().how, ending::ordered);
}

// ---- requests that are given up for newer ones

TEST_P(every_input, the_oldest_are_given_up_and_no_more_than_is_needed) {
  kernel_options o = options();
  o.input.drop_oldest = true;
  ruled_kernel<echo> k(o);
  for (std::uint64_t id = 0; id < capacity; ++id) push(k, id);
  k.launch();
  for (std::uint64_t id = 0; id < 2; ++id) {
    EXPECT_EQ(try_push(k, capacity + id), RONDO_FULL);
    EXPECT_TRUE(k.in().drop_oldest(1));
    EXPECT_TRUE(k.in().drop_oldest(1)) << "asking again costs nobody a message";
    push(k, capacity + id);
    k.let_it_look();
    EXPECT_EQ(k.input_head(), id + 1);
  }
  k.obey(command::run);
  for (std::uint64_t id = 0; id < 2; ++id) expect_failure(k, id, RONDO_DROPPED, given_up);
  for (std::uint64_t id = 2; id < capacity + 2; ++id) expect_reply(k, id);
  k.stop();
  EXPECT_EQ(k.rules().dropped_oldest, 2u);
  EXPECT_EQ(k.counters().messages_dropped, 2u);
  EXPECT_EQ(k.counters().messages_in, capacity);
}

TEST_P(every_input, the_oldest_wait_for_room_for_their_answers) {
  kernel_options o = options(1);
  o.input.drop_oldest = true;
  ruled_kernel<echo> k(o);
  k.launch_and_run();
  push(k, 100);
  await_handled(k, 1);
  for (std::uint64_t id = 0; id < capacity; ++id) push(k, id);
  EXPECT_TRUE(k.in().drop_oldest(1));
  k.let_it_look();
  EXPECT_EQ(try_push(k, capacity), RONDO_FULL);
  expect_reply(k, 100);
  push(k, capacity);
  expect_failure(k, 0, RONDO_DROPPED, given_up);
  for (std::uint64_t id = 1; id <= capacity; ++id) expect_reply(k, id);
  k.stop();
  EXPECT_EQ(k.rules().dropped_oldest, 1u);
}

TEST_P(every_input, each_lane_gives_up_its_own_oldest_also_while_the_kernel_is_paused) {
  kernel_options o = options();
  o.input.lanes = 2;
  o.input.drop_oldest = true;
  ruled_kernel<echo> k(o);
  for (std::uint64_t id = 0; id < capacity; ++id) push(k, id);
  for (std::uint64_t id = 10; id < 10 + capacity; ++id) push(k, id, urgently);
  k.launch();
  k.obey(command::pause);
  EXPECT_TRUE(k.in().drop_oldest(1));
  push(k, 4);
  EXPECT_TRUE(k.urgent().drop_oldest(2));
  push(k, 14, urgently);
  push(k, 15, urgently);
  expect_failure(k, 0, RONDO_DROPPED, given_up);
  expect_failure(k, 10, RONDO_DROPPED, given_up);
  expect_failure(k, 11, RONDO_DROPPED, given_up);
  k.let_it_look();
  expect_no_reply(k);
  k.obey(command::run);
  for (const std::uint64_t id : {12, 13, 14, 15, 1, 2, 3, 4}) expect_reply(k, id);
  k.stop();
  EXPECT_EQ(k.rules().dropped_oldest, 3u);
}

// What nobody filled is passed over as well, or a sender would wait for an inactive kernel.
TEST_P(every_input, an_abandoned_slot_does_not_keep_a_paused_kernel_from_giving_up) {
  kernel_options o = options();
  o.input.drop_oldest = true;
  ruled_kernel<many> k(o);
  k.launch();
  ring::claim c;
  ASSERT_EQ(k.in().try_reserve(1, c), RONDO_OK);
  k.in().abandon(c);
  for (std::uint64_t id = 0; id < capacity - 1; ++id) push(k, id);
  k.let_it_look();
  EXPECT_EQ(k.input_head(), 0u);
  EXPECT_TRUE(k.in().drop_oldest(1));
  push(k, 3);
  EXPECT_EQ(k.drain(k.in().next_sequence()).how, ending::ordered);
  EXPECT_EQ(k.counters().messages_in, 4u);
  EXPECT_EQ(k.counters().messages_dropped, 1u);
  EXPECT_EQ(k.rules().dropped_oldest, 0u);
}

// ---- all of it together

template <class H>
void expect_traffic(kernel_options o, std::uint32_t request, std::uint32_t response) {
  o.input.payload = request;
  o.output.payload = std::max<std::uint32_t>(response, sizeof(rondo_failure));
  o.input.lanes = 2;
  o.input.timed = o.input.drop_oldest = true;
  o.flags |= device::flag_clock;
  ruled_kernel<H> k(o);
  k.launch_and_run();
  conversation<H> talk(k, {.messages = 120, .how = pace::bursts});
  talk.run();
  k.until([&] { return k.input_head() == k.in().next_sequence(); }, "the input to be read");
  k.obey(command::pause);
  talk.check_counters();
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.resume().counters.input_next, k.in().next_sequence());
}

TEST_P(every_input, messages_of_every_kind_come_through_whole) {
  using wide = sized<80>;  // a chunked slot of all pieces, with the times
  using lists = listed<60>;
  expect_traffic<answering<wide, message>>(options(), sizeof(wide), sizeof(message));
  expect_traffic<answering<lists, lists, execution::block>>(options(), detail::max_bytes<lists>(),
                                                            detail::max_bytes<lists>());
  expect_traffic<answering<message, message, execution::independent>>(options(), sizeof(message),
                                                                      sizeof(message));
  expect_traffic<emitting<lists, message, execution::warp>>(options(2), detail::max_bytes<lists>(),
                                                            sizeof(message));
}

}  // namespace
}  // namespace rondo::test
