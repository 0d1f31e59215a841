// Requests that come without a pause, for the commonest kind of kernel: one reply to each, no
// rules, no handler deadline. Loops for them alone, in which each takes half of the instructions
// that step() needs; what is not ordinary about a request they leave to step().
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
  const bool fits = (ring::consumer_run<word>::serves(in_) && ring::staged_run<>::serves(out_)) ||
                    (ring::consumer_run<apart>::serves(in_) && ring::array_run<>::serves(out_));
  return fits && reserves_ahead_ && pool_ == nullptr && handler_.invoke_burst != nullptr &&
         options_.handler_deadline_ns == 0 &&
         handler_.response.max_bytes <=
             std::min(out_.shape().payload_capacity, burst_places::most_reply_bytes);
}

std::uint64_t worker::burst(command during) {
  if (reply_open_ || in_.next_sequence() < skip_below_) return 0;
  const std::uint64_t begin = in_.next_sequence();
  const std::uint64_t end = during == command::drain ? drain_until_.normal : ~std::uint64_t{0};
  if (in_.shape().how == ring::publication::word) burst_of_words(during, end);
  else burst_apart(during, end);
  const std::uint64_t handled = in_.next_sequence() - begin;
  add(counters_.polls, handled);
  return handled;
}

// The same for a handler that is brief: what is there, up to so many and up to one that is timed,
// is handled, answered and released together.
void worker::burst_of_words(command during, std::uint64_t end) {
  ring::consumer_run<ring::publication::word> requests(in_);
  ring::staged_run<> replies(out_);
  rondo_burst burst{};
  burst.struct_size = sizeof burst;
  burst.request_stride = burst.payload_stride = in_.shape().stride;
  burst.replies = bursts_->replies;
  burst.reply_payloads = bursts_->replies[0].payload;
  burst.reply_stride = burst.reply_payload_stride = sizeof(burst_places::reply);
  ring::message next;
  while (ordered() == during) {
    const std::uint64_t untimed = ring::before_timed(requests.next_sequence());
    const std::uint64_t wanted =
        std::min({std::uint64_t{RONDO_MAX_BURST}, untimed, end - requests.next_sequence()});
    burst.count = static_cast<std::uint32_t>(requests.count_ahead(replies.room(wanted)));
    if (burst.count == 0) break;
    requests.peek(next);
    burst.requests = next.header;
    burst.payloads = next.payload;
    burst.first_message_id = replies.next_sequence() + 1;
    invoke(burst);
    if (burst.answered > 0) {
      replies.publish(reinterpret_cast<const std::byte*>(bursts_->replies), burst.reply_stride,
                      burst.answered);
      requests.advance_by(burst.answered);
      count_burst(burst.answered, burst.bytes_in, burst.bytes_out);
      requests.publish_head();
    }
    if (burst.answered < burst.count && !end_burst(requests, burst)) break;
  }
}

// And by counted publication, where the headers of many requests are one, and those of their
// replies: several that are alike are given to the handler at once, one that is timed by itself.
void worker::burst_apart(command during, std::uint64_t end) {
  ring::consumer_run<ring::publication::apart> requests(in_);
  const rondo_message_type& response = handler_.response;
  const bool is_plain = response.encoding == RONDO_ENCODING_PLAIN;
  const std::uint64_t stride = out_.shape().stride;
  rondo_burst burst{};
  burst.struct_size = sizeof burst;
  burst.payload_stride = in_.shape().stride;
  if (!is_plain) burst.replies = bursts_->headers;
  burst.reply_stride = sizeof(rondo_envelope);
  burst.reply_payload_stride = stride;
  ring::message first;
  timing took;
  while (ordered() == during) {
    const std::uint64_t most =
        std::min(std::uint64_t{RONDO_MAX_BURST}, end - requests.next_sequence());
    const std::uint64_t room = std::min(most, out_.room(most));
    ring::array_run<> replies(out_, out_.next_sequence());
    std::uint64_t filled = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    // The worker's loop is gone through now and then, for its timer.
    bool has_timed = false;
    burst.answered = burst.count = 0;
    while (filled < room && burst.answered == burst.count) {
      const bool timed = ring::is_timed(requests.next_sequence());
      const std::uint64_t untimed = ring::before_timed(requests.next_sequence());
      const std::uint64_t count =
          requests.count_alike(timed ? 1 : std::min(room - filled, untimed), first);
      if (count == 0) break;
      burst.count = static_cast<std::uint32_t>(count);
      burst.requests = first.header;
      burst.payloads = first.payload;
      burst.first_message_id = out_.next_sequence() + filled + 1;
      burst.reply_payloads = bursts_->payload(filled, stride);
      has_timed |= timed;
      if (timed) [[unlikely]]
        took.begin_ns = ring::now_ns();
      invoke(burst);
      if (timed) [[unlikely]] {
        took.end_ns = ring::now_ns();
        count_timed(*first.header, took);
      }
      if (is_plain) {
        replies.put_alike(
            {response.max_bytes, RONDO_TYPE_RESPONSE, static_cast<std::uint16_t>(response.version),
             0, 0, burst.first_message_id, first.header->correlation_id},
            burst.answered);
      } else {
        for (std::uint32_t i = 0; i < burst.answered; ++i) replies.put(bursts_->headers[i]);
      }
      requests.advance_by(burst.answered);
      filled += burst.answered;
      bytes_in += burst.bytes_in;
      bytes_out += burst.bytes_out;
    }
    if (filled > 0) {
      std::uint64_t claimed = 0;
      out_.try_reserve_batch(filled, claimed);
      replies.publish(bursts_->payload(0, stride), response.max_bytes, filled);
      count_burst(filled, bytes_in, bytes_out);
      requests.publish_head();
    }
    if (burst.answered < burst.count) {
      if (!end_burst(requests, burst)) break;
    } else if (filled == 0 || has_timed) {
      break;
    }
  }
}

void worker::invoke(rondo_burst& burst) {
  rondo_invocation& call = invocation_.base;
  call.failure_code = RONDO_OK;
  call.user_code = 0;
  call.failure_length = 0;
  handler_.invoke_burst(state_, &burst, &call);
}

// Of replies that are published.
void worker::count_burst(std::uint64_t answered, std::uint64_t bytes_in, std::uint64_t bytes_out) {
  ring::wake_if_parked(output_.memory().wake_line());
  add(counters_.messages_out, answered);
  add(counters_.bytes_out, bytes_out);
  add(counters_.messages_in, answered);
  add(counters_.bytes_in, bytes_in);
}

// The request that a handler has not answered. There is room for what tells why: fewer were
// answered than there was room for. False if the request must stay.
template <class Requests>
bool worker::end_burst(Requests& requests, const rondo_burst& burst) {
  ring::message failed;
  requests.peek(failed);
  invocation_.base.request = failed.header;
  if (!settle(burst.status)) return false;
  add(counters_.messages_in, 1);
  add(counters_.bytes_in, failed.header->length);
  requests.advance();
  requests.publish_head();
  return true;
}

}  // namespace rondo::cpu
