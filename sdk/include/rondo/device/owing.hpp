// Where the queues have rules: what requests that are not handled and replies that find no room
// come to. Whoever waits for a reply gets a failure in its place; where the output is not waited
// for, it is owed one and gets it as soon as there is room, before the next reply.
//
// All of it by thread 0 of the first block, unless it says otherwise.
#pragma once

#include <rondo/device/resting.hpp>

namespace rondo::device {

struct reason {
  std::int32_t code;
  std::int32_t user_code;
  const char* text;
  std::uint32_t length;
};
template <std::size_t N>
RONDO_HD constexpr reason because(std::int32_t code, const char (&text)[N]) {
  static_assert(N - 1 <= RONDO_FAILURE_TEXT_MAX);
  return {code, 0, text, N - 1};
}

template <class H, class X, class P, class K>
class owing : public resting<H, X, P, K> {
  using base = resting<H, X, P, K>;
  using plan = stage_plan<H>;

 public:
  using base::base;
  using base::is_first;

  RONDO_DEVICE bool output_waits() const {
    return (args_.flags & (flag_reject | flag_drop_newest)) == 0;
  }
  RONDO_DEVICE static bool is_awaited(const rondo_envelope& request) {
    return (request.correlation_id & RONDO_CORRELATION_AWAITED) != 0;
  }

  // Whether the output has room now for one more reply, with nobody owed another.
  RONDO_DEVICE bool has_room_behind_owed() {
    tell_owed();
    return is_room(out_head_);
  }

  // A reply that finds no room. False if its request fails with that, true if it is to be written
  // for nobody.
  RONDO_DEVICE bool may_lose_reply(context ctx) {
    count_lost_reply();
    m_.is_lost = (args_.flags & flag_drop_newest) != 0 ? 1 : 0;
    if (m_.is_lost == 0) ctx.fail_with(RONDO_FULL, 0, "not done: the kernel's output was full");
    return m_.is_lost != 0;
  }
  RONDO_DEVICE void count_lost_reply() { ++counts().replies_dropped; }

  // The reply in hand was written for nobody.
  RONDO_DEVICE void lose_reply(const rondo_envelope& asked) {
    m_.is_lost = 0;
    if (is_awaited(asked))
      owe(asked.correlation_id,
          because(RONDO_DROPPED, "it was handled, and the reply dropped: the output was full"));
  }

  // Of a handler that emits several replies are lost to one request, and its caller is told once.
  RONDO_DEVICE void owe(std::uint64_t correlation_id, const reason& why) {
    rules_line& count = counts();
    if (args_.most_owed == 0) return;
    if (count.owed != 0 && owed_at(count.owed - 1).correlation_id == correlation_id) return;
    // There are never so many callers: the oldest has most likely given up.
    if (count.owed == args_.most_owed) forget_first();
    owed_answer& to = owed_at(count.owed++);
    to.correlation_id = correlation_id;
    to.text_length = why.length;
    write(to.said, why, why.length);
  }

 protected:
  using base::args_;
  using base::in_content_;
  using base::m_;
  using base::out_;
  using base::out_head_;
  using base::publish_counters;
  using base::x_;

  RONDO_DEVICE rules_block& rules() const { return *reinterpret_cast<rules_block*>(args_.rules); }
  RONDO_DEVICE rules_line& counts() const { return rules().counts; }
  RONDO_DEVICE bool is_room(std::uint64_t out_head) const {
    return counts().owed == 0 && m_.out_next - out_head < out_.shape.capacity;
  }

  // With a look of its own at the output, as what another lane has seen orders no memory. How many
  // got their answer.
  RONDO_DEVICE std::uint32_t tell_owed() {
    out_head_ = P::load_acquire(&out_.consumer->head);  // SYNC: slot-freed
    std::uint32_t told = 0;
    RONDO_KEEP_LOOP
    for (; counts().owed != 0 && m_.out_next - out_head_ < out_.shape.capacity; ++told) {
      const owed_answer& it = owed_at(0);
      put(it.correlation_id, {it.said.code, it.said.user_code, it.said.text, it.text_length});
      forget_first();
    }
    return told;
  }

  // Of a request that its handler has not seen.
  RONDO_DEVICE static bool owes_answer(const rondo_envelope& asked) {
    return replying_handler<H> || is_awaited(asked);
  }
  RONDO_DEVICE void answer_unhandled(const rondo_envelope& asked, const reason& why) {
    if (!owes_answer(asked)) return;
    if (m_.has_room != 0) put(asked.correlation_id, why);
    else if (is_awaited(asked)) owe(asked.correlation_id, why);
    else count_lost_reply();
  }

  // By the first warp.
  RONDO_DEVICE void publish_all() {
    if (is_first()) {
      auto* to = reinterpret_cast<rules_line*>(args_.rules_line);
      const rules_line& now = counts();
      P::store_relaxed(&to->dropped_oldest, now.dropped_oldest);
      P::store_relaxed(&to->expired, now.expired);
      P::store_relaxed(&to->replies_dropped, now.replies_dropped);
      P::store_relaxed(&to->owed, now.owed);
    }
    publish_counters();
  }

 private:
  RONDO_DEVICE owed_answer& owed_at(std::uint64_t i) const {
    auto* all = reinterpret_cast<owed_answer*>(args_.rules + sizeof(rules_block));
    const std::uint64_t at = rules().first_owed + i;
    return all[at < args_.most_owed ? at : at - args_.most_owed];
  }
  RONDO_DEVICE void forget_first() {
    rules_block& r = rules();
    if (++r.first_owed == args_.most_owed) r.first_owed = 0;
    --r.counts.owed;
  }

  // With room in the output, and no reply in the stage.
  RONDO_DEVICE void put(std::uint64_t correlation_id, const reason& why) {
    constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
    const std::uint32_t most = out_.shape.payload_capacity;
    if (most < fixed) return;
    const std::uint32_t text = least(why.length, most - fixed);
    std::byte* content = in_content_ + plan::out_at;
    const rondo_envelope head{fixed + text,    RONDO_TYPE_RESPONSE, 0, RONDO_FLAG_FAILED, 0,
                              m_.out_next + 1, correlation_id};
    __builtin_memcpy(__builtin_assume_aligned(content, 16), &head, sizeof head);
    write(*reinterpret_cast<rondo_failure*>(content + plan::header_bytes), why, text);
    store_message<P, K>(out_, m_.out_next, content, plan::header_bytes + head.length, 0, 1);
    ++m_.out_next;
    ++m_.counters.messages_out;
    m_.counters.bytes_out += head.length;
    if (K::is_chunked(out_)) return;
    P::store_release(&out_.producer->tail, m_.out_next);  // SYNC: tail-published
    m_.out_published = m_.out_next;
  }

  RONDO_DEVICE static void write(rondo_failure& to, const reason& why, std::uint32_t length) {
    to.code = why.code;
    to.user_code = why.user_code;
    RONDO_KEEP_LOOP
    for (std::uint32_t k = 0; k < length; ++k) to.text[k] = why.text[k];
  }
};

}  // namespace rondo::device
