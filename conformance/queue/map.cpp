// Rings that the host may use itself: what is described must fit together, live long enough, and be
// the ring that the kernel polls.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/ring/map.hpp>
#include <rondo/ring/wait.hpp>

#include <algorithm>

namespace rondo::conformance {

namespace {

rondo_ring_map map_of(test_kernel& kernel, rondo_queue* queue, const place& at = place::current()) {
  rondo_ring_map map{};
  map.struct_size = sizeof map;
  expect_status(kernel.api().queue.map(queue, &map), RONDO_OK, "map", at);
  return map;
}

ring::view view_of(const rondo_ring_map& map, bool produces, std::uint32_t lane = 0,
                   const place& at = place::current()) {
  ring::view view;
  expect_status(ring::make_view(map, lane, produces, view), RONDO_OK,
                "what rondo/ring/map.hpp makes of the map", at);
  return view;
}

struct extent {
  const void* at;
  std::uint64_t bytes;
  const char* what;
};

void expect_apart(const rondo_ring_map& map) {
  const std::uint64_t slots_bytes = view_of(map, false).shape.slots_bytes();
  std::vector<extent> parts;
  for (std::uint32_t i = 0; i < map.lane_count; ++i) {
    const rondo_ring_lane& lane = map.lanes[i];
    parts.push_back({lane.slots, slots_bytes, "slots"});
    parts.push_back({lane.producer_line, 128, "producer_line"});
    parts.push_back({lane.consumer_line, 128, "consumer_line"});
    if (lane.claim_line != nullptr) parts.push_back({lane.claim_line, 128, "claim_line"});
    if (lane.ready != nullptr) parts.push_back({lane.ready, map.capacity * 8, "ready"});
  }
  if (map.wake_line != nullptr) parts.push_back({map.wake_line, 128, "wake_line"});
  for (const extent& part : parts) require(part.at != nullptr, std::string(part.what) + " is NULL");
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto a = reinterpret_cast<std::uintptr_t>(parts[i].at);
      const auto b = reinterpret_cast<std::uintptr_t>(parts[j].at);
      require(a + parts[i].bytes <= b || b + parts[j].bytes <= a,
              std::string(parts[i].what) + " and " + parts[j].what + " of a mapped ring overlap");
    }
}

void expect_fits(test_kernel& kernel, bool input, std::uint32_t lanes) {
  rondo_queue* const queue = input ? kernel.input() : kernel.output();
  rule("QUEUE-15");
  const rondo_ring_map map = map_of(kernel, queue);
  expect_equal(map.layout_version, ring::layout_version, "the map's layout_version");
  require(map.publication >= RONDO_PUBLISH_WORD && map.publication <= RONDO_PUBLISH_CHUNKED,
          "the map's publication is none of word, counted and chunked");
  const auto info = kernel.info(queue);
  expect_equal(map.capacity, info.capacity, "the map's capacity, compared with info(),");
  expect_equal(map.lane_count, lanes, "the map's lane_count");
  for (std::uint32_t lane = 0; lane < lanes; ++lane) (void)view_of(map, input, lane);
  expect_apart(map);
  rule("QUEUE-24");
  expect_equal(info.payload_capacity, map.payload_capacity,
               "the payload_capacity that info() tells, compared with the map's,");
  expect_equal(info.publication, map.publication,
               "the publication that info() tells, compared with the map's,");
  expect_equal(info.slot_stride, map.slot_stride,
               "the slot_stride that info() tells, compared with the map's,");
}

}  // namespace

RONDO_CASE(queue, map, its_parts_fit_together, core, "QUEUE-15 QUEUE-24", RONDO_CAP_MAPPED) {
  const std::uint32_t most_lanes = it.has(RONDO_CAP_URGENT) ? RONDO_MAX_LANES : 1;
  for (const std::uint32_t payload : {56u, 300u, 5000u})
    for (std::uint32_t lanes = 1; lanes <= most_lanes; ++lanes) {
      kernel_spec spec;
      spec.input_payload = std::max(payload, 64u);
      spec.output_payload = std::max(payload, 216u);
      spec.lanes = lanes;
      test_kernel kernel(it, spec);
      expect_fits(kernel, true, lanes);
      expect_fits(kernel, false, 1);
    }
}

