// The end of a request: its reply gets an envelope and a slot, a failure becomes a reply that says
// why, and what was done is counted.
#pragma once

#include <rondo/device/desk.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class replying : protected desk<H, X, P, K> {
  using base = desk<H, X, P, K>;

 protected:
  using base::base;
  RONDO_AT_THE_DESK(base);

  RONDO_DEVICE void conclude(const rondo_envelope& asked, std::uint64_t begin, ready_reply& reply) {
    if (x_.thread() == 0) after_handler(asked, begin, reply);
    publish(reply);
    if (x_.in_first_warp()) count_one(asked, reply);
  }

  // By thread 0. When the handler began, if anybody wants to know.
  RONDO_DEVICE std::uint64_t before_handler() {
    const bool is_watched = (args_.flags & flag_watched) != 0;
    if (!is_watched && !is_sampled()) return 0;
    lead_.take_waited();  // what others than this request waited
    const std::uint64_t now = x_.now();
    if (is_watched) lead_.say_busy(now);
    return now;
  }

  RONDO_DEVICE bool is_sampled() const { return ring::is_timed(sequence()); }

  RONDO_DEVICE void after_handler(const rondo_envelope& asked, std::uint64_t begin,
                                  ready_reply& reply) {
    if (begin != 0 && (args_.flags & flag_watched) != 0) lead_.say_busy(0);
    if (begin != 0 && is_sampled()) {
      lead_.count_handled(1, begin + lead_.take_waited(), x_.now());
      lead_.count_waited(lead_.bucket_of_wait(asked.reserved, begin), 1);
    }
    if (invocation().failure_code != RONDO_OK) [[unlikely]] {
      make_failure(invocation(), reply);
      forget_failure();
    }
    if constexpr (K::has_rules) {
      if (m_.is_lost != 0 && reply.is_there != 0) {
        reply.is_there = 0;
        lead_.lose_reply(asked);
      }
    }
    if (reply.is_there != 0) put_header(reply, asked.correlation_id, out_next());
  }

  // The caller who waits learns why; the reason is cut to what the slot can carry.
  RONDO_DEVICE void make_failure(const rondo_invocation& i, ready_reply& reply) {
    ++m_.counters.messages_failed;
    constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
    const std::uint32_t room = lead_.out().shape.payload_capacity;
    reply.is_there = 0;
    if (room < fixed) return;
    if constexpr (K::has_rules) {
      if (!lead_.output_waits()) {
        if (!may_tell_failure(i)) return;
      } else if (!replying_handler<H> && !lead_.wait_for_room()) {
        return;
      }
    } else if (!replying_handler<H> && !lead_.wait_for_room()) {
      return;
    }
    const std::uint32_t text = least(i.failure_length, room - fixed);
    auto& record = *reinterpret_cast<rondo_failure*>(reply_payload());
    record.code = i.failure_code;
    record.user_code = i.user_code;
    RONDO_KEEP_LOOP
    for (std::uint32_t k = 0; k < text; ++k) record.text[k] = i.failure_text[k];
    reply = {1, fixed + text, RONDO_FLAG_FAILED, 0};
  }
  // Where the output is not waited for: if there is no room, who waits is told later.
  RONDO_DEVICE bool may_tell_failure(const rondo_invocation& i) {
    const bool is_counted = m_.is_lost != 0 || i.failure_code == RONDO_FULL;
    m_.is_lost = 0;
    if (replying_handler<H> ? m_.has_room != 0 : lead_.has_room_behind_owed()) return true;
    if (lead_.is_awaited(*i.request))
      lead_.owe(i.request->correlation_id,
                {i.failure_code, i.user_code, i.failure_text, i.failure_length});
    if (!is_counted) lead_.count_lost_reply();
    return false;
  }
  RONDO_DEVICE void forget_failure() {
    rondo_invocation& i = invocation();
    i.failure_code = RONDO_OK;
    i.user_code = 0;
    i.failure_length = 0;
  }

  RONDO_DEVICE void put_header(const ready_reply& reply, std::uint64_t correlation_id,
                               std::uint64_t place) {
    const rondo_envelope out{reply.length,
                             RONDO_TYPE_RESPONSE,
                             static_cast<std::uint16_t>(reply.version),
                             reply.flags,
                             0,
                             place + 1,
                             correlation_id};
    __builtin_memcpy(__builtin_assume_aligned(stage_ + plan::out_at, 16), &out, sizeof out);
  }

  RONDO_DEVICE void publish(const ready_reply& reply) {
    std::uint32_t bytes = reply.is_there != 0 ? plan::header_bytes + reply.length : 0;
    if (K::is_chunked(lead_.out())) {
      x_.sync_block();
      if (!x_.in_first_warp()) return;
      bytes = x_.from_lane(bytes, 0);
      if (bytes != 0)
        store_message<P, K>(lead_.out(), out_next(), stage_ + plan::out_at, bytes, x_.thread(),
                            x_.lanes());
      return;
    }
    if (x_.thread() == 0) m_.reply_bytes = bytes;
    x_.sync_block();
    if (m_.reply_bytes == 0) return;
    store_message<P, K>(lead_.out(), out_next(), stage_ + plan::out_at, m_.reply_bytes, x_.thread(),
                        x_.threads());
    x_.sync_block();
  }

  RONDO_DEVICE void count_one(const rondo_envelope& asked, const ready_reply& reply) {
    x_.sync_warp();  // all have read m.out_next
    if (x_.thread() == 0) {
      if (reply.is_there != 0) count_reply(reply.length);
      count_request(asked.length);
      lead_.note_time();
    }
    x_.sync_warp();
    lead_.advance(1);
  }

  // Asked for a response's largest size, as its room is reserved before it is known.
  RONDO_DEVICE bool fits(std::uint32_t bytes, context ctx) {
    if (bytes <= lead_.out().shape.payload_capacity) {
      if constexpr (K::has_rules && replying_handler<H>)
        return m_.has_room != 0 || lead_.may_lose_reply(ctx);
      else return true;
    }
    ctx.fail_with(RONDO_TOO_LARGE, 0, "the response may not fit a slot of the output");
    return false;
  }

  // A reply was written; a request is done with. By thread 0.
  RONDO_DEVICE void count_reply(std::uint32_t bytes) {
    ++m_.out_next;
    ++m_.counters.messages_out;
    m_.counters.bytes_out += bytes;
  }
  RONDO_DEVICE void count_request(std::uint32_t bytes) {
    ++m_.counters.messages_in;
    m_.counters.bytes_in += bytes;
  }

  // Room for a reply that is emitted, by the thread that emits it.
  RONDO_DEVICE bool make_room(context ctx) {
    if constexpr (K::has_rules) {
      if (!lead_.output_waits()) {
        m_.is_lost = 0;
        return lead_.has_room_behind_owed() || lead_.may_lose_reply(ctx);
      }
    }
    return lead_.wait_for_room();
  }
  // Published at once, by the thread that emits it.
  RONDO_DEVICE void emit(const ready_reply& reply) {
    if constexpr (K::has_rules) {
      if (m_.is_lost != 0) return lead_.lose_reply(header());
    }
    put_header(reply, header().correlation_id, m_.out_next);
    store_message<P, K>(lead_.out(), m_.out_next, stage_ + plan::out_at,
                        plan::header_bytes + reply.length, 0, 1);
    count_reply(reply.length);
    lead_.show_replies();
  }
};

}  // namespace rondo::device
