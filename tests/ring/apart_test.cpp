// Counted publication with headers apart: where the bytes are, written down here a second time, and
// messages that share a header read as if each had its own.
#include "support.hpp"

#include <rondo/ring/run.hpp>
#include <rondo/ring/stamp.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>
#include <vector>

namespace rondo::test {
namespace {

constexpr std::byte poison{0xa5};
constexpr std::uint32_t mark = 0x80000000;

ring::envelope header_at(const ring::view& v, std::uint64_t index, std::uint64_t header_bytes) {
  const std::uint64_t slots = v.shape.capacity * v.shape.stride;
  ring::envelope e;
  std::memcpy(&e, v.slots + (slots + 127) / 128 * 128 + index * header_bytes, sizeof e);
  return e;
}
bool is_untouched(const ring::envelope& e) {
  const auto* at = reinterpret_cast<const std::byte*>(&e);
  return std::all_of(at, at + sizeof e, [](std::byte b) { return b == poison; });
}
bool operator==(const ring::envelope& a, const ring::envelope& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

ring::view alone(ring::view v) {
  v.claims_alone = true;
  return v;
}

// Fills and publishes messages id to id + count - 1, all of `length` bytes.
void push_alike(ring::producer<>& producer, std::uint64_t id, std::uint64_t count,
                std::uint32_t length) {
  std::uint64_t first = 0;
  ASSERT_EQ(producer.try_reserve_batch(count, first), count);
  ring::filling_run<publication::apart> run(producer, first);
  for (std::uint64_t i = 0; i < count; ++i) {
    fill_payload(run.payload(), id + i, length);
    run.finish(envelope_for(id + i, length));
  }
  run.publish();
}

TEST(slots_with_headers_apart, hold_payloads_and_headers_lie_behind_them) {
  for (const bool timed : {false, true}) {
    const auto memory = make_ring({publication::apart, 2, 20, true, timed});
    const ring::view v = memory.view();
    EXPECT_EQ(v.shape.stride, 32u);
    EXPECT_EQ(memory.map().publication, std::uint32_t{RONDO_PUBLISH_COUNTED});
    EXPECT_EQ(memory.map().flags, std::uint32_t{RONDO_RING_HEADERS_APART});
    start_at(v, 5);
    ring::producer<> producer(v);
    const ring::envelope_times times{11, 12};
    const ring::envelope header = envelope_for(7, 13);
    std::byte payload[13];
    fill_payload(payload, 7, 13);
    ASSERT_EQ(producer.try_push(header, payload, timed ? &times : nullptr), RONDO_OK);
    EXPECT_TRUE(payload_is(v.slots + 32, 7, 13)) << "slot 5 mod 2";
    EXPECT_EQ(v.slots[32 + 13], poison);
    EXPECT_EQ(v.slots[0], poison);
    EXPECT_TRUE(header_at(v, 1, timed ? 48 : 32) == header);
    EXPECT_TRUE(is_untouched(header_at(v, 0, timed ? 48 : 32)));
    ring::consumer<> consumer(v);
    ring::message m;
    ASSERT_EQ(consumer.peek(m), RONDO_OK);
    EXPECT_TRUE(is_message(m, 7, 13));
    ASSERT_EQ(m.times != nullptr, timed);
    if (timed) {
      EXPECT_EQ(std::memcmp(m.times, &times, sizeof times), 0);
    }
  }
}

TEST(slots_with_headers_apart, are_only_made_for_counted_publication_in_a_block_of_their_own) {
  backend::ring_memory memory;
  backend::ring_storage storage;
  storage.headers_apart = true;
  for (const publication how : {publication::word, publication::chunked}) {
    ASSERT_EQ(backend::ring_memory::create(params_of({.how = how}), memory,
                                           backend::ring_memory::zeroed, storage),
              RONDO_OK);
    EXPECT_EQ(memory.map().flags, 0u);
    EXPECT_EQ(memory.view().shape.how, how);
  }
  alignas(128) static std::byte elsewhere[4096];
  storage.slots = elsewhere;
  EXPECT_EQ(backend::ring_memory::create(params_of({.how = publication::apart}), memory,
                                         backend::ring_memory::zeroed, storage),
            RONDO_UNSUPPORTED);
}

TEST(slots_with_headers_apart, have_one_header_for_messages_that_are_alike) {
  const auto memory = make_ring({publication::apart, 8, 64});
  const ring::view v = memory.view();
  ring::producer<> producer(v);
  push_alike(producer, 40, 3, 64);
  push_alike(producer, 43, 1, 64);
  ring::envelope first = envelope_for(40, 64);
  first.flags = mark;
  first.reserved = 2;
  EXPECT_TRUE(header_at(v, 0, 32) == first);
  EXPECT_TRUE(is_untouched(header_at(v, 1, 32)));
  EXPECT_TRUE(is_untouched(header_at(v, 2, 32)));
  EXPECT_TRUE(header_at(v, 3, 32) == envelope_for(43, 64)) << "published by itself";
  ring::consumer<> consumer(v);
  for (std::uint64_t id = 40; id < 44; ++id) ASSERT_TRUE(pops_id(consumer, id, 64));
}

// Each message differs from the one before in one thing.
TEST(messages_with_headers_apart, share_one_only_if_nothing_but_the_ids_differs) {
  const std::vector<std::function<void(ring::envelope&)>> changes = {
      [](ring::envelope& e) { e.length = 63; },
      [](ring::envelope& e) { ++e.type; },
      [](ring::envelope& e) { ++e.version; },
      [](ring::envelope& e) { e.flags = RONDO_FLAG_MORE; },
      [](ring::envelope& e) { e.reserved = 9; },
      [](ring::envelope& e) { ++e.message_id; },
      [](ring::envelope& e) { --e.message_id; },
      [](ring::envelope& e) { ++e.correlation_id; },
      [](ring::envelope& e) { --e.correlation_id; },
  };
  for (std::size_t which = 0; which < changes.size(); ++which) {
    SCOPED_TRACE(which);
    const auto memory = make_ring({publication::apart, 8, 64});
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    std::vector<ring::envelope> sent;
    std::uint64_t first = 0;
    ASSERT_EQ(producer.try_reserve_batch(5, first), 5u);
    ring::filling_run<publication::apart> run(producer, first);
    for (std::uint64_t id = 0; id < 5; ++id) {
      sent.push_back(envelope_for(id, 64));
      if (id == 2) changes[which](sent.back());
      run.finish(sent.back());
    }
    run.publish();
    ring::message m;
    for (const ring::envelope& e : sent) {
      ASSERT_EQ(consumer.peek(m), RONDO_OK);
      EXPECT_TRUE(*m.header == e) << e.message_id;
      consumer.release();
    }
  }
}

TEST(messages_with_headers_apart, never_show_the_mark_of_a_run) {
  const auto memory = make_ring({publication::apart, 4, 64});
  ring::producer<> producer(memory.view());
  ring::consumer<> consumer(memory.view());
  ring::envelope marked = envelope_for(1, 64);
  marked.flags = mark | RONDO_FLAG_MORE;
  marked.reserved = 3;
  std::byte payload[64]{};
  ASSERT_EQ(producer.try_push(marked, payload), RONDO_OK);
  std::uint64_t first = 0;
  ASSERT_EQ(producer.try_reserve_batch(2, first), 2u);
  ring::filling_run<publication::apart> run(producer, first);
  for (int i = 0; i < 2; ++i) run.finish(marked);
  run.publish();
  marked.flags = RONDO_FLAG_MORE;
  ring::message m;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(consumer.peek(m), RONDO_OK);
    EXPECT_TRUE(*m.header == marked);
    consumer.release();
  }
  EXPECT_EQ(consumer.peek(m), RONDO_EMPTY);
}

// The first message's header is written over as soon as its slot is free.
TEST(messages_with_headers_apart, keep_the_header_of_a_run_whose_begin_is_gone) {
  const auto memory = make_ring({publication::apart, 4, 64});
  ring::producer<> producer(memory.view());
  push_alike(producer, 0, 4, 64);
  for (std::uint64_t id = 0; id < 3; ++id) {
    ring::consumer<> reads_on(memory.view());  // begins in the midst of the run
    ASSERT_TRUE(pops_id(reads_on, id, 64));
    push_alike(producer, 4 + id, 1, 32);
  }
  ring::consumer<> consumer(memory.view());
  ASSERT_TRUE(pops_id(consumer, 3, 64));
  for (std::uint64_t id = 4; id < 7; ++id) ASSERT_TRUE(pops_id(consumer, id, 32));
}

TEST(a_consumer_run_with_headers_apart, counts_messages_that_are_alike) {
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{5}}) {
    const auto memory = make_ring({publication::apart, 8, 64});
    start_at(memory.view(), start);
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    push_alike(producer, 0, 5, 64);
    push_alike(producer, 5, 3, 32);
    ring::message m;
    std::uint64_t id = 0;
    ring::consumer_run<publication::apart> run(consumer);
    EXPECT_EQ(run.count_alike(0, m), 0u);
    for (const std::uint64_t most : {2u, 100u, 100u, 100u, 100u}) {
      const std::uint64_t count = run.count_alike(most, m);
      if (count == 0) break;
      EXPECT_TRUE(is_message(m, id, id < 5 ? 64 : 32));
      const std::uint64_t to_the_end = 8 - (start + id) % 8;
      EXPECT_EQ(count, std::min({most, id < 5 ? 5 - id : 8 - id, to_the_end}));
      run.advance_by(count);
      id += count;
    }
    EXPECT_EQ(id, 8u);
    run.publish_head();
    EXPECT_EQ(producer.depth(), 0u);
  }
}

