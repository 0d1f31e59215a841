// Requests that come without a pause, for the commonest kind of kernel: one reply to each, no
// rules, no handler deadline, word publication. A loop for them alone, in which each takes half of
// the instructions that step() needs; what is not ordinary about a request it leaves to step().
#include "worker_parts.hpp"

#include <algorithm>

namespace rondo::cpu {

bool worker::may_stream() const {
  return reserves_ahead_ && options_.handler_deadline_ns == 0 &&
         ring::consumer_run<ring::publication::word>::serves(in_) &&
         ring::producer_run<>::serves(out_) &&
         handler_.response.max_bytes <= out_.shape().payload_capacity;
}

// Until there is no more, or the command is another. Each request is answered and released before
// the next is looked at. Returns how many were handled.
std::uint64_t worker::stream(command during) {
  ring::consumer_run<ring::publication::word> requests(in_);
  ring::producer_run<> replies(out_);
  rondo_invocation& call = invocation_.base;
  ring::wake_line* const receiver = output_.memory().wake_line();
  const std::uint64_t begin = requests.next_sequence();
  const std::uint64_t end = during == command::drain ? drain_until_.normal : ~std::uint64_t{0};
  ahead.room_bytes = reply_.capacity = out_.shape().payload_capacity;
  if (reply_open_ || begin < skip_below_) return 0;
  ring::message request;
  while (ordered() == during && requests.next_sequence() < end && requests.peek(request) &&
         !ring::is_timed(request.sequence) && replies.claim_next(reply_)) {
    reply_open_ = true;
    call.request = request.header;
    call.failure_code = RONDO_OK;
    call.user_code = 0;
    call.failure_length = 0;
    ahead.room = reply_.payload;
    const rondo_status status = handler_.invoke(state_, request.payload, this, &call);
    if (ahead.is_filled != 0 && status == RONDO_OK) [[likely]] {
      ahead.is_filled = 0;
      reply_open_ = false;
      const std::uint32_t length = ahead.length;
      replies.commit(reply_, {length, RONDO_TYPE_RESPONSE, ahead.version, 0, 0, reply_.sequence + 1,
                              request.header->correlation_id});
      ring::wake_if_parked(receiver);
      add(counters_.messages_out, 1);
      add(counters_.bytes_out, length);
    } else {
      ahead.is_filled = 0;
      if (!settle(status)) break;
    }
    add(counters_.bytes_in, request.header->length);
    add(counters_.messages_in, 1);
    requests.advance();
    requests.publish_head();
  }
  const std::uint64_t handled = requests.next_sequence() - begin;
  add(counters_.polls, handled);
  return handled;
}

bool worker::may_burst() const {
  using enum ring::publication;
  const bool fits =
      (ring::consumer_run<word>::serves(in_) && ring::staged_run<word>::serves(out_)) ||
      (ring::consumer_run<counted>::serves(in_) && ring::staged_run<counted>::serves(out_));
  return fits && reserves_ahead_ && pool_ == nullptr && handler_.invoke_burst != nullptr &&
         options_.handler_deadline_ns == 0 &&
         handler_.response.max_bytes <= std::min(out_.shape().payload_capacity, burst_reply_bytes);
}

// The same for a handler that is brief, by either publication: what is there, up to so many, is
// handled, answered and released together.
template <ring::publication How>
std::uint64_t worker::burst_by(command during) {
  ring::consumer_run<How> requests(in_);
  ring::staged_run<How> replies(out_);
  const std::uint64_t begin = requests.next_sequence();
  const std::uint64_t end = during == command::drain ? drain_until_.normal : ~std::uint64_t{0};
  if (reply_open_ || begin < skip_below_) return 0;
  rondo_invocation& call = invocation_.base;
  rondo_burst burst{};
  burst.struct_size = sizeof burst;
  burst.request_stride = in_.shape().stride;
  burst.payload_distance = in_.shape().payload_distance();
  burst.replies = burst_replies_.get();
  burst.reply_stride = sizeof(reply_place);
  ring::message next;
  while (ordered() == during) {
    // Up to one that is timed.
    const std::uint64_t untimed = ring::before_timed(requests.next_sequence());
    const std::uint64_t wanted =
        std::min({std::uint64_t{RONDO_MAX_BURST}, untimed, end - requests.next_sequence()});
    burst.count = static_cast<std::uint32_t>(requests.count_ahead(replies.room(wanted)));
    if (burst.count == 0) break;
    requests.peek(next);
    burst.requests = next.header;
    burst.first_message_id = replies.next_sequence() + 1;
    call.failure_code = RONDO_OK;
    call.user_code = 0;
    call.failure_length = 0;
    handler_.invoke_burst(state_, &burst, &call);
    if (burst.answered > 0) {
      replies.publish(burst_replies_[0].bytes, sizeof(reply_place), burst.answered);
      ring::wake_if_parked(output_.memory().wake_line());
      add(counters_.messages_out, burst.answered);
      add(counters_.bytes_out, burst.bytes_out);
      add(counters_.messages_in, burst.answered);
      add(counters_.bytes_in, burst.bytes_in);
      requests.advance_by(burst.answered);
      requests.publish_head();
    }
    if (burst.answered == burst.count) continue;
    requests.peek(next);
    call.request = next.header;
    // There is room for what tells why: fewer were answered than there was room for.
    if (!settle(burst.status)) break;
    add(counters_.messages_in, 1);
    add(counters_.bytes_in, next.header->length);
    requests.advance();
    requests.publish_head();
  }
  const std::uint64_t handled = requests.next_sequence() - begin;
  add(counters_.polls, handled);
  return handled;
}

std::uint64_t worker::burst(command during) {
  return in_.shape().how == ring::publication::word ? burst_by<ring::publication::word>(during)
                                                    : burst_by<ring::publication::counted>(during);
}

}  // namespace rondo::cpu
