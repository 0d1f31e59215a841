// The life of a request where the queues have rules: two lanes, deadlines, requests that are given
// up for newer ones, and an output that nobody waits for. A worker without any of these comes here
// only when its output is full.
#include "worker_parts.hpp"

#include <rondo/ring/lanes.hpp>

#include <algorithm>
#include <cstring>

namespace rondo::cpu {

namespace {

// Failures that wait for room in the output, for requesters that wait. None is forgotten: with so
// many, the next request of one who waits stays in the input until somebody reads.
constexpr std::size_t most_owed = 4096;

constexpr std::uint32_t failure_head = offsetof(rondo_failure, text);

bool is_awaited(const rondo_envelope& request) {
  return (request.correlation_id & RONDO_CORRELATION_AWAITED) != 0;
}

}  // namespace

void worker::serve_by_rules(command during) {
  ring::spinner spinner(spin_time());
  const bool emits = (handler_.flags & RONDO_HANDLER_EMITS) != 0;
  while (ordered() == during) {
    if (during == command::drain && is_drained()) break;
    if (during == command::run) run_due_timer();
    more_follow_ = emits || spinner.looks() == 0;
    if (step_by_rules()) spinner.found_work();
    else rest_by_rules(during, spinner);
  }
  tell_owed();
}

bool worker::is_drained() const {
  return in_.next_sequence() >= drain_until_.normal &&
         (!options_.rules.urgent || urgent_in_.next_sequence() >= drain_until_.urgent);
}

// False if there was nothing to do, or nothing could be done.
bool worker::step_by_rules() {
  add(counters_.polls, 1);
  tell_owed();
  ring::message request;
  ring::consumer<>* from = &in_;
  const rondo_status status = peek_by_rules(request, from);
  const std::uint64_t skipped = from == &in_ ? skip_below_ : skip_urgent_below_;
  if (status == RONDO_OK && request.sequence >= skipped) {
    if (!take(request, *from)) return false;
  } else if (status == RONDO_OK || status == RONDO_MALFORMED) {
    add(counters_.messages_dropped, 1);
  } else {
    return false;
  }
  from->release();
  return true;
}

rondo_status worker::peek_by_rules(ring::message& out, ring::consumer<>*& from) {
  if (options_.rules.urgent) return ring::lane_pair<>(in_, urgent_in_).peek(out, from);
  from = &in_;
  return in_.peek(out);
}

bool worker::may_have_request() {
  return in_.may_have_message() || (options_.rules.urgent && urgent_in_.may_have_message());
}

// Handles a request, or gives it up. False if it must stay for now.
bool worker::take(const ring::message& request, const ring::consumer<>& from) {
  if (!may_owe(request)) return false;
  if (options_.rules.drops_oldest && from.is_given_up(request.sequence)) return give_up(request);
  if (request.times == nullptr || request.times->deadline_ns == 0 ||
      ring::now_ns() < request.times->deadline_ns)
    return handle_by_rules(request);
  if (!answer_unhandled(request, RONDO_EXPIRED, "it waited longer than its time to live"))
    return false;
  add(counters_.expired, 1);
  add(counters_.messages_dropped, 1);
  return true;
}

bool worker::give_up(const ring::message& request) {
  if (!answer_unhandled(request, RONDO_DROPPED, "given up for newer requests: the input was full"))
    return false;
  add(counters_.dropped_oldest, 1);
  add(counters_.messages_dropped, 1);
  return true;
}

void worker::rest_by_rules(command during, ring::spinner& spinner) {
  std::uint64_t looks = 0;
  const bool sleep = spinner.idle([&] {
    ++looks;
    return may_have_request();
  });
  add(counters_.polls, looks);
  if (sleep || spinner.looks() % looks_per_heartbeat == 0)
    ring::platform::store_relaxed(&counters_.heartbeat_ns, ring::now_ns());
  if (!sleep) return;
  ring::message next;
  ring::consumer<>* from = nullptr;
  if (during == command::drain || !owed_.empty() || peek_by_rules(next, from) != RONDO_EMPTY)
    return nap();
  ring::park(line(), timer_at_ns_ != 0 ? timer_at_ns_ : ring::no_deadline,
             [&] { return ordered() != during || peek_by_rules(next, from) != RONDO_EMPTY; });
}

// Inactive: nothing is handled, but senders that ask for the oldest to be given up need not wait,
// nor those who are owed an answer.
void worker::wait_paused() {
  // The look may pass by slots that were abandoned: what is behind them need not make room.
  const auto is_due = [this](ring::consumer<>& lane) {
    ring::message next;
    return options_.rules.drops_oldest && lane.is_given_up(lane.next_sequence()) &&
           lane.peek(next) == RONDO_OK && lane.is_given_up(next.sequence);
  };
  const auto any_is_due = [&] {
    return is_due(in_) || (options_.rules.urgent && is_due(urgent_in_));
  };
  while (ordered() == command::pause) {
    tell_owed();
    if (is_due(in_) && give_up_oldest(in_)) continue;
    if (options_.rules.urgent && is_due(urgent_in_) && give_up_oldest(urgent_in_)) continue;
    if (any_is_due() || !owed_.empty()) nap();  // there is no room to say so
    else
      ring::park(input_.memory().wake_line(), ring::no_deadline,
                 [&] { return ordered() != command::pause || any_is_due(); });
  }
}

// Its next message is there, and was given up when it was looked at. A later look could say
// otherwise, see producer::drop_oldest(); but for that it must not be handled now.
bool worker::give_up_oldest(ring::consumer<>& lane) {
  ring::message request;
  if (lane.peek(request) != RONDO_OK || !may_owe(request) || !give_up(request)) return false;
  lane.release();
  return true;
}

// A request that its handler has not seen: who waits for its reply learns why there is none. False
// if that has to wait for room, as any reply would.
bool worker::answer_unhandled(const ring::message& request, rondo_status code,
                              std::string_view text) {
  const bool is_awaited_now = is_awaited(*request.header);
  if (!is_awaited_now && (handler_.flags & RONDO_HANDLER_EMITS) != 0) return true;
  notice what;
  what.correlation_id = request.header->correlation_id;
  what.failure.code = code;
  what.text_length =
      static_cast<std::uint32_t>(text.copy(what.failure.text, sizeof what.failure.text));
  if (put_in_turn(what)) return true;
  if (options_.rules.output == queue_rules::when_full::wait) return false;
  if (is_awaited_now) owe(std::move(what));
  else add(counters_.replies_dropped, 1);
  return true;
}

// ---- an output that is full and that nobody waits for

// Of a reply: OK, and what is written goes nowhere, or FULL, and the request has failed with it.
rondo_status worker::room_by_rules() {
  add(counters_.replies_dropped, 1);
  if (options_.rules.output == queue_rules::when_full::reject) {
    if (invocation_.base.failure_code != RONDO_OK) return RONDO_FULL;
    constexpr std::string_view text = "not done: the kernel's output was full";
    invocation_.base.failure_code = RONDO_FULL;
    invocation_.base.failure_length =
        static_cast<std::uint32_t>(text.copy(invocation_.base.failure_text, text.size()));
    return RONDO_FULL;
  }
  const std::uint32_t room = out_.shape().payload_capacity;
  if (lost_ == nullptr) lost_ = std::make_unique<std::byte[]>(room);
  reply_.payload = lost_.get();
  reply_.capacity = room;
  commit = &commit_to_nothing;
  return RONDO_OK;
}

void worker::commit_to_nothing(rondo_emitter* self, std::uint32_t, std::uint16_t, std::uint32_t) {
  auto& me = *static_cast<worker*>(self);
  me.commit = &commit_to_ring;
  me.reply_open_ = false;
  if (!is_awaited(*me.invocation_.base.request)) return;
  notice what;
  what.correlation_id = me.invocation_.base.request->correlation_id;
  what.failure.code = RONDO_DROPPED;
  constexpr std::string_view text = "it was handled, and the reply dropped: the output was full";
  what.text_length =
      static_cast<std::uint32_t>(text.copy(what.failure.text, sizeof what.failure.text));
  me.owe(std::move(what));
}

// A handler that reserved and never committed.
void worker::abandon_by_rules() {
  if (commit == &commit_to_ring) return out_.abandon(reply_);
  commit = &commit_to_ring;
}

worker::notice worker::failure_of_request() const {
  notice what;
  what.correlation_id = invocation_.base.request->correlation_id;
  what.failure.code = invocation_.base.failure_code;
  what.failure.user_code = invocation_.base.user_code;
  what.text_length = invocation_.base.failure_length;
  std::memcpy(what.failure.text, invocation_.base.failure_text, what.text_length);
  return what;
}

// As fail_request(), and always done. The slot of a reply that was begun carries the failure.
bool worker::fail_by_rules() {
  const bool is_in_slot = reply_open_ && commit == &commit_to_ring;
  const notice what = failure_of_request();
  if (!is_in_slot) {
    const bool is_counted = reply_open_ || what.failure.code == RONDO_FULL;
    reply_open_ = false;
    commit = &commit_to_ring;
    if (put_in_turn(what)) return true;
    if (is_awaited(*invocation_.base.request)) owe(what);
    if (!is_counted) add(counters_.replies_dropped, 1);
    return true;
  }
  const std::uint32_t room = std::min(reply_.capacity, out_.shape().payload_capacity);
  if (room < failure_head) return true;
  const std::uint32_t length = failure_head + std::min(what.text_length, room - failure_head);
  std::memcpy(reply_.payload, &what.failure, length);
  commit_to_ring(this, length, 0, RONDO_FLAG_FAILED);
  return true;
}

// False if there is no room. Of a request that is not in hand, so with its own header.
bool worker::put(const notice& what) {
  const std::uint32_t room = out_.shape().payload_capacity;
  if (room < failure_head) return true;
  const std::uint32_t length = failure_head + std::min(what.text_length, room - failure_head);
  ring::claim slot;
  if (out_.try_reserve(length, slot) != RONDO_OK) return false;
  std::memcpy(slot.payload, &what.failure, length);
  const rondo_envelope header{
      length, RONDO_TYPE_RESPONSE, 0, RONDO_FLAG_FAILED, 0, slot.sequence + 1, what.correlation_id};
  out_.commit(slot, header);
  add(counters_.messages_out, 1);
  add(counters_.bytes_out, length);
  ring::wake_if_parked(output_.memory().wake_line());
  return true;
}

// Whether one more answer could be kept, should this request come to be owed one.
bool worker::may_owe(const ring::message& request) const {
  return owed_.size() < most_owed || !is_awaited(*request.header);
}

// A handler that emits loses several replies to one request, and its caller is told once.
void worker::owe(notice what) {
  if (!owed_.empty() && owed_.back().correlation_id == what.correlation_id) return;
  owed_.push_back(std::move(what));
  reserve = &reserve_behind_owed;
}

void worker::tell_owed() {
  if (owed_.empty()) return;
  while (!owed_.empty() && put(owed_.front())) owed_.pop_front();
  if (owed_.empty()) reserve = &reserve_in_ring;
}

// False if there is no room behind those who are owed an answer.
bool worker::put_in_turn(const notice& what) {
  tell_owed();
  return owed_.empty() && put(what);
}

// The room that there is now was not there for those who are owed an answer, and is theirs first.
void* worker::reserve_behind_owed(rondo_emitter* self, std::uint32_t bytes) {
  auto& me = *static_cast<worker*>(self);
  if (!me.reply_open_) me.tell_owed();
  // One that fits no slot is refused as ever.
  if (me.reply_open_ || me.owed_.empty() || bytes > me.out_.shape().payload_capacity)
    return reserve_in_ring(self, bytes);
  if (me.room_by_rules() != RONDO_OK) return nullptr;
  me.reply_open_ = true;
  return me.reply_.payload;
}

}  // namespace rondo::cpu
