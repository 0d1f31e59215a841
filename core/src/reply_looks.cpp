// Looks at a kernel's replies by whoever waits for several kernels at once: select(), and the
// thread that completes asynchronous calls. They lead for a moment and never wait to lead.
#include "reply_router.hpp"

#include <algorithm>

namespace rondo::detail {

namespace {
constexpr std::uint64_t serving_spin_ns = 50'000;
}

// By who leads. Ends for certain: it passes no more than fit the queue.
reply_router::sight reply_router::hand_on_what_is_there(status& why) {
  why = RONDO_OK;
  std::uint64_t handed_on = 0;
  while (handed_on < port_.capacity()) {
    receive_port::seen reply;
    const status code = port_.peek(reply);
    if (code == RONDO_EMPTY) break;
    if (code == RONDO_MALFORMED) {
      late_.fetch_add(1, std::memory_order_relaxed);
    } else if (code != RONDO_OK) {
      why = code;
      return sight::broken;
    } else if (!hand_on(reply)) {
      return handed_on > 0 ? sight::moved : sight::stuck;
    }
    port_.release();
    ++handed_on;
  }
  return handed_on > 0 ? sight::moved : sight::nothing;
}

reply_router::sight reply_router::hand_on_all(status& why) {
  if (!try_lead()) return sight::led_by_another;
  const sight seen = hand_on_what_is_there(why);
  step_down();
  return seen;
}

reply_router::sight reply_router::look(status& why) {
  why = RONDO_OK;
  if (stashed_count_.load(std::memory_order_acquire) != 0) return sight::reply;  // SYNC: stash
  if (!try_lead()) return sight::led_by_another;
  sight seen = sight::nothing;
  for (std::uint64_t left = port_.capacity(); left > 0 && seen == sight::nothing; --left) {
    receive_port::seen next;
    const status code = port_.peek(next);
    if (code == RONDO_EMPTY) break;
    if (code == RONDO_OK && !is_call(next.header->correlation_id)) {
      seen = sight::reply;
    } else if (code == RONDO_OK) {
      deliver(next);
      port_.release();
    } else if (code == RONDO_MALFORMED) {
      late_.fetch_add(1, std::memory_order_relaxed);
      port_.release();
    } else {
      why = code;
      seen = sight::broken;
    }
  }
  step_down();
  return seen;
}

reply_router::sight reply_router::serve(std::uint64_t until_ns, bool (*stop)(void*), void* self,
                                        status& why) {
  if (!try_lead()) return sight::led_by_another;
  const std::uint64_t life = this->life();
  ring::spinner spinner(std::min(spin_ns_, serving_spin_ns));
  sight seen;
  while ((seen = hand_on_what_is_there(why)) == sight::nothing && !stop(self) && !is_over(life) &&
         ring::now_ns() < until_ns)
    if (spinner.idle()) port_.park(until_ns, [&] { return stop(self) || is_over(life); });
  step_down();
  return seen;
}

void reply_router::deliver_late_call(const receive_port::seen& reply) {
  if (arrived_ == nullptr || !arrived_(arrived_self_, *reply.header, reply.payload))
    late_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace rondo::detail
