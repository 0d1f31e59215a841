// Queues with rules, on the side of the output: a kernel that does not wait for room drops replies
// and counts them, and who waits is told as soon as there is room. And what a launch leaves to the
// next.
#include "rules_support.hpp"

namespace rondo::test {
namespace {

using every_output = ruled;
INSTANTIATE_TEST_SUITE_P(every_kernel, every_output, ::testing::ValuesIn(setups()), setup_name);

template <class H>
void expect_lost(const kernel_options& o, bool rejects) {
  ruled_kernel<H> k(o);
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 5; ++id) {
    const packed<message> m(id);
    k.push(m.header, m.bytes.data());
  }
  k.until([&] { return k.counters().messages_in == 5; }, "five to be handled");
  k.obey(command::pause);
  EXPECT_EQ(k.counters().messages_out, 2u);
  EXPECT_EQ(k.counters().messages_failed, rejects ? 3u : 0u);
  EXPECT_EQ(k.rules().replies_dropped, 3u);
  EXPECT_EQ(k.rules().owed, 3u);
  ring::message m;
  for (std::uint64_t id = 0; id < 5; ++id) {
    ASSERT_TRUE(k.peek(m)) << id;
    if (id < 2) EXPECT_EQ(wrong_reply<message>(m, id, answer_to(id)), "");
    else EXPECT_EQ(wrong_failure(m, id, rejects ? RONDO_FULL : RONDO_DROPPED, 0, any_text), "");
    k.out().release();
  }
  k.until([&] { return k.rules().owed == 0; }, "that nobody is owed an answer");
  k.stop();
  EXPECT_EQ(k.counters().messages_out, 5u);
  if constexpr (detail::execution_of<H>() != execution::independent) {
    EXPECT_EQ(k.handler().handled, rejects ? 2u : 5u);
  }
}

TEST_P(every_output, that_is_full_is_not_waited_for_and_every_caller_is_told) {
  for (const bool rejects : {true, false}) {
    SCOPED_TRACE(rejects ? "reject" : "drop_newest");
    const kernel_options o =
        output_that(rejects ? device::flag_reject : device::flag_drop_newest, 2);
    expect_lost<echo>(o, rejects);
    expect_lost<answering<message, message, execution::warp>>(o, rejects);
    expect_lost<answering<message, message, execution::block>>(o, rejects);
    expect_lost<answering<message, message, execution::grid>>(o, rejects);
    expect_lost<answering<message, message, execution::independent>>(o, rejects);
  }
}

TEST_P(every_output, gives_the_owed_answer_before_the_next_reply) {
  ruled_kernel<echo> k(output_that(device::flag_drop_newest, 1));
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 3; ++id) push(k, id);
  await_handled(k, 3);
  k.obey(command::pause);
  push(k, 3);
  expect_reply(k, 0);
  expect_failure(k, 1, RONDO_DROPPED, lost);
  expect_failure(k, 2, RONDO_DROPPED, lost);
  k.obey(command::run);
  expect_reply(k, 3);
  k.stop();
  EXPECT_EQ(k.rules().replies_dropped, 2u);
}

TEST_P(every_output, drops_without_a_word_what_nobody_waits_for) {
  for (const std::uint32_t flag : {device::flag_reject, device::flag_drop_newest}) {
    ruled_kernel<echo> k(output_that(flag, 1));
    k.launch_and_run();
    for (std::uint64_t id = 0; id < 4; ++id) push(k, id, unawaited);
    await_handled(k, 4);
    EXPECT_EQ(k.rules().replies_dropped, 3u);
    EXPECT_EQ(k.rules().owed, 0u);
    expect_reply(k, 0);
    k.let_it_look();
    expect_no_reply(k);
    k.stop();
    EXPECT_EQ(k.counters().messages_out, 1u);
  }
}

