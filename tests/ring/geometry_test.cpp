// Which rings can be had, how large their slots are, and which descriptions of a ring are refused.
#include "support.hpp"

#include <functional>
#include <string>
#include <vector>

namespace rondo::test {
namespace {

using ring::geometry;
using ring::make_geometry;

struct refused_geometry {
  const char* why;
  publication how;
  std::uint64_t capacity;
  std::uint32_t payload;
  bool timed;
  rondo_status status;
};

constexpr std::uint64_t word_slot_64 = 128;  // a line, and 64 bytes of payload

const refused_geometry refused[] = {
    {"no slots", publication::word, 0, 64, false, RONDO_CAPACITY_ZERO},
    {"three slots", publication::word, 3, 64, false, RONDO_CAPACITY_NOT_POWER_OF_TWO},
    {"one less than 2^63", publication::word, ~0ull >> 1, 64, false,
     RONDO_CAPACITY_NOT_POWER_OF_TWO},
    {"all ones", publication::counted, ~0ull, 64, false, RONDO_CAPACITY_NOT_POWER_OF_TWO},
    {"2^63 slots", publication::word, 1ull << 63, 64, false, RONDO_CAPACITY_OVERFLOW},
    {"a product that is 0 in 64 bits", publication::word, 1ull << 57, 64, false,
     RONDO_CAPACITY_OVERFLOW},
    {"2^48 bytes", publication::word, (1ull << 48) / word_slot_64, 64, false,
     RONDO_CAPACITY_OVERFLOW},
    {"just above 2^47 bytes", publication::counted, 1ull << 42, 1, false, RONDO_CAPACITY_OVERFLOW},
    {"with the headers", publication::apart, 1ull << 41, 64, false, RONDO_CAPACITY_OVERFLOW},
    {"no payload", publication::word, 4, 0, false, RONDO_INVALID_ARGUMENT},
    {"payload above 64 KiB", publication::word, 4, 65537, false, RONDO_TOO_LARGE},
    {"payload near 2^32", publication::counted, 4, 0xffffffff, true, RONDO_TOO_LARGE},
    {"353 bytes chunked", publication::chunked, 4, 353, false, RONDO_TOO_LARGE},
    {"337 bytes chunked and timed", publication::chunked, 4, 337, true, RONDO_TOO_LARGE},
    {"2^21 slots chunked", publication::chunked, 1u << 21, 64, false, RONDO_CAPACITY_OVERFLOW},
    {"publication 0", publication{0}, 4, 64, false, RONDO_INVALID_ARGUMENT},
    {"publication 5", publication{5}, 4, 64, false, RONDO_INVALID_ARGUMENT},
};

TEST(geometry, refuses_what_cannot_be_and_leaves_the_result_alone) {  // RING-03
  for (const refused_geometry& r : refused) {
    geometry g;
    g.stride = 12345;
    EXPECT_EQ(make_geometry(r.how, r.capacity, r.payload, r.timed, g), r.status) << r.why;
    EXPECT_EQ(g.stride, 12345u) << r.why;
  }
}

struct accepted_geometry {
  publication how;
  std::uint64_t capacity;
  std::uint32_t payload;
  bool timed;
  std::uint32_t stride;
};

const accepted_geometry accepted[] = {
    {publication::word, 1, 1, false, 128},
    {publication::word, 1, 64, false, 128},
    {publication::word, 1, 65, false, 192},
    {publication::word, 2, 1, true, 128},
    {publication::word, 1ull << 40, 64, false, 128},  // exactly 2^47 bytes
    {publication::word, 4, 65536, true, 65600},
    {publication::counted, 1, 1, false, 64},
    {publication::counted, 1, 32, false, 64},
    {publication::counted, 1, 33, false, 96},
    {publication::counted, 8, 65536, true, 65600},
    {publication::apart, 1, 1, false, 32},
    {publication::apart, 1, 64, true, 64},
    {publication::apart, 1, 65, false, 96},
    {publication::apart, 8, 65536, true, 65536},
    {publication::chunked, 1, 1, false, 64},
    {publication::chunked, 1, 16, false, 64},           // 4 chunks
    {publication::chunked, 1, 17, false, 128},          // 5 chunks
    {publication::chunked, 1u << 20, 352, false, 512},  // 32 chunks
    {publication::chunked, 1u << 20, 336, true, 512},
};

TEST(geometry, accepts_everything_up_to_its_limits) {
  for (const accepted_geometry& a : accepted) {
    geometry g;
    ASSERT_EQ(make_geometry(a.how, a.capacity, a.payload, a.timed, g), RONDO_OK) << name_of(a.how);
    EXPECT_EQ(g.stride, a.stride) << name_of(a.how) << ", " << a.payload;
    EXPECT_EQ(g.capacity, a.capacity);
    EXPECT_EQ(g.payload_capacity, a.payload);
    EXPECT_EQ(g.timed, a.timed);
    EXPECT_EQ(g.how, a.how);
  }
}

TEST(geometry, always_aligns_the_payload_and_keeps_it_inside_its_slot) {
  for (auto how :
       {publication::word, publication::counted, publication::apart, publication::chunked})
    for (bool timed : {false, true})
      for (std::uint32_t payload = 1; payload <= ring::max_chunked_payload(timed); ++payload) {
        geometry g;
        ASSERT_EQ(make_geometry(how, 4, payload, timed, g), RONDO_OK);
        const std::uint32_t content = (timed ? 48 : 32) + payload;
        const std::uint32_t used = how == publication::word      ? 64 + payload
                                   : how == publication::counted ? content
                                   : how == publication::apart   ? payload
                                                                 : (content + 11) / 12 * 16;
        EXPECT_GE(g.stride, used);
        EXPECT_LT(g.stride, used + 64) << "wasteful";
        EXPECT_EQ(g.stride % 16, 0u);
        EXPECT_EQ((g.prefix_bytes() + g.payload_distance()) % 16, 0u);
      }
}

TEST(geometry, of_a_279_byte_request_costs_under_2_mib_for_4096_slots) {
  for (auto how : {publication::word, publication::counted, publication::chunked})
    for (bool timed : {false, true}) {
      geometry g;
      ASSERT_EQ(make_geometry(how, 4096, 279, timed, g), RONDO_OK);
      EXPECT_LE(4096u * std::uint64_t{g.stride}, 2u << 20) << name_of(how);
    }
}

// ---- descriptions of a ring -------------------------------------------------------------------

struct corruption {
  const char* what;
  std::function<void(rondo_ring_map&)> spoil;
  rondo_status status;
};

template <class T>
T* shifted(T* p, std::ptrdiff_t bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(p) +
                              static_cast<std::uintptr_t>(bytes));
}

const std::vector<corruption> corruptions = {
    {"struct_size", [](auto& m) { m.struct_size -= 1; }, RONDO_BAD_DESCRIPTOR},
    {"layout_version newer", [](auto& m) { m.layout_version += 1; }, RONDO_VERSION_MISMATCH},
    {"layout_version 0", [](auto& m) { m.layout_version = 0; }, RONDO_VERSION_MISMATCH},
    {"publication default", [](auto& m) { m.publication = 0; }, RONDO_INVALID_ARGUMENT},
    {"publication unknown", [](auto& m) { m.publication = 99; }, RONDO_INVALID_ARGUMENT},
    {"publication 4, which is none of a map", [](auto& m) { m.publication = 4; },
     RONDO_INVALID_ARGUMENT},
    {"capacity 0", [](auto& m) { m.capacity = 0; }, RONDO_CAPACITY_ZERO},
    {"capacity 6", [](auto& m) { m.capacity = 6; }, RONDO_CAPACITY_NOT_POWER_OF_TWO},
    {"capacity 2^62", [](auto& m) { m.capacity = 1ull << 62; }, RONDO_CAPACITY_OVERFLOW},
    {"stride too small", [](auto& m) { m.slot_stride -= 32; }, RONDO_BAD_DESCRIPTOR},
    {"stride too large", [](auto& m) { m.slot_stride += 64; }, RONDO_BAD_DESCRIPTOR},
    {"payload 0", [](auto& m) { m.payload_capacity = 0; }, RONDO_INVALID_ARGUMENT},
    {"payload not the stride's", [](auto& m) { m.payload_capacity = 1000; }, RONDO_BAD_DESCRIPTOR},
    {"payload too large", [](auto& m) { m.payload_capacity = 1u << 20; }, RONDO_TOO_LARGE},
    {"times not in the stride", [](auto& m) { m.queue_flags |= RONDO_QUEUE_TIMED; },
     RONDO_BAD_DESCRIPTOR},
    {"no lane", [](auto& m) { m.lane_count = 0; }, RONDO_BAD_DESCRIPTOR},
    {"three lanes", [](auto& m) { m.lane_count = 3; }, RONDO_BAD_DESCRIPTOR},
    {"no slots", [](auto& m) { m.lanes[0].slots = nullptr; }, RONDO_BAD_DESCRIPTOR},
    {"slots misaligned", [](auto& m) { m.lanes[0].slots = shifted(m.lanes[0].slots, 32); },
     RONDO_BAD_DESCRIPTOR},
    {"no producer line", [](auto& m) { m.lanes[0].producer_line = nullptr; }, RONDO_BAD_DESCRIPTOR},
    {"producer line misaligned",
     [](auto& m) { m.lanes[0].producer_line = shifted(m.lanes[0].producer_line, 64); },
     RONDO_BAD_DESCRIPTOR},
    {"no consumer line", [](auto& m) { m.lanes[0].consumer_line = nullptr; }, RONDO_BAD_DESCRIPTOR},
    {"consumer line misaligned",
     [](auto& m) { m.lanes[0].consumer_line = shifted(m.lanes[0].consumer_line, 8); },
     RONDO_BAD_DESCRIPTOR},
    {"whole lines of a publication that has no chunks",
     [](auto& m) { m.flags = RONDO_RING_WHOLE_LINES; }, RONDO_BAD_DESCRIPTOR},
    {"headers apart of slots that have room for them",
     [](auto& m) { m.flags = RONDO_RING_HEADERS_APART; }, RONDO_BAD_DESCRIPTOR},
    {"headers apart by word",
     [](auto& m) {
       m.flags = RONDO_RING_HEADERS_APART;
       m.publication = RONDO_PUBLISH_WORD;
     },
     RONDO_BAD_DESCRIPTOR},
    {"no claim line", [](auto& m) { m.lanes[0].claim_line = nullptr; }, RONDO_BAD_DESCRIPTOR},
    {"claim line misaligned",
     [](auto& m) { m.lanes[0].claim_line = shifted(m.lanes[0].claim_line, 64); },
     RONDO_BAD_DESCRIPTOR},
    {"no ready marks", [](auto& m) { m.lanes[0].ready = nullptr; }, RONDO_BAD_DESCRIPTOR},
    {"ready marks misaligned", [](auto& m) { m.lanes[0].ready = shifted(m.lanes[0].ready, 4); },
     RONDO_BAD_DESCRIPTOR},
    {"a parking consumer without a wake line",
     [](auto& m) { m.flags = RONDO_RING_CONSUMER_PARKS, m.wake_line = nullptr; },
     RONDO_BAD_DESCRIPTOR},
    {"a parking consumer with a wake line that no futex can be at",
     [](auto& m) { m.flags = RONDO_RING_CONSUMER_PARKS, m.wake_line = shifted(m.wake_line, 2); },
     RONDO_BAD_DESCRIPTOR},
};

// Counted with several producers needs every pointer there is.
const ring_shape full_shape{publication::counted, 4, 64, false, false};

TEST(ring_map, is_refused_with_any_one_field_wrong) {  // RING-12
  const auto memory = make_ring(full_shape);
  for (const corruption& c : corruptions) {
    rondo_ring_map map = memory.map();
    c.spoil(map);
    ring::view v;
    EXPECT_EQ(ring::make_view(map, 0, true, v), c.status) << c.what;
    EXPECT_EQ(v.slots, nullptr) << c.what << ": a refused map must leave the view alone";
  }
}

TEST(ring_map, gives_the_view_that_it_describes) {
  const auto memory = make_ring(full_shape);
  ring::view v;
  ASSERT_EQ(ring::make_view(memory.map(), 0, true, v), RONDO_OK);
  const rondo_ring_lane& lane = memory.map().lanes[0];
  EXPECT_EQ(static_cast<void*>(v.slots), lane.slots);
  EXPECT_EQ(static_cast<void*>(v.producer), lane.producer_line);
  EXPECT_EQ(static_cast<void*>(v.consumer), lane.consumer_line);
  EXPECT_EQ(static_cast<void*>(v.claim), lane.claim_line);
  EXPECT_EQ(static_cast<void*>(v.ready), lane.ready);
  EXPECT_FALSE(v.one_producer);
  EXPECT_FALSE(v.drops_oldest);
}

TEST(ring_map, needs_no_producer_memory_to_consume) {
  const auto memory = make_ring(full_shape);
  rondo_ring_map map = memory.map();
  map.lanes[0].claim_line = nullptr;
  map.lanes[0].ready = nullptr;
  ring::view v;
  ASSERT_EQ(ring::make_view(map, 0, false, v), RONDO_OK);
  EXPECT_EQ(v.claim, nullptr);
  EXPECT_EQ(v.ready, nullptr);
}

TEST(ring_map, needs_ready_marks_for_counted_publication_by_several_producers_only) {
  for (const ring_shape& shape :
       {ring_shape{publication::word, 4, 64, false}, ring_shape{publication::chunked, 4, 64, false},
        ring_shape{publication::counted, 4, 64, true}}) {
    const auto memory = make_ring(shape);
    rondo_ring_map map = memory.map();
    map.lanes[0].ready = nullptr;
    ring::view v;
    EXPECT_EQ(ring::make_view(map, 0, true, v), RONDO_OK) << shape;
  }
}

TEST(ring_map, has_no_lane_beyond_its_count) {
  const auto memory = make_ring(full_shape);
  ring::view v;
  EXPECT_EQ(ring::make_view(memory.map(), 1, true, v), RONDO_BAD_DESCRIPTOR);
  EXPECT_EQ(ring::make_view(memory.map(), ~0u, true, v), RONDO_BAD_DESCRIPTOR);
}

TEST(ring_memory, refuses_what_geometry_refuses_and_lanes_it_does_not_have) {
  struct row {
    std::function<void(rondo_queue_params&)> spoil;
    rondo_status status;
  };
  const std::vector<row> rows = {
      {[](auto& p) { p.capacity = 0; }, RONDO_CAPACITY_ZERO},
      {[](auto& p) { p.capacity = 12; }, RONDO_CAPACITY_NOT_POWER_OF_TWO},
      {[](auto& p) { p.capacity = 1ull << 60; }, RONDO_CAPACITY_OVERFLOW},
      {[](auto& p) { p.payload_capacity = 65537; }, RONDO_TOO_LARGE},
      {[](auto& p) { p.payload_capacity = 0; }, RONDO_INVALID_ARGUMENT},
      {[](auto& p) { p.publication = 0; }, RONDO_INVALID_ARGUMENT},
      {[](auto& p) { p.lanes = 0; }, RONDO_INVALID_ARGUMENT},
      {[](auto& p) { p.lanes = 3; }, RONDO_INVALID_ARGUMENT},
  };
  for (const row& r : rows) {
    rondo_queue_params params = params_of(full_shape);
    r.spoil(params);
    backend::ring_memory memory;
    EXPECT_EQ(backend::ring_memory::create(params, memory), r.status);
    EXPECT_EQ(memory.map().lanes[0].slots, nullptr);
  }
}

TEST(ring_memory, of_two_lanes_is_that_of_two_rings_that_share_nothing_but_the_wake_line) {
  for (const bool one_producer : {false, true}) {
    ring_shape shape = full_shape;
    shape.one_producer = one_producer;
    auto params = params_of(shape);
    params.lanes = 2;
    backend::ring_memory memory;
    ASSERT_EQ(backend::ring_memory::create(params, memory, backend::ring_memory::poisoned),
              RONDO_OK);
    EXPECT_EQ(memory.lanes(), 2u);
    EXPECT_NE(memory.map().wake_line, nullptr);
    ring::producer<> producers[] = {ring::producer<>(memory.view(0)),
                                    ring::producer<>(memory.view(1))};
    ring::consumer<> consumers[] = {ring::consumer<>(memory.view(0)),
                                    ring::consumer<>(memory.view(1))};
    for (std::uint64_t id = 0; id < shape.capacity; ++id)
      for (std::uint64_t lane : {0u, 1u})
        ASSERT_EQ(push_id(producers[lane], lane * 100 + id, shape.payload), RONDO_OK);
    for (std::uint64_t lane : {1u, 0u}) {
      EXPECT_EQ(push_id(producers[lane], 9, 8), RONDO_FULL);
      for (std::uint64_t id = 0; id < shape.capacity; ++id)
        EXPECT_TRUE(pops_id(consumers[lane], lane * 100 + id, shape.payload));
    }
  }
}

TEST(ring_memory, of_two_lanes_has_its_slots_in_its_own_block) {
  auto params = params_of(full_shape);
  params.lanes = 2;
  alignas(ring::line_bytes) std::byte elsewhere[64];
  backend::ring_storage storage;
  storage.slots = elsewhere;
  backend::ring_memory memory;
  EXPECT_EQ(backend::ring_memory::create(params, memory, backend::ring_memory::zeroed, storage),
            RONDO_UNSUPPORTED);
}

}  // namespace
}  // namespace rondo::test
