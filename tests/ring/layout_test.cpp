// The bytes of a ring, written down here a second time as plain numbers: where everything lies in a
// slot and in the control lines, and which bytes stay untouched.
#include "support.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <vector>

namespace rondo::test {
namespace {

constexpr std::byte poison{0xa5};

// ---- slots ------------------------------------------------------------------------------------

class expected_slot {
 public:
  explicit expected_slot(std::uint32_t stride) : bytes_(stride, poison) {}
  void put(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      bytes_[at + i] = static_cast<std::byte>(value >> (8 * i));
  }
  void put_bytes(std::size_t at, const std::vector<std::byte>& from) {
    std::copy(from.begin(), from.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

constexpr ring::envelope known_envelope{
    13, 0x1211, 0x2221, 0x00343230, 0, 0x4746454443424140, 0x5756555453525150};
constexpr ring::envelope_times known_times{0x6766656463626160, 0x7776757473727170};
const char* const known_payload = "ABCDEFGHIJKLM";

// The content of the known message in order: envelope, times if any, payload. Word publication
// leaves room for times in any case, so that the payload begins at byte 64.
std::vector<std::byte> known_content(bool timed, bool room_for_times = false) {
  const std::size_t payload_at = timed || room_for_times ? 48 : 32;
  expected_slot out(static_cast<std::uint32_t>(payload_at) + 13);
  out.put(0, 13, 4);
  out.put(4, 0x1211, 2);
  out.put(6, 0x2221, 2);
  out.put(8, 0x00343230, 4);
  out.put(12, 0, 4);
  out.put(16, 0x4746454443424140, 8);
  out.put(24, 0x5756555453525150, 8);
  if (timed) out.put(32, 0x6766656463626160, 8);
  if (timed) out.put(40, 0x7776757473727170, 8);
  for (std::size_t i = 0; i < 13; ++i)
    out.put(payload_at + i, static_cast<std::uint8_t>(known_payload[i]), 1);
  return out.bytes();
}

std::vector<std::byte> slot_bytes(const ring::view& v, std::uint64_t index) {
  const std::byte* at = v.slots + index * v.shape.stride;
  return {at, at + v.shape.stride};
}

// A message pushed as sequence `sequence` must leave exactly `want` in its slot, and nothing else.
void expect_slot(const ring_shape& shape, std::uint64_t sequence, const expected_slot& want) {
  SCOPED_TRACE(::testing::Message() << shape << ", sequence " << sequence);
  const auto memory = make_ring(shape);
  const ring::view v = memory.view();
  start_at(v, sequence);
  ring::producer<> producer(v);
  ASSERT_EQ(producer.try_push(known_envelope, known_payload, shape.timed ? &known_times : nullptr),
            RONDO_OK);
  ASSERT_EQ(v.shape.stride, want.bytes().size());
  const std::uint64_t index = sequence % shape.capacity;
  const auto got = slot_bytes(v, index);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], want.bytes()[i]) << "byte " << i;
  for (std::uint64_t other = 0; other < shape.capacity; ++other) {
    if (other == index) continue;
    EXPECT_EQ(slot_bytes(v, other), std::vector<std::byte>(v.shape.stride, poison)) << other;
  }
}

TEST(slot_bytes, of_word_publication_untimed) {
  expected_slot want(128);  // 64 + 20 rounded up to 64s
  want.put(0, 0x100000007, 8);
  want.put_bytes(16, known_content(false, true));
  expect_slot({publication::word, 2, 20, true, false}, 0x100000006, want);
}

TEST(slot_bytes, of_word_publication_timed) {
  expected_slot want(128);
  want.put(0, 1, 8);
  want.put_bytes(16, known_content(true));
  expect_slot({publication::word, 2, 20, true, true}, 0, want);
}

TEST(slot_bytes, of_counted_publication_untimed) {
  expected_slot want(64);  // 32 + 20 rounded up to 32s
  want.put_bytes(0, known_content(false));
  expect_slot({publication::counted, 2, 20, true, false}, 5, want);
  expect_slot({publication::counted, 2, 20, false, false}, 5, want);
}

TEST(slot_bytes, of_counted_publication_timed) {
  expected_slot want(96);  // 48 + 20 rounded up to 32s
  want.put_bytes(0, known_content(true));
  expect_slot({publication::counted, 2, 20, true, true}, 4, want);
}

// Chunks of 12 + 4 bytes; those behind the message keep what they held.
expected_slot chunked_slot(std::uint32_t stride, bool timed, std::uint32_t tag,
                           std::size_t chunks) {
  expected_slot want(stride);
  auto content = known_content(timed);
  content.resize(chunks * 12, std::byte{0});
  for (std::size_t k = 0; k < chunks; ++k) {
    want.put_bytes(16 * k, {content.begin() + static_cast<std::ptrdiff_t>(12 * k),
                            content.begin() + static_cast<std::ptrdiff_t>(12 * k + 12)});
    want.put(16 * k + 12, tag, 4);
  }
  return want;
}

TEST(slot_bytes, of_chunked_publication_untimed) {
  // 32 + 40 bytes are 6 chunks, 96 bytes, rounded up to 128; the message needs 4 of them.
  expect_slot({publication::chunked, 2, 40, true, false}, 0x1234567890,
              chunked_slot(128, false, 0x34567891, 4));
}

TEST(slot_bytes, of_chunked_publication_timed) {
  // 48 + 40 bytes are 8 chunks, 128 bytes; the message needs 6 of them.
  expect_slot({publication::chunked, 2, 40, true, true}, 7, chunked_slot(128, true, 8, 6));
}

TEST(slot_bytes, of_a_chunked_refresh_lap_cover_every_chunk_and_nothing_behind_them) {
  expect_slot({publication::chunked, 2, 40, true, false}, 1, chunked_slot(128, false, 2, 6));
  expect_slot({publication::chunked, 2, 40, true, false}, 3u << 30,
              chunked_slot(128, false, (3u << 30) + 1, 6));
}

// Keeps what the ring asks for, on processors too that cannot write a line by one store.
struct line_recorder : ring::platform {
  static inline std::vector<const ring::chunk*> lines;
  static inline int flushes = 0;
  static void store_line(ring::chunk* p, const ring::chunk* four) {
    lines.push_back(p);
    std::memcpy(static_cast<void*>(p), four, 64);
  }
  static void store_chunk(ring::chunk*, const ring::chunk&) { ADD_FAILURE() << "not a line"; }
  static void flush_lines() { ++flushes; }
};

// Whole lines of four chunks: those behind the message hold zeros and the tag. Every chunk of the
// message has the bytes that it has when chunks are written one by one.
template <class P>
void expect_whole_lines(bool timed) {
  SCOPED_TRACE(timed);
  const ring_shape shape{publication::chunked, 2, 100, true, timed};
  const auto memory = make_ring(shape);
  ring::view v = memory.view();
  v.whole_lines = true;
  start_at(v, 6);
  ring::producer<P> producer(v);
  ring::consumer<> consumer(v);
  const auto* times = timed ? &known_times : nullptr;
  ASSERT_EQ(producer.try_push(known_envelope, known_payload, times), RONDO_OK);
  // 45 bytes are 4 chunks, 61 bytes are 6.
  EXPECT_EQ(slot_bytes(v, 0), chunked_slot(v.shape.stride, timed, 7, timed ? 8 : 4).bytes());
  ring::envelope header{};
  std::byte payload[100];
  ASSERT_EQ(consumer.try_pop(header, payload, sizeof payload), RONDO_OK);
  EXPECT_EQ(std::memcmp(&header, &known_envelope, sizeof header), 0);
  EXPECT_EQ(std::memcmp(payload, known_payload, 13), 0);
  // In a refresh lap, all of the slot; and the other slot not at all.
  start_at(v, std::uint64_t{1} << 30);
  ASSERT_EQ(producer.try_push(known_envelope, known_payload, times), RONDO_OK);
  EXPECT_EQ(slot_bytes(v, 0),
            chunked_slot(v.shape.stride, timed, (1u << 30) + 1, v.shape.stride / 16).bytes());
  EXPECT_EQ(slot_bytes(v, 1), std::vector<std::byte>(v.shape.stride, poison));
}

TEST(slot_bytes, of_chunked_publication_in_whole_lines) {
  for (bool timed : {false, true}) {
    line_recorder::lines.clear();
    line_recorder::flushes = 0;
    expect_whole_lines<line_recorder>(timed);
    const std::size_t first = timed ? 2 : 1;
    ASSERT_EQ(line_recorder::lines.size(), first + (timed ? 4 : 3));
    EXPECT_EQ(line_recorder::flushes, 4) << "before and behind each of two commits";
    for (std::size_t i = first; i + 1 < line_recorder::lines.size(); ++i)
      EXPECT_EQ(line_recorder::lines[i], line_recorder::lines[i + 1] + 4) << "last to first";
  }
}

TEST(slot_bytes, of_whole_lines_are_the_same_by_the_stores_of_this_processor) {
  rondo_ring_map map = make_ring({publication::chunked, 2, 100}).map();
  map.flags = RONDO_RING_WHOLE_LINES;
  ring::view v;
  if (!ring::platform::has_whole_line_stores()) {
    EXPECT_EQ(ring::make_view(map, 0, true, v), RONDO_UNSUPPORTED);
    EXPECT_EQ(ring::make_view(map, 0, false, v), RONDO_OK) << "reading needs no such stores";
    GTEST_SKIP() << "this processor has no 64-byte store";
  }
  ASSERT_EQ(ring::make_view(map, 0, true, v), RONDO_OK);
  EXPECT_TRUE(v.whole_lines);
  for (bool timed : {false, true}) expect_whole_lines<ring::platform>(timed);
}

TEST(slot_bytes, of_a_timed_queue_hold_zero_times_when_none_are_given) {
  const auto memory = make_ring({publication::word, 2, 20, true, true});
  ring::producer<> producer(memory.view());
  ASSERT_EQ(producer.try_push(known_envelope, known_payload), RONDO_OK);
  const auto got = slot_bytes(memory.view(), 0);
  for (std::size_t i = 48; i < 64; ++i) EXPECT_EQ(got[i], std::byte{0}) << "byte " << i;
}

TEST(slot_bytes, of_an_abandoned_slot_say_so_in_the_flags) {
  const auto memory = make_ring({publication::word, 2, 20, true, false});
  ring::producer<> producer(memory.view());
  ring::claim c;
  ASSERT_EQ(producer.try_reserve(20, c), RONDO_OK);
  producer.abandon(c);
  expected_slot want(128);
  want.put(0, 1, 8);
  for (std::size_t i = 16; i < 48; i += 8) want.put(i, 0, 8);
  want.put(24, 4, 4);
  EXPECT_EQ(slot_bytes(memory.view(), 0), want.bytes());
}

// ---- control lines ----------------------------------------------------------------------------

std::uint64_t number_at(const void* line, std::size_t offset) {
  std::uint64_t n;
  std::memcpy(&n, static_cast<const std::byte*>(line) + offset, sizeof n);
  return n;
}

TEST(control_lines, lie_128_bytes_apart_and_hold_their_numbers_at_fixed_offsets) {
  ring_shape shape{publication::counted, 4, 20, false, false};
  shape.drop_oldest = true;
  const auto memory = make_ring(shape);
  const rondo_ring_lane& lane = memory.map().lanes[0];
  ring::producer<> producer(memory.view());
  ring::consumer<> consumer(memory.view());
  for (std::uint64_t id = 0; id < 3; ++id) ASSERT_EQ(push_id(producer, id, 20), RONDO_OK);
  producer.discard_below(2);
  ASSERT_TRUE(pops_id(consumer, 2, 20));
  EXPECT_EQ(number_at(lane.producer_line, 0), 3u) << "tail";
  EXPECT_EQ(number_at(lane.producer_line, 8), 2u) << "discard_below";
  EXPECT_EQ(number_at(lane.consumer_line, 0), 3u) << "head";
  EXPECT_EQ(number_at(lane.consumer_line, 8), 2u) << "skipped";
  EXPECT_EQ(number_at(lane.claim_line, 0), 3u) << "next";
  EXPECT_EQ(number_at(lane.claim_line, 16), 3u) << "published";
  EXPECT_EQ(number_at(lane.claim_line, 24), 0u) << "publishing";
  const void* lines[] = {lane.producer_line, lane.consumer_line, lane.claim_line,
                         memory.map().wake_line, lane.slots};
  for (const void* a : lines)
    for (const void* b : lines) {
      const auto distance = static_cast<const std::byte*>(a) - static_cast<const std::byte*>(b);
      if (a != b) {
        EXPECT_GE(std::abs(distance), 128);
      }
    }
}

}  // namespace
}  // namespace rondo::test