TEST(a_consumer_run_with_headers_apart, counts_no_more_than_is_published) {
  const auto memory = make_ring({publication::apart, 8, 64, false});
  ring::producer<> producer(memory.view());
  ring::consumer<> consumer(memory.view());
  push_alike(producer, 0, 4, 64);
  memory.view().producer->tail = 2;  // as if others had moved it, so far, to the midst of the run
  {
    ring::message m;
    ring::consumer_run<publication::apart> run(consumer);
    EXPECT_EQ(run.count_alike(8, m), 2u);
    memory.view().producer->tail = 4;
    EXPECT_EQ(run.count_alike(8, m), 4u);
  }
  for (std::uint64_t id = 0; id < 4; ++id) ASSERT_TRUE(pops_id(consumer, id, 64));
}

// Slots that messages fill, and slots that they do not; laps; counts that end in the midst.
TEST(an_array_run, publishes_payloads_that_lie_as_in_their_slots) {
  for (const std::uint32_t capacity_bytes : {64u, 256u})
    for (const std::uint64_t start : {std::uint64_t{0}, (std::uint64_t{1} << 40) - 3}) {
      const auto memory = make_ring({publication::apart, 8, capacity_bytes});
      start_at(memory.view(), start);
      ring::producer<> producer(alone(memory.view()));
      ring::consumer<> consumer(memory.view());
      ASSERT_TRUE(ring::array_run<>::serves(producer));
      std::vector<std::byte> staged(8 * capacity_bytes);
      std::uint64_t in = 0, out = 0;
      for (std::uint64_t lap = 0; lap < 60; ++lap) {
        const std::uint64_t count = std::min<std::uint64_t>(1 + lap % 8, 8 - (in - out));
        ring::array_run<> run(producer, producer.next_sequence());
        for (std::uint64_t i = 0; i < count; ++i)
          fill_payload(staged.data() + i * capacity_bytes, in + i, 60);
        if (lap % 3 == 0) {
          for (std::uint64_t i = 0; i < count; ++i) run.put(envelope_for(in + i, 60));
        } else {
          run.put_alike(envelope_for(in, 60), count);
        }
        std::uint64_t first = 0;
        ASSERT_EQ(producer.try_reserve_batch(count, first), count);
        run.publish(staged.data(), 60, count);
        in += count;
        for (std::uint64_t n = 0; n < 1 + lap % 5 && out < in; ++n, ++out)
          ASSERT_TRUE(pops_id(consumer, out, 60));
      }
      EXPECT_GT(in, 120u);
    }
}

