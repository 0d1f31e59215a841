// Sequence numbers near the places where a narrower type or a sign would show, and the rule that
// keeps the 32-bit tags of chunked publication from being mistaken for older ones [RING-02].
#include "support.hpp"

#include <cstdint>
#include <vector>

namespace rondo::test {
namespace {

constexpr std::uint64_t period = std::uint64_t{1}
                                 << 30;  // between two laps that rewrite every chunk

// The largest that a ring can count to is 2^62 - 1: a century at a thousand million a second.
constexpr std::uint64_t boundaries[] = {1ull << 30, 1ull << 31, 3ull << 30, 1ull << 32,
                                        5ull << 32, 1ull << 33, 1ull << 61};

void cross(const ring_shape& shape, std::uint64_t boundary) {
  SCOPED_TRACE(::testing::Message() << shape << ", across " << boundary);
  const auto memory = make_ring(shape);
  const ring::view v = memory.view();
  std::uint64_t in = boundary - 40;
  std::uint64_t out = in;
  start_at(v, in);
  ring::producer<> producer(v);
  ring::consumer<> consumer(v);
  const auto length_of = [](std::uint64_t s) { return static_cast<std::uint32_t>(s * 11 % 65); };
  while (out < boundary + 40) {
    const std::uint64_t level = in % (shape.capacity + 1);
    while (in - out < level || in == out) {
      ASSERT_EQ(push_id(producer, in, length_of(in)), RONDO_OK);
      ++in;
      ASSERT_EQ(producer.depth(), in - out);
    }
    if (in - out == shape.capacity) {
      ASSERT_EQ(push_id(producer, 0, 1), RONDO_FULL);
    }
    ASSERT_TRUE(pops_id(consumer, out, length_of(out)));
    ++out;
    if (in == out) {
      ring::message m;
      ASSERT_EQ(consumer.peek(m), RONDO_EMPTY);
    }
  }
}

TEST(sequences, go_on_across_every_boundary) {
  for (auto how :
       {publication::word, publication::counted, publication::apart, publication::chunked})
    for (bool one : {true, false})
      for (std::uint64_t capacity : {1u, 4u, 16u})
        for (std::uint64_t boundary : boundaries) cross({how, capacity, 64, one}, boundary);
}

TEST(sequences, above_a_boundary_are_discarded_by_their_whole_value) {
  const ring_shape shape{publication::word, 8, 64, true, false, true};
  const auto memory = make_ring(shape);
  start_at(memory.view(), (1ull << 32) - 2);
  ring::producer<> producer(memory.view());
  ring::consumer<> consumer(memory.view());
  for (std::uint64_t id = 0; id < 4; ++id) ASSERT_EQ(push_id(producer, id, 8), RONDO_OK);
  producer.discard_below((1ull << 32) + 1);
  EXPECT_TRUE(pops_id(consumer, 3, 8));
  EXPECT_EQ(consumer.skipped(), 3u);
}

// ---- RING-02 ----------------------------------------------------------------------------------

struct counting_platform : ring::platform {
  static inline std::uint32_t chunks = 0;
  static void store_chunk(ring::chunk* p, const ring::chunk& c) {
    ++chunks;
    ring::platform::store_chunk(p, c);
  }
};

TEST(stale_tags, are_overwritten_by_one_whole_lap_per_period) {  // RING-02
  for (std::uint64_t capacity : {1ull, 4ull, 64ull}) {
    const auto memory = make_ring({publication::chunked, capacity, 352, true});
    const ring::view v = memory.view();
    for (std::uint64_t lap : {0 * period, period, 2 * period, 7 * period}) {
      start_at(v, lap);
      ring::producer<counting_platform> producer(v);
      ring::consumer<> consumer(v);
      for (std::uint64_t i = 0; i < 2 * capacity; ++i) {
        counting_platform::chunks = 0;
        ASSERT_EQ(push_id(producer, i, 4), RONDO_OK);
        EXPECT_EQ(counting_platform::chunks, i < capacity ? 32u : 3u) << "sequence " << lap + i;
        ASSERT_TRUE(pops_id(consumer, i, 4));
      }
    }
  }
}

TEST(stale_tags, are_overwritten_by_an_abandoned_claim_too) {
  const auto memory = make_ring({publication::chunked, 1, 352, true});
  start_at(memory.view(), period);
  ring::producer<counting_platform> producer(memory.view());
  ring::claim c;
  ASSERT_EQ(producer.try_reserve(352, c), RONDO_OK);
  counting_platform::chunks = 0;
  producer.abandon(c);
  EXPECT_EQ(counting_platform::chunks, 32u);
}

TEST(stale_tags, never_get_as_old_as_two_to_the_31) {
  ring::geometry g;
  for (std::uint64_t capacity = 1; capacity <= ring::max_chunked_capacity; capacity *= 2) {
    ASSERT_EQ(ring::make_geometry(publication::chunked, capacity, 64, false, g), RONDO_OK);
    for (std::uint64_t slot : {std::uint64_t{0}, capacity / 2, capacity - 1}) {
      std::uint64_t age = 0;
      for (std::uint64_t lap = 0; lap < 8 * period; lap += period, age = period) {
        EXPECT_TRUE(ring::must_refresh(g, lap + slot));
        EXPECT_LT(age, 1ull << 31);
      }
      EXPECT_FALSE(ring::must_refresh(g, period - capacity + slot))
          << "the lap before costs nothing";
      EXPECT_FALSE(ring::must_refresh(g, capacity + slot)) << "nor the lap after";
    }
  }
}

// Chunks may become visible in any order. Here those that a short message needs, too, are there,
// and the rest of a long message is still on its way.
struct delayed_platform : ring::platform {
  static inline const ring::chunk* slot = nullptr;
  static void store_chunk(ring::chunk* p, const ring::chunk& c) {
    if (p < slot + 3) ring::platform::store_chunk(p, c);
  }
};

void push_lap(const ring::view& v, std::uint64_t start, std::uint32_t length) {
  start_at(v, start);
  ring::producer<> producer(v);
  ring::consumer<> consumer(v);
  for (std::uint64_t s = start; s < start + v.shape.capacity; ++s) {
    ASSERT_EQ(push_id(producer, s, length), RONDO_OK);
    ASSERT_TRUE(pops_id(consumer, s, length));
  }
}

// A lap of long messages, 2^32 sequences of short ones, then part of a long one. Only the laps that
// must refresh are really pushed: every other short message leaves the later chunks alone.
rondo_status look_at_half_a_message(bool refresh, ring::message& m, ring::consumer<>& consumer,
                                    const ring::view& v) {
  constexpr std::uint64_t begin = (7ull << 32) + 8;
  constexpr std::uint64_t end = begin + (1ull << 32);
  push_lap(v, begin, 200);
  for (std::uint64_t lap = (begin / period + 1) * period; refresh && lap < end; lap += period)
    push_lap(v, lap, 4);
  push_lap(v, end - v.shape.capacity, 4);
  start_at(v, end);
  delayed_platform::slot = reinterpret_cast<const ring::chunk*>(v.slot(end));
  ring::producer<delayed_platform> producer(v);
  EXPECT_EQ(push_id(producer, end, 200), RONDO_OK);
  consumer = ring::consumer<>(v);
  return consumer.peek(m);
}

TEST(stale_tags, of_a_long_message_2_to_the_32_sequences_ago_do_not_complete_half_a_message) {
  const auto memory = make_ring({publication::chunked, 4, 200, true});
  const ring::view v = memory.view();
  ring::message m;
  ring::consumer<> consumer;
  ASSERT_EQ(look_at_half_a_message(true, m, consumer, v), RONDO_EMPTY);
  start_at(v, consumer.next_sequence());
  ring::producer<> producer(v);
  ASSERT_EQ(push_id(producer, 1234, 200), RONDO_OK);
  EXPECT_TRUE(pops_id(consumer, 1234, 200)) << "the whole message is delivered";
}

// A chunk that is rewritten only to refresh it may arrive after those that the message needs. Were
// the message taken before, that chunk could land on the slot's next message.
TEST(stale_tags, a_message_of_a_refresh_lap_waits_for_chunks_it_does_not_need) {
  for (std::uint64_t start : {std::uint64_t{0}, 5 * period}) {
    const auto memory = make_ring({publication::chunked, 2, 200, true});
    const ring::view v = memory.view();
    start_at(v, start);
    delayed_platform::slot = reinterpret_cast<const ring::chunk*>(v.slots);
    ring::producer<delayed_platform> producer(v);
    ring::consumer<> consumer(v);
    ring::claim c;
    ASSERT_EQ(producer.try_reserve(4, c), RONDO_OK);
    fill_payload(c.payload, 1, 4);
    producer.commit(c, envelope_for(1, 4));
    ring::message m;
    EXPECT_EQ(consumer.peek(m), RONDO_EMPTY);
    ring::producer<> on_time(v);
    on_time.commit(c, envelope_for(1, 4));
    EXPECT_TRUE(pops_id(consumer, 1, 4));
  }
}

// The control: without the refresh laps the very same history does deliver a torn message.
TEST(stale_tags, would_complete_half_a_message_if_nothing_were_refreshed) {
  const auto memory = make_ring({publication::chunked, 4, 200, true});
  ring::message m;
  ring::consumer<> consumer;
  ASSERT_EQ(look_at_half_a_message(false, m, consumer, memory.view()), RONDO_OK);
  EXPECT_EQ(m.header->message_id, (8ull << 32) + 8) << "the new header";
  EXPECT_FALSE(payload_is(m.payload, (8ull << 32) + 8, 200));
  EXPECT_EQ(m.payload[199], payload_byte((7ull << 32) + 8, 199)) << "the payload long gone";
}

}  // namespace
}  // namespace rondo::test
