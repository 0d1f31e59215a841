// Receiving.
#include "receive_port.hpp"

#include <rondo/host_services.hpp>

#include <algorithm>

namespace rondo::detail {

namespace {

// Calls: how many replies a batch pops at once.
constexpr std::uint64_t messages_per_pop = 64;
constexpr std::uint64_t bytes_per_pop = 1u << 20;

}  // namespace

receive_port::receive_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map)
    : api_(api),
      queue_(queue),
      way_(map != nullptr ? way::mapped : way::called),
      batches_(api.has(RONDO_CAP_BATCH)) {
  if (map != nullptr) {
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
  }
}

std::uint64_t receive_port::run(const reply_sink& sink, std::uint64_t most) {
  if (way_ != way::mapped) return run_one_by_one(sink, most);
  const bool was = unpublished_;
  unpublished_ = true;  // should it throw
  const std::uint64_t n = sink.run(sink.self, ring_, most);
  if (n == 0) unpublished_ = was;
  publish();
  return n;
}

// ---- a reply that is held

bool receive_port::hold() {
  if (way_ != way::mapped || capacity_ < 2 || ring_.shape().how == ring::publication::chunked)
    return false;
  publish();
  hold_is_over_.store(false, std::memory_order_relaxed);
  ring_.advance();
  way_ = way::held;
  return true;
}

status receive_port::peek_held(seen& out) {
  if (hold_is_over_.load(std::memory_order_acquire)) {  // SYNC: hold
    ring_.publish_head();
    way_ = way::mapped;
  }
  ring::message m;
  const status code = ring_.peek(m);
  out = {m.header, m.payload};
  return code;
}

std::uint64_t receive_port::run_one_by_one(const reply_sink& sink, std::uint64_t most) {
  std::uint64_t n = 0;
  seen reply;
  const auto next = [&] {
    return way_ == way::called ? peek_called(reply, most - n) : peek(reply);
  };
  while (n < most && next() == RONDO_OK && !is_call(reply.header->correlation_id)) {
    advance();
    ++n;
    sink.one(sink.self, *reply.header, reply.payload);
  }
  return n;
}

// ---- calls

status receive_port::peek_called(seen& out, std::uint64_t wanted) {
  if (next_ == count_) {
    const status code = refill(wanted);
    if (code != RONDO_OK) return code;
  }
  out = {&headers_[next_], static_cast<const std::byte*>(payloads_[next_])};
  return out.header->length <= payload_capacity_ ? RONDO_OK : RONDO_MALFORMED;
}

// OK: there is at least one. What was popped before has been taken.
status receive_port::refill(std::uint64_t wanted) {
  const std::uint64_t stride = (payload_capacity_ + 15u) / 16 * 16;
  const auto fit = std::clamp<std::uint64_t>(bytes_per_pop / stride, 1, messages_per_pop);
  wanted = batches_ ? std::min(wanted, fit) : 1;
  next_ = count_ = 0;
  if (headers_.size() < wanted) {
    bytes_.resize(wanted * stride);
    payloads_.resize(wanted);
    for (std::uint64_t i = 0; i < wanted; ++i) payloads_[i] = bytes_.data() + i * stride;
    headers_.resize(wanted);
  }
  const host_call_guard guard;
  status code;
  std::uint64_t done = 1;
  if (wanted > 1)
    code = api_.queue.pop_batch(queue_, headers_.data(), payloads_.data(), payload_capacity_,
                                wanted, &done);
  else code = api_.queue.pop(queue_, headers_.data(), payloads_[0], payload_capacity_);
  // A message that is too large stays with the backend: it cannot be got rid of.
  if (code == RONDO_TOO_LARGE) return RONDO_INTERNAL;
  if (code != RONDO_OK && code != RONDO_MALFORMED) return code;
  if (code != RONDO_OK) headers_[0].length = payload_capacity_ + 1, done = 1;
  count_ = std::min(done, wanted);
  return count_ > 0 ? RONDO_OK : RONDO_EMPTY;
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
