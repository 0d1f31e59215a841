// Sending.
#include "send_port.hpp"

#include <rondo/host_services.hpp>

#include <vector>

namespace rondo::detail {

send_port::send_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map)
    : api_(api), queue_(queue), mapped_(map != nullptr), batches_(api.has(RONDO_CAP_BATCH)) {
  if (mapped_) {
    ring::view view;
    const status code = ring::make_view(*map, 0, true, view);
    if (code != RONDO_OK)
      throw error(code, "input queue",
                  "the ring that the backend maps is not one this version can use");
    ring_ = ring::producer<>(view);
    payload_capacity_ = view.shape.payload_capacity;
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
  return mapped_ ? ring_.next_sequence() - abandoned_.load(std::memory_order_relaxed)
                 : accepted_.load(std::memory_order_relaxed);
}

// A parked kernel has to be woken for it, or the slot would never be free again.
void send_port::abandon(ring::claim& claim) {
  abandoned_.fetch_add(1, std::memory_order_relaxed);
  ring_.abandon(claim);
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
}

status send_port::send_called(const codec& type, const void* message, std::uint64_t correlation,
                              std::uint64_t& id) {
  if (type.type.max_bytes > payload_capacity_) return RONDO_TOO_LARGE;
  thread_local std::vector<std::byte> scratch;
  scratch.resize(payload_capacity_);
  const std::int64_t length = type.encode(message, scratch.data(), payload_capacity_);
  if (length < 0) return RONDO_TOO_LARGE;
  id = next_id_.fetch_add(1, std::memory_order_relaxed) + 1;
  const rondo_envelope header = header_of(length, type, id, correlation);
  const host_call_guard guard;
  const status code = api_.queue.push(queue_, &header, scratch.data());
  if (code == RONDO_OK) accepted_.fetch_add(1, std::memory_order_relaxed);
  return code;
}

}  // namespace rondo::detail
