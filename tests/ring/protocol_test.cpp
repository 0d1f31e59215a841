// What one thread sees of a ring, for every publication, with one and with several producers, with
// and without times: full, empty, order, and what an answer other than OK leaves behind.
#include "support.hpp"

#include <vector>

namespace rondo::test {
namespace {

class protocol : public ::testing::TestWithParam<ring_shape> {
 protected:
  std::uint64_t capacity() const { return GetParam().capacity; }
  void expect_empty() {
    ring::message m;
    ASSERT_EQ(consumer_.peek(m), RONDO_EMPTY);
  }

  backend::ring_memory memory_ = make_ring(GetParam());
  ring::view view_ = memory_.view();
  ring::producer<> producer_{view_};
  ring::consumer<> consumer_{view_};
};

TEST_P(protocol, delivers_nothing_out_of_garbage) {
  for (int look = 0; look < 100; ++look) expect_empty();
  ring::envelope header{};
  std::byte payload[64];
  EXPECT_EQ(consumer_.try_pop(header, payload, sizeof payload), RONDO_EMPTY);
  EXPECT_EQ(view_.consumer->head, 0u);
}

TEST_P(protocol, a_short_look_never_misses_what_peek_gives) {
  for (std::uint64_t id = 0; id < 3 * capacity(); ++id) {
    EXPECT_FALSE(consumer_.may_have_message());
    expect_empty();
    producer_.expect_to_write();
    ring::claim c;
    ASSERT_EQ(producer_.try_reserve(1, c, id % 2 == 0), RONDO_OK);
    EXPECT_FALSE(consumer_.may_have_message());
    producer_.commit(c, envelope_for(id, 0));
    EXPECT_TRUE(consumer_.may_have_message());
    EXPECT_TRUE(pops_id(consumer_, id, 0));
  }
}

TEST_P(protocol, is_full_after_exactly_capacity_messages_and_full_has_no_effect) {  // RING-01
  for (std::uint64_t id = 0; id < capacity(); ++id) {
    ASSERT_EQ(push_id(producer_, id, 64), RONDO_OK);
    ASSERT_EQ(producer_.depth(), id + 1);
  }
  const std::vector<std::byte> before(view_.slots, view_.slots + view_.shape.slots_bytes());
  for (int again = 0; again < 3; ++again) ASSERT_EQ(push_id(producer_, 77, 64), RONDO_FULL);
  ring::claim c;
  ASSERT_EQ(producer_.try_reserve(1, c), RONDO_FULL);
  std::uint64_t first = 99;
  ASSERT_EQ(producer_.try_reserve_batch(3, first), 0u);
  const std::vector<std::byte> after(view_.slots, view_.slots + view_.shape.slots_bytes());
  EXPECT_EQ(before, after);
  EXPECT_EQ(producer_.next_sequence(), capacity());
  for (std::uint64_t id = 0; id < capacity(); ++id) ASSERT_TRUE(pops_id(consumer_, id, 64));
  expect_empty();
}

TEST_P(protocol, keeps_order_over_many_laps_at_every_fill_level) {
  std::uint64_t pushed = 0;
  std::uint64_t popped = 0;
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t level = static_cast<std::uint64_t>(round) % (capacity() + 1);
    while (pushed - popped < level) {
      const auto length = static_cast<std::uint32_t>(pushed * 7 % 65);
      ASSERT_EQ(push_id(producer_, pushed++, length), RONDO_OK);
    }
    while (pushed - popped > level / 2) {
      const auto length = static_cast<std::uint32_t>(popped * 7 % 65);
      ASSERT_TRUE(pops_id(consumer_, popped++, length));
    }
  }
  EXPECT_EQ(producer_.depth(), pushed - popped);
  EXPECT_EQ(consumer_.next_sequence(), popped);
}

TEST_P(protocol, one_slot_freed_is_one_message_more) {
  for (std::uint64_t id = 0; id < capacity(); ++id) ASSERT_EQ(push_id(producer_, id, 8), RONDO_OK);
  for (std::uint64_t id = 0; id < 3 * capacity(); ++id) {
    ASSERT_EQ(push_id(producer_, 0, 8), RONDO_FULL);
    ASSERT_TRUE(pops_id(consumer_, id, 8));
    ASSERT_EQ(push_id(producer_, id + capacity(), 8), RONDO_OK);
  }
}

TEST_P(protocol, a_message_above_the_slot_is_refused_without_a_claim) {
  EXPECT_EQ(push_id(producer_, 1, 65), RONDO_TOO_LARGE);
  ring::claim c;
  EXPECT_EQ(producer_.try_reserve(~0u, c), RONDO_TOO_LARGE);
  EXPECT_EQ(producer_.next_sequence(), 0u);
  expect_empty();
  ASSERT_EQ(push_id(producer_, 2, 64), RONDO_OK);
  EXPECT_TRUE(pops_id(consumer_, 2, 64));
}

TEST_P(protocol, an_empty_payload_needs_no_memory) {
  void* volatile none = nullptr;  // volatile: the compiler must not warn of the null it sees
  ASSERT_EQ(producer_.try_push(envelope_for(5, 0), none), RONDO_OK);
  ring::envelope header{};
  ASSERT_EQ(consumer_.try_pop(header, none, 0), RONDO_OK);
  EXPECT_EQ(header.message_id, 5u);
  EXPECT_EQ(header.length, 0u);
}

TEST_P(protocol, peek_gives_the_same_message_until_it_is_released) {  // RING-06
  ring::claim c;
  ASSERT_EQ(producer_.try_reserve(64, c), RONDO_OK);
  ASSERT_EQ(c.capacity, 64u);
  expect_empty();
  fill_payload(c.payload, 3, 40);
  const ring::envelope_times times{123, 456};
  producer_.commit(c, envelope_for(3, 40), &times);
  for (int again = 0; again < 3; ++again) {
    ring::message m;
    ASSERT_EQ(consumer_.peek(m), RONDO_OK);
    ASSERT_TRUE(is_message(m, 3, 40));
    EXPECT_EQ(m.sequence, 0u);
    ASSERT_EQ(m.times != nullptr, GetParam().timed);
    if (m.times == nullptr) continue;
    EXPECT_EQ(m.times->deadline_ns, 123u);
    EXPECT_EQ(m.times->timestamp_ns, 456u);
  }
  EXPECT_EQ(view_.consumer->head, 0u);
  consumer_.release();
  EXPECT_EQ(view_.consumer->head, 1u);
  expect_empty();
}

TEST_P(protocol, a_pop_into_too_little_memory_keeps_the_message) {  // QUEUE-05
  ASSERT_EQ(push_id(producer_, 8, 33), RONDO_OK);
  std::byte payload[64];
  for (int again = 0; again < 2; ++again) {
    ring::envelope header{};
    std::memset(payload, 0x11, sizeof payload);
    ASSERT_EQ(consumer_.try_pop(header, payload, 32), RONDO_TOO_LARGE);
    EXPECT_EQ(header.length, 33u);
    EXPECT_EQ(header.message_id, 8u);
    for (std::byte b : payload) ASSERT_EQ(b, std::byte{0x11});
  }
  ring::envelope header{};
  ASSERT_EQ(consumer_.try_pop(header, payload, 33), RONDO_OK);
  EXPECT_TRUE(payload_is(payload, 8, 33));
  EXPECT_EQ(payload[33], std::byte{0x11});
  expect_empty();
}

TEST_P(protocol, an_abandoned_claim_is_skipped_and_counted) {  // RING-07
  std::uint64_t expected_skips = 0;
  for (std::uint64_t id = 0; id < 20 * capacity(); ++id) {
    ring::claim c;
    ASSERT_EQ(producer_.try_reserve(64, c), RONDO_OK);
    if (id % 3 == 1) {
      producer_.abandon(c);
      ++expected_skips;
      expect_empty();
    } else {
      fill_payload(c.payload, id, 64);
      producer_.commit(c, envelope_for(id, 64));
      ASSERT_TRUE(pops_id(consumer_, id, 64));
    }
    ASSERT_EQ(consumer_.skipped(), expected_skips);
    ASSERT_EQ(view_.consumer->skipped, expected_skips);
    ASSERT_EQ(producer_.depth(), 0u) << "a skipped slot must be free again";
  }
}

TEST_P(protocol, a_second_consumer_goes_on_where_the_first_stopped) {
  for (std::uint64_t id = 0; id < 10; ++id) {
    ASSERT_EQ(push_id(producer_, id, 8), RONDO_OK);
    ring::consumer<> fresh(view_);
    ASSERT_EQ(fresh.next_sequence(), id);
    ASSERT_TRUE(pops_id(fresh, id, 8));
  }
}

TEST_P(protocol, a_closed_ring_takes_nothing_more_and_delivers_what_it_took) {  // RING-11
  ASSERT_EQ(push_id(producer_, 0, 8), RONDO_OK);
  ring::claim open_claim;
  const bool room = producer_.try_reserve(8, open_claim) == RONDO_OK;
  const std::uint64_t accepted = room ? 2 : 1;
  ASSERT_EQ(producer_.close(), accepted);
  ASSERT_EQ(producer_.close(), accepted) << "closing twice is closing once";
  EXPECT_EQ(producer_.next_sequence(), accepted);
  EXPECT_EQ(push_id(producer_, 9, 8), RONDO_FULL);
  EXPECT_TRUE(pops_id(consumer_, 0, 8));
  if (room) {
    fill_payload(open_claim.payload, 1, 8);
    producer_.commit(open_claim, envelope_for(1, 8));
    EXPECT_TRUE(pops_id(consumer_, 1, 8));
  }
  EXPECT_EQ(push_id(producer_, 9, 8), RONDO_FULL) << "also when every slot is free";
  EXPECT_EQ(producer_.depth(), 0u);
  producer_.reopen();
  ASSERT_EQ(push_id(producer_, 3, 8), RONDO_OK);
  EXPECT_TRUE(pops_id(consumer_, 3, 8));
  EXPECT_EQ(consumer_.next_sequence(), accepted + 1);
}

TEST_P(protocol, discard_below_is_ignored_by_a_queue_that_does_not_drop) {
  ASSERT_EQ(push_id(producer_, 1, 8), RONDO_OK);
  producer_.discard_below(100);
  EXPECT_TRUE(pops_id(consumer_, 1, 8));
  EXPECT_EQ(consumer_.skipped(), 0u);
}

std::vector<ring_shape> all_shapes() {
  std::vector<ring_shape> out;
  for (auto how :
       {publication::word, publication::counted, publication::apart, publication::chunked})
    for (bool one : {true, false})
      for (bool timed : {false, true})
        for (std::uint64_t capacity : {1u, 2u, 8u}) out.push_back({how, capacity, 64, one, timed});
  return out;
}

std::string shape_name(const ::testing::TestParamInfo<ring_shape>& info) {
  const ring_shape& s = info.param;
  return name_of(s.how) + (s.one_producer ? "_one" : "_many") + (s.timed ? "_timed_" : "_") +
         std::to_string(s.capacity);
}

INSTANTIATE_TEST_SUITE_P(every_ring, protocol, ::testing::ValuesIn(all_shapes()), shape_name);

}  // namespace
}  // namespace rondo::test
