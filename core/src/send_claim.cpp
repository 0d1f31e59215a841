// Claiming a slot now and filling it later, and knowing when what was sent has been handled.
#include "send_port.hpp"

#include <rondo/host_services.hpp>
#include <rondo/ring/wait.hpp>

#include <algorithm>

namespace rondo::detail {

namespace {

bool is_aligned(const void* payload) { return reinterpret_cast<std::uintptr_t>(payload) % 16 == 0; }

rondo_envelope header_of(std::int64_t length, const codec& type, std::uint64_t id) {
  return request_header(length, type.type.version, id, id);
}

}  // namespace

status send_port::try_claim(const codec& type, bool one_sender, claimed_slot& out) {
  if (type.type.max_bytes > payload_capacity_) return RONDO_TOO_LARGE;
  return mapped_ ? claim_mapped(type, one_sender, out) : claim_called(type, one_sender, out);
}

// One sender publishes by count and keeps no mark for a slot that is still open: nothing could be
// sent past it.
status send_port::claim_mapped(const codec& type, bool one_sender, claimed_slot& out) {
  const ring::geometry& shape = ring_.shape();
  if (one_sender && shape.is_counted()) {
    if (ring_.depth() >= shape.capacity) return RONDO_FULL;
    out.where = claimed_slot::kind::later;
    return RONDO_OK;
  }
  if (ring_.try_reserve_batch(1, out.sequence) == 0) return RONDO_FULL;
  abandoned_.fetch_add(1, std::memory_order_relaxed);  // until it is committed
  out.where = claimed_slot::kind::ring;
  const bool is_plain = type.type.encoding == RONDO_ENCODING_PLAIN;
  if (!is_plain || shape.how == ring::publication::chunked) return RONDO_OK;
  ring::claim slot;
  ring_.take(out.sequence, slot);
  out.payload = slot.payload;
  return RONDO_OK;
}

// What is staged has no slot yet: with a pump nothing is claimed.
status send_port::claim_called(const codec& type, bool one_sender, claimed_slot& out) {
  if (pump_ != nullptr) {
    const status code = pump_->look();
    if (code == RONDO_OK) out.where = claimed_slot::kind::later;
    return code;
  }
  const host_call_guard guard;
  if (!one_sender && api_.has(RONDO_CAP_ZERO_COPY)) {
    out.called = {};
    out.called.struct_size = sizeof out.called;
    const status code = api_.queue.reserve(queue_, type.type.max_bytes, &out.called);
    if (code != RONDO_OK && code != RONDO_UNSUPPORTED) return code;
    if (code == RONDO_OK && out.called.payload != nullptr &&
        out.called.capacity >= type.type.max_bytes) {
      out.where = claimed_slot::kind::backend;
      if (type.type.encoding == RONDO_ENCODING_PLAIN && is_aligned(out.called.payload))
        out.payload = out.called.payload;
      return RONDO_OK;
    }
    if (code == RONDO_OK) {
      api_.queue.abandon(queue_, &out.called);
      abandoned_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  rondo_queue_info info{};
  info.struct_size = sizeof info;
  const status code = api_.queue.info(queue_, &info);
  if (code != RONDO_OK) return code;
  if (info.depth >= info.capacity) return RONDO_FULL;
  out.where = claimed_slot::kind::later;
  return RONDO_OK;
}

status send_port::commit(claimed_slot& slot, const codec& type, const void* staged,
                         std::uint64_t& id) {
  const status code = slot.where == claimed_slot::kind::ring
                          ? commit_mapped(slot, type, staged, id)
                          : commit_called(slot, type, staged, id);
  slot.where = claimed_slot::kind::none;
  return code;
}

status send_port::commit_mapped(claimed_slot& slot, const codec& type, const void* staged,
                                std::uint64_t& id) {
  ring::claim claim;
  ring_.take(slot.sequence, claim);
  std::int64_t length = type.type.max_bytes;
  if (staged != nullptr) {
    try {
      length = type.encode(staged, claim.payload, claim.capacity);
    } catch (...) {
      abandon(slot);
      throw;
    }
  }
  if (length < 0) {
    abandon(slot);
    return RONDO_TOO_LARGE;
  }
  id = slot.sequence + 1;
  abandoned_.fetch_sub(1, std::memory_order_relaxed);
  ring::commit_stamped(ring_, claim, header_of(length, type, id));
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
  return RONDO_OK;
}

status send_port::commit_called(claimed_slot& slot, const codec& type, const void* staged,
                                std::uint64_t& id) {
  std::int64_t length = type.type.max_bytes;
  if (staged != nullptr) {
    try {
      length = type.encode(staged, slot.called.payload, slot.called.capacity);
    } catch (...) {
      abandon(slot);
      throw;
    }
  }
  if (length < 0) {
    abandon(slot);
    return RONDO_TOO_LARGE;
  }
  id = next_id_.fetch_add(1, std::memory_order_relaxed) + 1;
  const rondo_envelope header = header_of(length, type, id);
  const host_call_guard guard;
  const status code = api_.queue.commit(queue_, &slot.called, &header);
  if (code == RONDO_OK) accepted_.fetch_add(1, std::memory_order_relaxed);
  else abandon(slot);
  return code;
}

void send_port::abandon(claimed_slot& slot) {
  if (slot.where == claimed_slot::kind::ring) {
    ring::claim claim;
    ring_.take(slot.sequence, claim);
    ring_.abandon(claim);  // counted as such since it was claimed
    if (wake_ != nullptr) ring::wake_if_parked(wake_);
  } else if (slot.where == claimed_slot::kind::backend) {
    const host_call_guard guard;
    api_.queue.abandon(queue_, &slot.called);
    abandoned_.fetch_add(1, std::memory_order_relaxed);
  } else if (slot.where == claimed_slot::kind::later) {
    count_given_up();
  }
  slot.where = claimed_slot::kind::none;
}

// ---- has it been handled?

std::uint64_t send_port::depth() const {
  if (mapped_) return ring_.depth() + (has_urgent_ ? urgent_.depth() : 0);
  // First, or one that moves on meanwhile would be seen at neither place.
  const std::uint64_t staged = pump_ != nullptr ? pump_->staged() : 0;
  rondo_queue_info info{};
  info.struct_size = sizeof info;
  const host_call_guard guard;
  return staged + (api_.queue.info(queue_, &info) == RONDO_OK ? info.depth : 0);
}

send_port::place send_port::next_place() const {
  return {ring_.next_sequence(), has_urgent_ ? urgent_.next_sequence() : 0};
}

// The consumer frees a slot when its request has been handled, in the order of the lane.
bool send_port::is_handled_below(const place& end) const {
  const auto is_done = [](const ring::producer<>& lane, std::uint64_t sequence) {
    const std::uint64_t next = lane.next_sequence();  // before the depth: never too much
    const std::uint64_t waiting = lane.depth();
    return next - std::min(next, waiting) >= sequence;
  };
  return is_done(ring_, end.normal) && (!has_urgent_ || is_done(urgent_, end.urgent));
}

}  // namespace rondo::detail