RONDO_CASE(queue, map, it_is_the_ring_that_the_kernel_polls, core, "QUEUE-15 QUEUE-02",
           RONDO_CAP_MAPPED) {
  test_kernel kernel(it);
  kernel.start();
  const rondo_ring_map in = map_of(kernel, kernel.input());
  const rondo_ring_map out = map_of(kernel, kernel.output());
  ring::producer<> producer(view_of(in, true));
  ring::consumer<> consumer(view_of(out, false));
  for (std::uint64_t i = 0; i < 300; ++i) {
    const kernels::nonce_request request{i, {}};
    const rondo_envelope header{sizeof request, RONDO_TYPE_REQUEST, 3, 0, 0, i + 1, i + 1};
    rondo_status status = RONDO_FULL;
    eventually([&] { return (status = producer.try_push(header, &request)) != RONDO_FULL; },
               it.patience());
    expect_status(status, RONDO_OK, "a push into the mapped ring");
    if ((in.flags & RONDO_RING_CONSUMER_PARKS) != 0)
      ring::wake_if_parked(static_cast<ring::wake_line*>(in.wake_line));
    kernels::nonce_reply reply{};
    rondo_envelope back{};
    status = RONDO_EMPTY;
    eventually(
        [&] { return (status = consumer.try_pop(back, &reply, sizeof reply)) != RONDO_EMPTY; },
        it.patience());
    expect_status(status, RONDO_OK, "a pop from the mapped ring");
    expect_equal(reply.proof, kernels::secret(i, kernels::nonce_salt),
                 "the proof of a message sent through the mapped ring");
  }
}

// In slots that are too large for chunks: a message in chunks has the size that its length says.
RONDO_CASE(queue, map, what_says_to_be_longer_than_its_slot_is_passed_by, core, "TEL-16",
           RONDO_CAP_MAPPED) {
  kernel_spec spec;
  spec.input_payload = 1024;
  test_kernel kernel(it, spec);
  kernel.start();
  const rondo_ring_map in = map_of(kernel, kernel.input());
  ring::producer<> producer(view_of(in, true));
  ring::claim slot;
  expect_status(producer.try_reserve(sizeof(kernels::nonce_request), slot), RONDO_OK,
                "a claim in the mapped ring");
  producer.commit(slot, {in.payload_capacity + 1, RONDO_TYPE_REQUEST, 3, 0, 0, 1, 1});
  const kernels::nonce_request request{2, {}};
  expect_status(producer.try_push({sizeof request, RONDO_TYPE_REQUEST, 3, 0, 0, 2, 2}, &request),
                RONDO_OK, "a push into the mapped ring");
  if ((in.flags & RONDO_RING_CONSUMER_PARKS) != 0)
    ring::wake_if_parked(static_cast<ring::wake_line*>(in.wake_line));
  expect_equal(kernel.receive().header.correlation_id, 2u, "whose reply came");
  kernel.counters_when([](const rondo_kernel_counters& now) {
    expect_equal(now.messages_dropped, 1u, "messages_dropped after a length beyond the slot");
    expect_equal(now.messages_in, 1u, "messages_in after one message and one that was none");
  });
}

RONDO_CASE(queue, map, its_memory_lives_until_destroy, core, "QUEUE-06", RONDO_CAP_MAPPED) {
  test_kernel kernel(it);
  kernel.start();
  const rondo_ring_map in = map_of(kernel, kernel.input());
  const rondo_ring_map out = map_of(kernel, kernel.output());
  for (std::uint64_t i = 0; i < 3; ++i) kernel.send(kernels::nonce_request{i, {}});
  (void)kernel.counters_at(3);
  kernel.terminate();
  ring::consumer<> consumer(view_of(out, false));
  for (std::uint64_t i = 0; i < 3; ++i) {
    kernels::nonce_reply reply{};
    rondo_envelope back{};
    expect_status(consumer.try_pop(back, &reply, sizeof reply), RONDO_OK,
                  "a pop from the mapped ring of a terminated kernel");
    expect_equal(reply.proof, kernels::secret(i, kernels::nonce_salt),
                 "the proof of a reply that was left in the mapped ring");
  }
  ring::producer<> producer(view_of(in, true));
  const kernels::nonce_request request{};
  const rondo_envelope header{sizeof request, RONDO_TYPE_REQUEST, 3, 0, 0, 9, 9};
  rule("QUEUE-04");
  require(producer.try_push(header, &request) != RONDO_OK,
          "a push into the mapped ring of a terminated kernel is accepted");
  rule("QUEUE-06");
  const rondo_ring_map again = map_of(kernel, kernel.output());
  require(again.lanes[0].slots == out.lanes[0].slots, "the ring has moved while it was mapped");
}

}  // namespace rondo::conformance