template <execution How>
void expect_cut_short(kernel_options o, bool rejects) {
  using emitter = emitting<message, message, How>;
  ruled_kernel<emitter> k(o);
  k.launch_and_run();
  const packed<message> m(5, {.many = 7});
  k.push(m.header, m.bytes.data());
  k.until([&] { return k.counters().messages_in == 1; }, "it to be handled");
  k.obey(command::pause);
  EXPECT_EQ(k.counters().messages_out, 4u);
  EXPECT_EQ(k.counters().messages_failed, rejects ? 1u : 0u);
  EXPECT_EQ(k.rules().replies_dropped, 3u);
  EXPECT_EQ(k.rules().owed, 1u) << "its caller is told once";
  ring::message reply;
  for (std::uint64_t part = 0; part < 4; ++part) {
    ASSERT_TRUE(k.peek(reply));
    EXPECT_EQ(wrong_reply<message>(reply, 5, answer_to(5 << 8 | part)), "");
    k.out().release();
  }
  ASSERT_TRUE(k.peek(reply));
  EXPECT_EQ(wrong_failure(reply, 5, rejects ? RONDO_FULL : RONDO_DROPPED, 0, any_text), "");
  k.out().release();
  k.stop();
  EXPECT_EQ(k.counters().messages_out, 5u);
}

TEST_P(every_output, cuts_a_stream_of_replies_short) {
  for (const bool rejects : {true, false}) {
    SCOPED_TRACE(rejects ? "reject" : "drop_newest");
    const kernel_options o =
        output_that(rejects ? device::flag_reject : device::flag_drop_newest, 4);
    expect_cut_short<execution::serial>(o, rejects);
    expect_cut_short<execution::warp>(o, rejects);
    expect_cut_short<execution::block>(o, rejects);
  }
}

TEST_P(every_output, still_tells_what_the_handler_said) {
  for (const std::uint32_t flag : {device::flag_reject, device::flag_drop_newest}) {
    ruled_kernel<many> k(output_that(flag, 1));
    k.launch_and_run();
    for (std::uint64_t id = 0; id < 3; ++id)
      push(k, id, {.plan = {.wanted = wish::fail, .many = 0}});
    await_handled(k, 3);
    EXPECT_EQ(k.counters().messages_failed, 3u);
    EXPECT_EQ(k.rules().replies_dropped, 2u);
    for (std::uint64_t id = 0; id < 3; ++id)
      expect_failure(k, id, RONDO_HANDLER_FAILED, "as you wish", wanted_code);
    k.stop();
  }
}

TEST_P(every_output, tells_what_is_wrong_with_a_request_that_finds_no_room) {
  ruled_kernel<echo> k(output_that(device::flag_reject, 1));
  k.launch_and_run();
  push(k, 0);
  packed<message> old(1);
  old.header.version = 1;
  k.push(old.header, old.bytes.data());
  await_handled(k, 2);
  EXPECT_EQ(k.rules().replies_dropped, 1u);
  expect_reply(k, 0);
  expect_failure(k, 1, RONDO_VERSION_MISMATCH, any_text);
  k.stop();
}

TEST_P(every_output, leaves_requests_in_the_input_when_it_owes_as_many_answers_as_it_keeps) {
  kernel_options o = output_that(device::flag_drop_newest, 1);
  o.most_owed = 3;
  ruled_kernel<echo> k(o);
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 6; ++id) push(k, id);
  await_handled(k, 4);
  k.obey(command::pause);
  EXPECT_EQ(k.counters().messages_in, 4u) << "the others had been looked at, and stay";
  EXPECT_EQ(k.rules().owed, 3u);
  k.obey(command::run);
  expect_reply(k, 0);
  for (const std::uint64_t id : {1, 2, 3}) expect_failure(k, id, RONDO_DROPPED, lost);
  // These two found room or not, as quickly as the others were read.
  std::uint64_t found_no_room = 0;
  for (const std::uint64_t id : {4, 5}) {
    ring::message reply;
    ASSERT_TRUE(k.peek(reply)) << id;
    if ((reply.header->flags & RONDO_FLAG_FAILED) == 0) {
      EXPECT_EQ(wrong_reply<message>(reply, id, answer_to(id)), "");
    } else {
      EXPECT_EQ(wrong_failure(reply, id, RONDO_DROPPED, 0, lost), "");
      ++found_no_room;
    }
    k.out().release();
  }
  k.stop();
  EXPECT_EQ(k.rules().replies_dropped, 3 + found_no_room);
}

