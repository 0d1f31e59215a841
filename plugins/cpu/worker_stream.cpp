// Requests that come without a pause, for the commonest kind of kernel: one reply to each, no
// rules, no handler deadline, word publication. A loop for them alone, in which each takes half of
// the instructions that step() needs; what is not ordinary about a request it leaves to step().
#include "worker_parts.hpp"

#include <rondo/ring/run.hpp>

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

}  // namespace rondo::cpu
