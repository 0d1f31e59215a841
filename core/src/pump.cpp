// Staging, and the accounts of a pump. Its thread is in pump_thread.cpp.
#include "pump.hpp"

#include <rondo/host_services.hpp>
#include <rondo/ring/wait.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace rondo::detail {

// Cells are not touched before a message lies in them: a queue that is never full costs what it
// uses.
pump::lane::lane(std::uint64_t slots, std::uint64_t bytes)
    : capacity(slots),
      stride((bytes + 15) / 16 * 16),
      cells(std::make_unique_for_overwrite<std::byte[]>(slots * stride)),
      headers(slots) {}

// In this order, or what is accepted and moved between the looks would count as less than none.
std::uint64_t pump::lane::staged() const {
  const std::uint64_t moved_on = gone.load(std::memory_order_acquire);  // SYNC: gone
  return accepted.load(std::memory_order_relaxed) - moved_on;
}

// A sender's, who holds the mutex.
std::uint64_t pump::lane::room() const {
  return capacity - (accepted.load(std::memory_order_relaxed) -
                     freed.load(std::memory_order_acquire));  // SYNC: freed
}

pump::pump(const backend_api& api, rondo_kernel* kernel, rondo_queue* input, settings with)
    : api_(api),
      kernel_(kernel),
      input_(input),
      batches_(api.has(RONDO_CAP_BATCH)),
      with_(std::move(with)) {
  rondo_queue_info info{};
  info.struct_size = sizeof info;
  {
    const host_call_guard guard;
    const status code = api_.queue.info(input_, &info);
    if (code != RONDO_OK)
      throw error(code, with_.id, "the backend cannot describe its input queue");
  }
  try {
    normal_.emplace(info.capacity, info.payload_capacity);
    if (with_.has_urgent_lane) urgent_.emplace(info.capacity, info.payload_capacity);
  } catch (const std::bad_alloc&) {
    throw error(RONDO_OUT_OF_MEMORY, with_.id, "there is no memory to stage its messages in",
                "Ask for less input_capacity, or launch without a pump");
  }
}

// A sender's, who holds the lane's mutex. Only those that find too little room ask the backend.
status pump::look_into(lane& to, std::uint64_t wanted) {
  if (to.is_closed) return RONDO_TERMINATED;
  if (const status why = trouble(); why != RONDO_OK) return why;
  if (to.room() < wanted) look_for_room();
  return to.room() > 0 ? RONDO_OK : RONDO_FULL;
}

status pump::look() {
  const auto once = [this] {
    const std::lock_guard lock(normal_->senders);
    return look_into(*normal_, 1);
  };
  const status code = once();
  if (code != RONDO_FULL) return code;
  turn();
  return once();
}

