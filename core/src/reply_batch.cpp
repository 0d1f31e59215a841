// Taking many replies at once. What callers put aside for receivers is older than what lies in the
// queue, and comes first; replies of calls that are met on the way go to their callers.
#include "reply_router.hpp"

#include <algorithm>

namespace rondo::detail {

namespace {
// The kernel gets slots back while the rest is read, with one store for so many.
constexpr std::uint64_t replies_per_release = 64;
}  // namespace

// The commonest case by a way of its own, which a batch of a few messages feels: nobody else waits,
// nothing was put aside, and replies are there. False if the general way has to see to it; `taken`
// may have begun.
bool reply_router::taken_at_once(const reply_sink& sink, std::uint64_t most, std::uint64_t& taken) {
  if (!try_lead()) return false;
  struct step_down_at_end {  // also when the sink throws
    reply_router& router;
    ~step_down_at_end() {
      router.port_.publish();
      router.step_down();
    }
  } const leading{*this};
  if (stashed_count_.load(std::memory_order_relaxed) != 0) return false;
  taken = port_.run(sink, std::min(most, replies_per_release));
  if (taken == 0) return false;
  if (taken < most) take_waiting(sink, most, taken);
  return true;
}

status reply_router::receive_batch(deadline& until, const reply_sink& sink, std::uint64_t most,
                                   std::uint64_t& taken) {
  taken = 0;
  most = std::min(most, port_.capacity());
  if (most == 0) return RONDO_OK;
  if (taken_at_once(sink, most, taken)) [[likely]]
    return RONDO_OK;
  arrived first;
  stored stashed;
  bool leads = false;
  const status code = next_uncorrelated(until, first, stashed, leads);
  if (code != RONDO_OK) return code;
  if (!leads) {
    ++taken;
    sink.one(sink.self, *first.header, first.payload);
    take_stashed(sink, most, taken);
    if (taken == most || !try_lead()) return RONDO_OK;
  }
  struct step_down_at_end {  // also when the sink throws: it runs the application's code
    reply_router& router;
    ~step_down_at_end() {
      router.port_.publish();
      router.step_down();
    }
  } const leading{*this};
  take_stashed(sink, most, taken);
  take_waiting(sink, most, taken);
  return RONDO_OK;
}

void reply_router::take_stashed(const reply_sink& sink, std::uint64_t most, std::uint64_t& taken) {
  arrived reply;
  stored held;
  while (taken < most && take_stashed(reply, held)) {
    ++taken;
    sink.one(sink.self, *reply.header, reply.payload);
  }
}

// By who leads. Ends for certain: of what is not for receivers it passes no more than fit the
// queue.
void reply_router::take_waiting(const reply_sink& sink, std::uint64_t most, std::uint64_t& taken) {
  std::uint64_t others = port_.capacity();
  while (taken < most) {
    taken += port_.run(sink, std::min(most - taken, replies_per_release));
    if (taken == most) return;
    receive_port::seen next;
    const status code = port_.peek(next);
    if (code == RONDO_OK && !is_call(next.header->correlation_id)) continue;
    if (code == RONDO_OK) deliver(next);
    else if (code == RONDO_MALFORMED) late_.fetch_add(1, std::memory_order_relaxed);
    else return;  // nothing is left, or the next wait will meet the error
    port_.advance();
    if (--others == 0) return;
  }
}

}  // namespace rondo::detail
