// From the C description of a ring in abi.h to the view that the protocol works on, with every
// field checked: a plugin's numbers are not believed.
#pragma once

#include <rondo/ring/protocol.hpp>

namespace rondo::ring {

// make_view() says OK; VERSION_MISMATCH (another ring layout); BAD_DESCRIPTOR (a field contradicts
// another, a pointer is missing or misaligned); UNSUPPORTED (whole lines, and this processor cannot
// write them); or what make_geometry() says [RING-12]. `producing`: which side's pointers must be
// there.
inline rondo_status make_view(const rondo_ring_map& map, std::uint32_t lane, bool producing,
                              view& out) {
  if (map.struct_size < sizeof(rondo_ring_map)) return RONDO_BAD_DESCRIPTOR;
  if (map.layout_version != layout_version) return RONDO_VERSION_MISMATCH;
  if (map.lane_count == 0 || map.lane_count > RONDO_MAX_LANES || lane >= map.lane_count)
    return RONDO_BAD_DESCRIPTOR;
  view v;
  const bool timed = (map.queue_flags & RONDO_QUEUE_TIMED) != 0;
  const bool headers_apart = (map.flags & RONDO_RING_HEADERS_APART) != 0;
  if (headers_apart && map.publication != RONDO_PUBLISH_COUNTED) return RONDO_BAD_DESCRIPTOR;
  const publication how = publication_of(map.publication, headers_apart);
  const rondo_status status =
      make_geometry(how, map.capacity, map.payload_capacity, timed, v.shape);
  if (status != RONDO_OK) return status;
  if (v.shape.stride != map.slot_stride) return RONDO_BAD_DESCRIPTOR;
  const rondo_ring_lane& part = map.lanes[lane];
  const auto misaligned = [](const void* p, std::size_t to) {
    return p == nullptr || reinterpret_cast<std::uintptr_t>(p) % to != 0;
  };
  if (misaligned(part.slots, 64) || misaligned(part.producer_line, line_bytes) ||
      misaligned(part.consumer_line, line_bytes))
    return RONDO_BAD_DESCRIPTOR;
  constexpr std::uint32_t parking = RONDO_RING_CONSUMER_PARKS | RONDO_RING_PRODUCER_WAKES;
  if ((map.flags & parking) != 0 && misaligned(map.wake_line, alignof(wake_line)))
    return RONDO_BAD_DESCRIPTOR;
  v.whole_lines = (map.flags & RONDO_RING_WHOLE_LINES) != 0;
  if (v.whole_lines && how != publication::chunked) return RONDO_BAD_DESCRIPTOR;
  v.slots = static_cast<std::byte*>(part.slots);
  if (headers_apart) v.headers = v.slots + v.shape.headers_offset();
  v.producer = static_cast<producer_line*>(part.producer_line);
  v.consumer = static_cast<consumer_line*>(part.consumer_line);
  v.one_producer = (map.queue_flags & RONDO_QUEUE_ONE_PRODUCER) != 0;
  v.drops_oldest = (map.queue_flags & RONDO_QUEUE_DROP_OLDEST) != 0;
  if (producing) {
    const bool shared_counted = v.shape.is_counted() && !v.one_producer;
    if (misaligned(part.claim_line, line_bytes)) return RONDO_BAD_DESCRIPTOR;
    if (shared_counted && misaligned(part.ready, alignof(std::uint64_t)))
      return RONDO_BAD_DESCRIPTOR;
    if (v.whole_lines && !platform::has_whole_line_stores()) return RONDO_UNSUPPORTED;
    v.claim = static_cast<claim_line*>(part.claim_line);
    v.ready = static_cast<std::uint64_t*>(part.ready);
  }
  out = v;
  return RONDO_OK;
}

}  // namespace rondo::ring
