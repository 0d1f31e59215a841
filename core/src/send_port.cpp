// Sending.
#include "send_port.hpp"

#include <rondo/host_services.hpp>
#include <rondo/ring/lanes.hpp>

#include <vector>

namespace rondo::detail {

send_port::send_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map,
                     pump* through)
    : api_(api),
      queue_(queue),
      mapped_(map != nullptr),
      pump_(through),
      batches_(api.has(RONDO_CAP_BATCH)) {
  if (mapped_) {
    ring::view view;
    const status code = ring::make_view(*map, 0, true, view);
    if (code != RONDO_OK)
      throw error(code, "input queue",
                  "the ring that the backend maps is not one this version can use");
    ring_ = ring::producer<>(view);
    payload_capacity_ = view.shape.payload_capacity;
    has_urgent_ = map->lane_count > ring::urgent_lane;
    if (has_urgent_) {
      if (ring::make_view(*map, ring::urgent_lane, true, view) != RONDO_OK)
        throw error(RONDO_BAD_DESCRIPTOR, "input queue",
                    "the urgent lane that the backend maps is not one this version can use");
      urgent_ = ring::producer<>(view);
    }
    if ((map->flags & RONDO_RING_CONSUMER_PARKS) != 0)
      wake_ = static_cast<ring::wake_line*>(map->wake_line);
  } else {
    rondo_queue_info info{};
    info.struct_size = sizeof info;
    const host_call_guard guard;
    const status code = api_.queue.info(queue_, &info);
    if (code != RONDO_OK) throw error(code, "input queue", "the backend cannot describe it");
    payload_capacity_ = info.payload_capacity;
  }
}

std::uint64_t send_port::sent() const {
  if (!mapped_) return accepted_.load(std::memory_order_relaxed);
  const place claimed = next_place();
  return claimed.normal + claimed.urgent - abandoned_.load(std::memory_order_relaxed);
}

std::uint64_t send_port::passed_to_calls() const {
  return accepted_.load(std::memory_order_relaxed) + abandoned_.load(std::memory_order_relaxed);
}

status send_port::try_send(const codec& type, const void* message, std::uint64_t correlation,
                           const extras& with, std::uint64_t& id) {
  if (!mapped_) return send_called(type, message, correlation, id, with.urgent);
  ring::producer<>& lane = with.urgent ? urgent_ : ring_;
  ring::claim claim;
  const status code = lane.try_reserve(type.type.max_bytes, claim, correlation == 0);
  if (code != RONDO_OK) return code;
  struct abandon_at_end {  // also when the encoding throws
    send_port& port;
    ring::producer<>& lane;
    ring::claim* claim;
    ~abandon_at_end() {
      if (claim != nullptr) port.abandon(lane, *claim);
    }
  } unfinished{*this, lane, &claim};
  const std::int64_t length = type.encode(message, claim.payload, claim.capacity);
  if (length < 0) return RONDO_TOO_LARGE;
  unfinished.claim = nullptr;
  id = claim.sequence + 1;
  if (with.urgent) id |= urgent_mark;
  rondo_envelope header = header_of(length, type, id, correlation);
  if (with.urgent) header.flags |= RONDO_FLAG_URGENT;
  const rondo_envelope_times times{with.deadline_ns, 0};
  ring::commit_stamped(lane, claim, header, &times);
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
  return RONDO_OK;
}

void send_port::drop_oldest(bool urgent, std::uint64_t count) {
  if (!mapped_ || !(urgent ? urgent_ : ring_).drop_oldest(count)) return;
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
}

// A parked kernel has to be woken for it, or the slot would never be free again.
void send_port::abandon(ring::producer<>& lane, ring::claim& claim) {
  abandoned_.fetch_add(1, std::memory_order_relaxed);
  lane.abandon(claim);
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
}

status send_port::send_called(const codec& type, const void* message, std::uint64_t correlation,
                              std::uint64_t& id, bool urgent) {
  if (type.type.max_bytes > payload_capacity_) return RONDO_TOO_LARGE;
  thread_local std::vector<std::byte> scratch;
  scratch.resize(payload_capacity_);
  const std::int64_t length = type.encode(message, scratch.data(), payload_capacity_);
  if (length < 0) return RONDO_TOO_LARGE;
  id = next_id_.fetch_add(1, std::memory_order_relaxed) + 1;
  rondo_envelope header = header_of(length, type, id, correlation);
  if (urgent) header.flags |= RONDO_FLAG_URGENT;
  const void* const payload = scratch.data();
  std::uint64_t done = 0;
  status code;
  if (pump_ != nullptr) {
    code = pump_->stage(&header, &payload, 1, done);
  } else {
    const host_call_guard guard;
    code = api_.queue.push(queue_, &header, payload);
  }
  if (code == RONDO_OK) accepted_.fetch_add(1, std::memory_order_relaxed);
  return code;
}

}  // namespace rondo::detail
