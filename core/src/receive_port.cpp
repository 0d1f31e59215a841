// Receiving.
#include "receive_port.hpp"

#include <rondo/host_services.hpp>

namespace rondo::detail {

receive_port::receive_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map)
    : api_(api), queue_(queue), mapped_(map != nullptr) {
  if (mapped_) {
    ring::view view;
    const status code = ring::make_view(*map, 0, false, view);
    if (code != RONDO_OK)
      throw error(code, "output queue",
                  "the ring that the backend maps is not one this version can use");
    ring_ = ring::consumer<>(view);
    payload_capacity_ = view.shape.payload_capacity;
    capacity_ = view.shape.capacity;
    if ((map->flags & RONDO_RING_PRODUCER_WAKES) != 0)
      wake_ = static_cast<ring::wake_line*>(map->wake_line);
  } else {
    rondo_queue_info info{};
    info.struct_size = sizeof info;
    const host_call_guard guard;
    const status code = api_.queue.info(queue_, &info);
    if (code != RONDO_OK) throw error(code, "output queue", "the backend cannot describe it");
    payload_capacity_ = info.payload_capacity;
    capacity_ = info.capacity;
    payload_.resize(payload_capacity_);
  }
}

status receive_port::peek(seen& out) {
  if (!mapped_) return peek_called(out);
  ring::message m;
  const status code = ring_.peek(m);
  out = {m.header, m.payload};
  return code;
}

status receive_port::peek_called(seen& out) {
  if (!held_) {
    const host_call_guard guard;
    const status code = api_.queue.pop(queue_, &header_, payload_.data(), payload_capacity_);
    // A message that is too large stays with the backend: it cannot be got rid of.
    if (code == RONDO_TOO_LARGE) return RONDO_INTERNAL;
    if (code != RONDO_OK && code != RONDO_MALFORMED) return code;
    held_ = true;
    if (code != RONDO_OK) header_.length = payload_capacity_ + 1;
  }
  out = {&header_, payload_.data()};
  return header_.length <= payload_capacity_ ? RONDO_OK : RONDO_MALFORMED;
}

void receive_port::release() {
  if (mapped_) ring_.release();
  else held_ = false;
}

void receive_port::wake() {
  if (wake_ != nullptr) ring::wake(wake_);
}

// The other side does not wake anybody: look again soon.
void receive_port::nap() {
  const timespec t{0, 50'000};
  nanosleep(&t, nullptr);
}

}  // namespace rondo::detail
