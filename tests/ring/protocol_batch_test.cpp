// Batches, claims that are finished out of order, messages that are dropped, and rings whose other
// side has written nonsense.
#include "support.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace rondo::test {
namespace {

constexpr publication publications[] = {publication::word, publication::counted, publication::apart,
                                        publication::chunked};

std::vector<ring_shape> shapes_of(std::uint64_t capacity, bool drop_oldest = false) {
  std::vector<ring_shape> out;
  for (auto how : publications)
    for (bool one : {true, false}) out.push_back({how, capacity, 64, one, false, drop_oldest});
  return out;
}

void commit_id(ring::producer<>& producer, ring::claim& c, std::uint64_t id) {
  fill_payload(c.payload, id, 64);
  producer.commit(c, envelope_for(id, 64));
}

TEST(batch, of_reserved_slots_is_granted_as_far_as_slots_are_free) {
  for (const ring_shape& shape : shapes_of(8)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    std::uint64_t next_in = 0;
    std::uint64_t next_out = 0;
    for (std::uint64_t want : {3u, 5u, 1u, 100u, 8u, 4u, 7u}) {
      std::uint64_t first = ~0ull;
      const std::uint64_t got = producer.try_reserve_batch(want, first);
      ASSERT_EQ(got, std::min(want, 8 - (next_in - next_out)));
      for (std::uint64_t i = 0; i < got; ++i) {
        ASSERT_EQ(first, next_in);
        ring::claim c;
        producer.take(first + i, c);
        commit_id(producer, c, first + i);
      }
      next_in += got;
      while (next_out + 2 < next_in) ASSERT_TRUE(pops_id(consumer, next_out++, 64));
    }
    while (next_out < next_in) ASSERT_TRUE(pops_id(consumer, next_out++, 64));
  }
}

TEST(batch, of_filled_slots_is_published_by_its_commit_and_not_before) {
  for (const ring_shape& shape : shapes_of(4)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    std::uint64_t id = 0;
    for (std::uint64_t want : {3u, 1u, 4u, 2u}) {
      std::uint64_t first = 0;
      ASSERT_EQ(producer.try_reserve_batch(want, first), want);
      for (std::uint64_t s = first; s != first + want; ++s) {
        ring::claim c;
        producer.take(s, c);
        fill_payload(c.payload, s, 64);
        producer.fill(c, envelope_for(s, 64));
      }
      ring::message m;
      producer.commit_batch(first, 0);
      const auto before = shape.how == publication::chunked ? RONDO_OK : RONDO_EMPTY;
      ASSERT_EQ(consumer.peek(m), before);
      producer.commit_batch(first, want);
      for (; id != first + want; ++id) ASSERT_TRUE(pops_id(consumer, id, 64));
      ASSERT_EQ(consumer.peek(m), RONDO_EMPTY);
    }
  }
}

// Two batches whose producers finish in the other order: nothing shows before the gap is filled.
TEST(batch, that_is_committed_before_an_older_one_waits_for_it) {
  for (auto how : {publication::word, publication::counted, publication::apart}) {
    SCOPED_TRACE(name_of(how));
    const auto memory = make_ring({how, 4, 64, false});
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    std::uint64_t older = 0, newer = 0;
    ASSERT_EQ(producer.try_reserve_batch(2, older), 2u);
    ASSERT_EQ(producer.try_reserve_batch(2, newer), 2u);
    for (std::uint64_t s = older; s != newer + 2; ++s) {
      ring::claim c;
      producer.take(s, c);
      fill_payload(c.payload, s, 64);
      producer.fill(c, envelope_for(s, 64));
    }
    producer.commit_batch(newer, 2);
    ring::message m;
    ASSERT_EQ(consumer.peek(m), RONDO_EMPTY);
    producer.commit_batch(older, 2);
    for (std::uint64_t id = 0; id < 4; ++id) ASSERT_TRUE(pops_id(consumer, id, 64));
  }
}

TEST(batch, of_consumed_slots_is_freed_by_one_store) {
  for (const ring_shape& shape : shapes_of(4)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    for (std::uint64_t id = 0; id < 4; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    for (std::uint64_t id = 0; id < 4; ++id) {
      ring::message m;
      ASSERT_EQ(consumer.peek(m), RONDO_OK);
      ASSERT_TRUE(is_message(m, id, 64));
      consumer.advance();
      ASSERT_EQ(push_id(producer, 9, 64), RONDO_FULL) << "nothing is free yet";
    }
    ring::message m;
    EXPECT_EQ(consumer.peek(m), RONDO_EMPTY);
    consumer.publish_head();
    EXPECT_EQ(producer.depth(), 0u);
    EXPECT_EQ(push_id(producer, 4, 64), RONDO_OK);
    EXPECT_TRUE(pops_id(consumer, 4, 64));
  }
}

// A batch may still be read when peek() meets a slot to skip: skipping must not free the batch.
TEST(batch, is_not_freed_by_a_skipped_slot_behind_it) {
  for (const ring_shape& shape : shapes_of(4)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    const ring::view v = memory.view();
    ring::producer<> producer(v);
    ring::consumer<> consumer(v);
    ASSERT_EQ(push_id(producer, 0, 64), RONDO_OK);
    ring::claim c;
    ASSERT_EQ(producer.try_reserve(64, c), RONDO_OK);
    producer.abandon(c);
    ASSERT_EQ(push_id(producer, 2, 64), RONDO_OK);
    ring::message held;
    ASSERT_EQ(consumer.peek(held), RONDO_OK);
    consumer.advance();
    ring::message m;
    ASSERT_EQ(consumer.peek(m), RONDO_OK);
    EXPECT_TRUE(is_message(m, 2, 64));
    EXPECT_EQ(v.consumer->head, 0u) << "message 0 is not released";
    consumer.advance();
    consumer.publish_head();
    EXPECT_EQ(v.consumer->head, 3u);
    EXPECT_EQ(consumer.skipped(), 1u);
  }
}

// Commits in every order of four claims: what is visible is always a prefix of the claims.
void expect_prefix_visible(const ring_shape& shape) {
  std::array<std::uint64_t, 4> order{0, 1, 2, 3};
  do {
    const auto memory = make_ring(shape);
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    std::array<ring::claim, 4> claims;
    for (auto& c : claims) ASSERT_EQ(producer.try_reserve(64, c), RONDO_OK);
    std::array<bool, 4> done{};
    std::uint64_t seen = 0;
    for (std::uint64_t which : order) {
      commit_id(producer, claims[which], which);
      done[which] = true;
      while (seen < 4 && done[seen]) {
        ASSERT_TRUE(pops_id(consumer, seen, 64));
        ++seen;
      }
      ring::message m;
      ASSERT_EQ(consumer.peek(m), RONDO_EMPTY);
    }
    ASSERT_EQ(seen, 4u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(commits_out_of_order, show_nothing_behind_a_gap) {  // RING-13
  for (auto how : publications)
    for (bool one : {true, false}) {
      // One producer with counted publication must commit in order; see producer::commit.
      if (one && (how == publication::counted || how == publication::apart)) continue;
      SCOPED_TRACE(name_of(how));
      expect_prefix_visible({how, 4, 64, one});
    }
}

TEST(drop_oldest, discards_what_is_below_the_mark_and_counts_it) {  // RING-10
  for (const ring_shape& shape : shapes_of(4, true)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    const ring::view v = memory.view();
    ring::producer<> producer(v);
    ring::consumer<> consumer(v);
    for (std::uint64_t id = 0; id < 4; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    producer.discard_below(3);
    EXPECT_TRUE(pops_id(consumer, 3, 64));
    EXPECT_EQ(consumer.skipped(), 3u);
    EXPECT_EQ(v.consumer->skipped, 3u);
    ASSERT_EQ(push_id(producer, 4, 64), RONDO_OK);
    producer.discard_below(5);
    ring::message m;
    EXPECT_EQ(consumer.peek(m), RONDO_EMPTY);
    EXPECT_EQ(consumer.skipped(), 4u);
    EXPECT_EQ(producer.depth(), 0u) << "discarded slots are free";
    ASSERT_EQ(push_id(producer, 5, 64), RONDO_OK);
    EXPECT_TRUE(pops_id(consumer, 5, 64)) << "at the mark is not below it";
  }
}

TEST(drop_oldest, asks_for_as_many_as_the_messages_need_and_no_more) {
  for (const ring_shape& shape : shapes_of(4, true)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    const ring::view v = memory.view();
    ring::producer<> producer(v);
    ring::consumer<> consumer(v);
    EXPECT_TRUE(producer.drop_oldest(1)) << "of an empty ring, nothing";
    for (std::uint64_t id = 0; id < 4; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    EXPECT_EQ(push_id(producer, 4, 64), RONDO_FULL);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(producer.drop_oldest(1));
    EXPECT_TRUE(consumer.is_given_up(0));
    EXPECT_FALSE(consumer.is_given_up(1));
    EXPECT_TRUE(pops_id(consumer, 1, 64)) << "asked for thrice, one is given up";
    EXPECT_EQ(consumer.skipped(), 1u);
    ASSERT_EQ(push_id(producer, 4, 64), RONDO_OK);
    EXPECT_TRUE(producer.drop_oldest(1)) << "there is room by now";
    EXPECT_TRUE(pops_id(consumer, 2, 64));
    ASSERT_EQ(push_id(producer, 5, 64), RONDO_OK);
    ASSERT_EQ(push_id(producer, 6, 64), RONDO_OK);
    EXPECT_TRUE(producer.drop_oldest(99)) << "more than there are slots: all of them";
    ring::message m;
    EXPECT_EQ(consumer.peek(m), RONDO_EMPTY);
    EXPECT_EQ(consumer.skipped(), 5u);
  }
}

TEST(drop_oldest, asks_for_nothing_of_a_closed_ring) {
  for (const ring_shape& shape : shapes_of(2, true)) {
    SCOPED_TRACE(::testing::Message() << shape);
    const auto memory = make_ring(shape);
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    for (std::uint64_t id = 0; id < 2; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
    producer.close();
    EXPECT_FALSE(producer.drop_oldest(1));
    EXPECT_TRUE(pops_id(consumer, 0, 64));
  }
}

// ---- nonsense ---------------------------------------------------------------------------------

// The length field of the newest message, wherever its publication keeps it.
std::byte* length_field(const ring::view& v, std::uint64_t sequence) {
  return v.shape.how == publication::chunked ? v.slot(sequence) : v.header(sequence);
}

TEST(nonsense, in_a_length_is_malformed_once_and_the_ring_goes_on) {
  for (std::uint32_t length : {65u, 0x7fffffffu, 0xffffffffu})
    for (const ring_shape& shape : shapes_of(4)) {
      SCOPED_TRACE(::testing::Message() << shape << ", length " << length);
      const auto memory = make_ring(shape);
      ring::producer<> producer(memory.view());
      ring::consumer<> consumer(memory.view());
      for (std::uint64_t id = 0; id < 3; ++id) ASSERT_EQ(push_id(producer, id, 64), RONDO_OK);
      for (std::uint64_t s : {0u, 1u})
        std::memcpy(length_field(memory.view(), s), &length, sizeof length);
      ring::message m;
      ASSERT_EQ(consumer.peek(m), RONDO_MALFORMED);
      EXPECT_EQ(m.header->length, length);
      EXPECT_EQ(m.header->message_id, 0u);
      EXPECT_EQ(m.payload, nullptr);
      consumer.release();
      ring::envelope header{};
      std::byte payload[64];
      EXPECT_EQ(consumer.try_pop(header, payload, sizeof payload), RONDO_MALFORMED);
      EXPECT_EQ(header.message_id, 1u);
      EXPECT_TRUE(pops_id(consumer, 2, 64));
      EXPECT_EQ(producer.depth(), 0u);
    }
}

TEST(nonsense, in_the_tail_is_internal_and_nothing_is_consumed) {
  for (bool one : {true, false}) {
    const auto memory = make_ring({publication::counted, 4, 64, one});
    const ring::view v = memory.view();
    start_at(v, 100);
    ring::producer<> producer(v);
    ring::consumer<> consumer(v);
    for (std::uint64_t tail : {105ull, 99ull, 0ull, ~0ull, 100ull + (1ull << 63)}) {
      v.producer->tail = tail;
      ring::message m;
      EXPECT_EQ(consumer.peek(m), RONDO_INTERNAL) << tail;
      ring::envelope header{};
      std::byte payload[64];
      EXPECT_EQ(consumer.try_pop(header, payload, sizeof payload), RONDO_INTERNAL) << tail;
      EXPECT_EQ(consumer.next_sequence(), 100u);
    }
    v.producer->tail = 100;
    ASSERT_EQ(push_id(producer, 100, 64), RONDO_OK);
    EXPECT_TRUE(pops_id(consumer, 100, 64)) << "a tail that is mended serves again";
  }
}

TEST(nonsense, in_a_publish_word_or_a_tag_is_no_message) {
  for (auto how : {publication::word, publication::chunked})
    for (std::uint64_t wrong : {0ull, 2ull, ~0ull, 1ull << 63}) {
      const auto memory = make_ring({how, 4, 64, true});
      const ring::view v = memory.view();
      ring::producer<> producer(v);
      ring::consumer<> consumer(v);
      ASSERT_EQ(push_id(producer, 0, 64), RONDO_OK);
      // For chunked: the tag of the third chunk, so that the first two look complete.
      std::byte* at = v.slots + (how == publication::word ? 0 : 2 * 16 + 12);
      std::memcpy(at, &wrong, how == publication::word ? 8 : 4);
      ring::message m;
      EXPECT_EQ(consumer.peek(m), RONDO_EMPTY) << name_of(how) << " " << wrong;
    }
}

}  // namespace
}  // namespace rondo::test
