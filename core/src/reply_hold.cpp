// Replies that are read where they lie. Whoever holds one does not lead: the queue is read on
// behind it, and only its slot, with those after it, waits to be given back.
#include "reply_router.hpp"

#include "instance.hpp"

namespace rondo::detail {

status reply_router::peek(deadline& until, std::uint32_t plain_bytes, reply_hold& out) {
  arrived reply;
  stored stashed;
  bool leads = false;
  const status code = next_uncorrelated(until, reply, stashed, leads);
  if (code != RONDO_OK) return code;
  out.header = *reply.header;
  out.payload = reply.payload;
  if (!leads) {  // what was put aside is a copy already
    out.copy = std::move(stashed.payload);
    out.payload = out.copy.data();
    return code;
  }
  struct step_down_at_end {
    reply_router& router;
    ~step_down_at_end() { router.step_down(); }
  } const leading{*this};
  const bool is_plain_value = (out.header.flags & RONDO_FLAG_FAILED) == 0 &&
                              out.header.length == plain_bytes && plain_bytes != 0;
  out.is_in_place = is_plain_value && port_.hold();
  if (out.is_in_place) return code;
  out.copy.assign(reply.payload, reply.payload + out.header.length);
  out.payload = out.copy.data();
  port_.release();
  return code;
}

void reply_router::release(reply_hold& held) {
  if (!held.is_in_place) return;
  port_.end_hold();
  receive_port::seen ignored;
  if (try_lead()) {
    (void)port_.peek(ignored);
    step_down();
  } else {
    port_.wake();  // whoever leads and sleeps looks again
  }
}

void reply_router::put_back(reply_hold& held) noexcept {
  try {
    if (held.is_in_place) held.copy.assign(held.payload, held.payload + held.header.length);
    const std::lock_guard lock(stash_mutex_);
    stash_.push_front({held.header, std::move(held.copy)});
    stashed_count_.store(stash_.size(), std::memory_order_release);  // SYNC: stash
  } catch (...) {  // no memory: it counts as one that nobody took
    late_.fetch_add(1, std::memory_order_relaxed);
  }
  release(held);
  tell_of_stash();
}

void reply_router::tell_of_stash() {
  ring::light_barrier();  // SYNC: follow
  if (sleepers_.load(std::memory_order_relaxed) != 0) wake_one(true);
  port_.wake();  // a receiver that leads and sleeps
}

void release(reply_hold& held) {
  if (const auto kernel = std::exchange(held.kernel, nullptr)) kernel->release(held);
}

void put_back(reply_hold& held) noexcept {
  if (const auto kernel = std::exchange(held.kernel, nullptr)) kernel->put_back(held);
}

const std::string& kernel_of(const reply_hold& held) { return held.kernel->id(); }

}  // namespace rondo::detail
