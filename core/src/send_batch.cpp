// Sending many at once: one claim for as many slots as are free, or one call of the backend.
#include "send_port.hpp"

#include <rondo/host_services.hpp>
#include <rondo/ring/wait.hpp>

#include <algorithm>
#include <vector>

namespace rondo::detail {

namespace {

// Where not each is published for itself, the kernel begins with the first while the rest is
// written; and if it sleeps, it is woken after so many.
constexpr std::uint64_t messages_per_publication = 64;
// Calls: how many messages are encoded before they are pushed.
constexpr std::uint64_t messages_per_push = 64;
constexpr std::uint64_t bytes_per_push = 1u << 20;

// Encoded messages on their way into a call. One per thread, as large as its largest.
struct outbox {
  std::vector<std::byte> bytes;
  std::vector<rondo_envelope> headers;
  std::vector<const void*> payloads;
  std::uint64_t filled = 0;

  // Room for some messages of at most `room` bytes, each aligned to 16.
  std::uint64_t prepare(std::uint64_t wanted, std::uint32_t room) {
    const std::uint64_t stride = (room + 15u) / 16 * 16;
    const auto fit = std::clamp<std::uint64_t>(bytes_per_push / stride, 1, messages_per_push);
    const std::uint64_t count = std::min(wanted, fit);
    if (bytes.size() < count * stride) bytes.resize(count * stride);
    headers.resize(count);
    payloads.resize(count);
    for (std::uint64_t i = 0; i < count; ++i) payloads[i] = bytes.data() + i * stride;
    filled = 0;
    return count;
  }

  // Up to the first that does not fit or throws; throws itself if that is the very first.
  void encode(const send_port::outgoing& batch, std::uint64_t count, std::uint32_t room) {
    const codec& type = batch.type;
    try {
      for (; filled < count; ++filled) {
        auto* to = const_cast<void*>(payloads[filled]);
        const std::int64_t length = type.encode(batch.next() + filled * type.stride, to, room);
        if (length < 0) return;
        const std::uint64_t id = batch.sent.first_id + batch.sent.count + filled;
        headers[filled] = request_header(length, type.type.version, id, id);
      }
    } catch (...) {
      if (filled == 0) throw;
    }
  }
};

}  // namespace

status send_port::try_send_batch(outgoing& batch) {
  if (batch.type.type.max_bytes > payload_capacity_) return RONDO_TOO_LARGE;
  return mapped_ ? send_batch_mapped(batch) : send_batch_called(batch);
}

status send_port::send_batch_mapped(outgoing& batch) {
  std::uint64_t first = 0;
  const std::uint64_t claimed = ring_.try_reserve_batch(batch.left(), first);
  if (claimed == 0) return RONDO_FULL;
  if (batch.sent.first_id == 0) batch.sent.first_id = first + 1;
  const status code = put(batch, first, claimed);
  return code == RONDO_OK && batch.left() > 0 ? RONDO_FULL : code;
}

// OK or TOO_LARGE. Whatever happens, every claimed slot is published or abandoned.
status send_port::put(outgoing& batch, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t end = first + count;
  while (first != end) {
    const std::uint64_t wanted = std::min(end - first, messages_per_publication);
    std::uint64_t filled = 0;
    try {
      batch.type.put_batch(ring_, first, batch.next(), wanted, filled);
    } catch (...) {
      batch.sent.count += filled;
      abandon(first + filled, end - first - filled);
      throw;
    }
    if (wake_ != nullptr) ring::wake_if_parked(wake_);
    batch.sent.count += filled;
    first += filled;
    if (filled < wanted) [[unlikely]] {
      abandon(first, end - first);
      return RONDO_TOO_LARGE;
    }
  }
  return RONDO_OK;
}

void send_port::abandon(std::uint64_t first, std::uint64_t count) {
  abandoned_.fetch_add(count, std::memory_order_relaxed);
  rondo_envelope header{};
  header.flags = RONDO_FLAG_ABANDONED;
  ring::claim slot;
  for (std::uint64_t i = 0; i < count; ++i) {
    ring_.take(first + i, slot);
    ring_.fill(slot, header);
  }
  ring_.commit_batch(first, count);
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
}

// A message keeps its id while it waits for room, so that the ids of a batch are consecutive.
status send_port::send_batch_called(outgoing& batch) {
  thread_local outbox box;
  if (batch.sent.first_id == 0)
    batch.sent.first_id = next_id_.fetch_add(batch.count, std::memory_order_relaxed) + 1;
  while (batch.left() > 0) {
    // Encoding many only to learn again that there is no room would be a waste.
    const std::uint64_t wanted = box.prepare(batch.was_full ? 1 : batch.left(), payload_capacity_);
    box.encode(batch, wanted, payload_capacity_);
    if (box.filled == 0) return RONDO_TOO_LARGE;
    std::uint64_t done = 0;
    const status code = push(box.headers.data(), box.payloads.data(), box.filled, done);
    batch.sent.count += done;
    batch.was_full = done == 0;
    if (code != RONDO_OK) return code;
  }
  return RONDO_OK;
}

// OK if at least one went.
status send_port::push(const rondo_envelope* headers, const void* const* payloads,
                       std::uint64_t count, std::uint64_t& done) {
  const status code = pump_ != nullptr ? pump_->stage(headers, payloads, count, done)
                                       : push_called(headers, payloads, count, done);
  accepted_.fetch_add(done, std::memory_order_relaxed);
  return code;
}

status send_port::push_called(const rondo_envelope* headers, const void* const* payloads,
                              std::uint64_t count, std::uint64_t& done) {
  const host_call_guard guard;
  status code = RONDO_OK;
  if (batches_) {
    code = api_.queue.push_batch(queue_, headers, payloads, count, &done);
    done = code == RONDO_OK ? std::min(done, count) : 0;
    if (code == RONDO_OK && done == 0) code = RONDO_FULL;
  } else {
    while (done < count && code == RONDO_OK) {
      code = api_.queue.push(queue_, &headers[done], payloads[done]);
      if (code == RONDO_OK) ++done;
    }
    if (done > 0) code = RONDO_OK;
  }
  return code;
}

}  // namespace rondo::detail