TEST(an_array_run, is_not_for_timed_producers_nor_other_publications) {
  const auto serves = [](const ring_shape& shape) {
    const auto memory = make_ring(shape);
    return ring::array_run<>::serves(ring::producer<>(memory.view()));
  };
  EXPECT_TRUE(serves({.how = publication::apart}));
  EXPECT_FALSE(serves({.how = publication::apart, .timed = true}));
  for (const publication how : {publication::word, publication::counted, publication::chunked})
    EXPECT_FALSE(serves({.how = how}));
}

// Batches and single messages of any kind, by the general way and in runs, against what was sent.
TEST(messages_with_headers_apart, arrive_as_they_were_sent_in_any_mixture) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (const bool one : {true, false}) {
    const auto memory = make_ring({publication::apart, 16, 64, one});
    ring::producer<> producer(memory.view());
    ring::consumer<> consumer(memory.view());
    std::deque<std::pair<std::uint64_t, std::uint32_t>> waiting;  // id and length
    std::uint64_t id = 0;
    ring::message m;
    for (int step = 0; step < 20000; ++step) {
      const std::uint64_t room = 16 - waiting.size();
      if (below(2) == 0 && room > 0) {
        if (below(4) == 0) id += below(3);
        const std::uint64_t count = 1 + below(room);
        const auto length = static_cast<std::uint32_t>(1 + below(3) * 31);
        if (below(3) != 0) {
          push_alike(producer, id, count, length);
        } else {
          ASSERT_EQ(push_id(producer, id, length), RONDO_OK);
        }
        const std::uint64_t sent = producer.depth() - waiting.size();
        for (std::uint64_t i = 0; i < sent; ++i) waiting.emplace_back(id++, length);
      } else if (below(2) == 0) {
        for (std::uint64_t n = below(4); n > 0 && !waiting.empty(); --n, waiting.pop_front())
          ASSERT_TRUE(pops_id(consumer, waiting.front().first, waiting.front().second));
      } else {
        ring::consumer_run<publication::apart> run(consumer);
        const std::uint64_t count = run.count_alike(1 + below(8), m);
        ASSERT_EQ(count == 0, waiting.empty());
        if (count == 0) continue;
        const std::byte* payload = m.payload;
        for (std::uint64_t i = 0; i < count; ++i, payload += 64) {
          const auto [want, length] = waiting[i];
          ASSERT_TRUE(run.peek(m));
          ASSERT_EQ(m.payload, payload);
          ASSERT_TRUE(is_message(m, want, length));
          run.advance();
        }
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
        run.publish_head();
      }
    }
  }
}

}  // namespace
}  // namespace rondo::test