// Yielding soon: the pump may need this processor.
std::uint64_t pump::turn() const {
  constexpr std::uint64_t patience_ns = 1'000'000;
  const std::uint64_t begun = turn_.load(std::memory_order_acquire);  // SYNC: turn
  if (begun % 2 == 0) return begun;
  const std::uint64_t end = ring::now_ns() + patience_ns;
  ring::spinner spinner(5'000);
  for (;;) {
    const std::uint64_t now = turn_.load(std::memory_order_acquire);  // SYNC: turn
    if (now != begun) return now;
    if (!spinner.idle()) continue;
    if (ring::now_ns() >= end) return begun;
    std::this_thread::yield();
  }
}

// What is accepted is counted before the pump can see it: it never moves more than was accepted.
status pump::try_stage(lane& to, const rondo_envelope* headers, const void* const* payloads,
                       std::uint64_t count, std::uint64_t& done) {
  const std::lock_guard lock(to.senders);
  if (const status code = look_into(to, count); code != RONDO_OK) return code;
  const std::uint64_t fit = std::min(to.room(), count);
  const std::uint64_t first = to.accepted.load(std::memory_order_relaxed);
  for (std::uint64_t i = 0; i < fit; ++i)
    std::memcpy(to.cell(first + i), payloads[i], headers[i].length);
  to.accepted.store(first + fit, std::memory_order_relaxed);
  to.headers.push(headers, fit);
  done = fit;
  return RONDO_OK;
}

// What a push in hand moves counts as staged although the kernel may have answered it. A queue that
// seems full is full only if it is so afterwards.
status pump::stage(const rondo_envelope* headers, const void* const* payloads, std::uint64_t count,
                   std::uint64_t& done) {
  done = 0;
  lane& to = (headers->flags & RONDO_FLAG_URGENT) != 0 ? *urgent_ : *normal_;
  status code = try_stage(to, headers, payloads, count, done);
  if (code == RONDO_FULL) {
    turn();
    code = try_stage(to, headers, payloads, count, done);
  }
  if (code == RONDO_OK) ring::wake_if_parked(&wake_);
  return code;
}

// What the backend has taken out since the last look. How deep each of its lanes is it does not
// say; the kernel takes urgent requests first, so what was taken was urgent as long as there were
// such. The request in hand can make that wrong by one, until the lane is empty.
void pump::look_for_room() {
  const std::lock_guard lock(room_mutex_);
  struct account {
    lane& of;
    std::uint64_t freed, with_backend;
    explicit account(lane& l)
        : of(l),
          freed(l.freed.load(std::memory_order_relaxed)),
          with_backend(l.gone.load(std::memory_order_acquire) - freed) {}  // SYNC: gone
    void free(std::uint64_t& taken) {
      const std::uint64_t mine = std::min(taken, with_backend);
      taken -= mine;
      of.freed.store(freed + mine, std::memory_order_release);  // SYNC: freed
    }
  };
  // Before the depth: what is pushed between the looks must not count as taken out.
  account normal(*normal_);
  std::optional<account> urgent;
  if (urgent_) urgent.emplace(*urgent_);
  rondo_queue_info info{};
  info.struct_size = sizeof info;
  {
    const host_call_guard guard;
    if (api_.queue.info(input_, &info) != RONDO_OK) return;
  }
  const std::uint64_t all = normal.with_backend + (urgent ? urgent->with_backend : 0);
  std::uint64_t taken = all - std::min(info.depth, all);
  if (urgent) urgent->free(taken);
  normal.free(taken);
}

std::uint64_t pump::staged() const { return normal_->staged() + (urgent_ ? urgent_->staged() : 0); }

// ---- the end of a life

void pump::close() {
  closed_.store(true, std::memory_order_relaxed);
  for (auto* each : {&normal_, &urgent_}) {
    if (!*each) continue;
    const std::lock_guard lock((*each)->senders);
    (*each)->is_closed = true;
  }
}

void pump::reopen() {
  for (auto* each : {&normal_, &urgent_}) {
    if (!*each) continue;
    const std::lock_guard lock((*each)->senders);
    (*each)->is_closed = false;
  }
  trouble_.store(RONDO_OK, std::memory_order_release);  // SYNC: trouble
  closed_.store(false, std::memory_order_relaxed);
  stalled_.store(false, std::memory_order_release);  // SYNC: stalled
  ring::wake(&wake_);
}

status pump::discard(time_point until, std::uint64_t& count) {
  count = 0;
  const std::unique_lock lock(moving_, until);
  if (!lock) return RONDO_TIMEOUT;
  for (auto* each : {&normal_, &urgent_}) {
    if (!*each) continue;
    lane& of = **each;
    const std::lock_guard senders(of.senders);
    const std::lock_guard room(room_mutex_);
    of.headers.consume_all([](const rondo_envelope&) {});
    of.held_from = of.held_to = 0;
    count += of.staged();
    const std::uint64_t end = of.accepted.load(std::memory_order_relaxed);
    of.gone.store(end, std::memory_order_release);   // SYNC: gone
    of.freed.store(end, std::memory_order_release);  // SYNC: freed
  }
  discarded_.fetch_add(count, std::memory_order_relaxed);
  stalled_.store(true, std::memory_order_release);  // SYNC: stalled
  return RONDO_OK;
}

}  // namespace rondo::detail