TEST_P(every_output, holds_up_neither_a_drain_nor_what_is_given_up_or_too_old) {
  for (const std::uint32_t flag : {device::flag_reject, device::flag_drop_newest}) {
    kernel_options o = output_that(flag, 1);
    o.input.timed = o.input.drop_oldest = true;
    o.input.lanes = 2;
    ruled_kernel<echo> k(o);
    push(k, 0, urgently);
    push(k, 1);
    push(k, 2);
    push(k, 3, {.deadline_ns = 1});
    push(k, 4, {.is_awaited = false, .deadline_ns = 1});
    k.in().discard_below(1);
    k.order(command::drain, 4, 1);  // before the launch, or it would give up first
    k.launch();
    EXPECT_EQ(k.join().how, ending::ordered);
    EXPECT_EQ(k.rules().dropped_oldest, 1u);
    EXPECT_EQ(k.rules().expired, 2u);
    EXPECT_EQ(k.rules().replies_dropped, 2u) << "to 2, and to 4, for which nobody waits";
    EXPECT_EQ(k.counters().messages_in, 2u);
    EXPECT_EQ(k.counters().messages_dropped, 3u);
    expect_reply(k, 0);
    expect_no_reply(k);
    EXPECT_EQ(k.rules().owed, 3u);
    // The next launch tells them, also if it is paused.
    const std::uint32_t pause = k.order(command::pause);
    k.launch();
    k.await(pause);
    expect_failure(k, 1, RONDO_DROPPED, given_up);
    expect_failure(k, 2, flag == device::flag_reject ? RONDO_FULL : RONDO_DROPPED, any_text);
    expect_failure(k, 3, RONDO_EXPIRED, too_old);
    EXPECT_EQ(k.stop().how, ending::ordered);
    EXPECT_EQ(k.rules().owed, 0u);
  }
}

TEST_P(every_output, a_stop_tells_those_for_whom_there_is_room) {
  ruled_kernel<echo> k(output_that(device::flag_drop_newest, 1));
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 3; ++id) push(k, id);
  await_handled(k, 3);
  EXPECT_EQ(k.stop().how, ending::ordered);
  EXPECT_EQ(k.rules().owed, 2u);
  expect_reply(k, 0);
  const std::uint32_t word = k.order(command::stop);
  k.launch();
  EXPECT_EQ(k.join().word, word);
  expect_failure(k, 1, RONDO_DROPPED, lost);
  EXPECT_EQ(k.rules().owed, 1u);
}

// ---- event-driven launches

TEST_P(every_output, an_event_driven_launch_ends_when_nothing_can_be_done) {
  kernel_options o = output_that(device::flag_drop_newest, 1);
  o.flags |= device::flag_once;
  o.input.drop_oldest = true;
  o.input.capacity = 4;
  ruled_kernel<echo> k(o);
  const auto launch_for = [&](command what) {
    k.order(what);
    k.launch();
    return k.join().how;
  };
  for (std::uint64_t id = 0; id < 4; ++id) push(k, id);
  EXPECT_TRUE(k.in().drop_oldest(1));
  EXPECT_EQ(launch_for(command::pause), ending::idle);
  EXPECT_EQ(k.input_head(), 1u) << "what was given up, and nothing else";
  EXPECT_EQ(k.counters().messages_in, 0u);
  push(k, 4);
  EXPECT_EQ(launch_for(command::run), ending::idle);
  EXPECT_EQ(k.counters().messages_in, 4u);
  EXPECT_EQ(k.rules().owed, 4u);
  expect_failure(k, 0, RONDO_DROPPED, given_up);
  for (std::uint64_t id = 1; id < 5; ++id) {
    EXPECT_EQ(launch_for(id % 2 == 0 ? command::run : command::pause), ending::idle);
    expect_failure(k, id, RONDO_DROPPED, lost);
  }
  EXPECT_EQ(k.rules().owed, 0u);
  EXPECT_EQ(k.counters().messages_out, 5u);
}

TEST_P(every_output, a_silent_host_ends_a_kernel_that_owes_answers) {
  clocked_threads::reset();
  kernel_options o = output_that(device::flag_reject, 1);
  o.lease_ns = 50'000'000;
  ruled_kernel<echo, ring::platform, clocked_threads> k(o);
  k.launch_and_run();
  for (std::uint64_t id = 0; id < 2; ++id) push(k, id);
  await_handled(k, 2);
  clocked_threads::advance(o.lease_ns + 1);
  EXPECT_EQ(k.join().how, ending::lease_lapsed);
}

}  // namespace
}  // namespace rondo::test
