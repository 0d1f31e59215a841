// Where the queues have rules: what requests that are not handled and replies that find no room
// come to. Whoever waits for a reply gets a failure in its place; where the output is not waited
// for, it is owed one and gets it as soon as there is room, before the next reply.
//
// All of it by thread 0 of the first block, unless it says otherwise.
#pragma once

#include <rondo/device/owed.hpp>
#include <rondo/device/resting.hpp>

namespace rondo::device {

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

  // Whether one more answer could be kept, should this request come to be owed one. None is
  // forgotten: else it stays in the input until somebody reads.
  RONDO_DEVICE bool may_owe(const rondo_envelope& asked) const {
    return output_waits() || counts().owed < args_.most_owed || !is_awaited(asked);
  }
  RONDO_DEVICE void owe(std::uint64_t correlation_id, const reason& why) {
    remember_owed(args_, correlation_id, why);
  }

 protected:
  using base::args_;
  using base::in_content_;
  using base::m_;
  using base::out_;
  using base::out_head_;
  using base::publish_counters;

  RONDO_DEVICE rules_line& counts() const { return rules_of(args_).counts; }
  RONDO_DEVICE bool is_room(std::uint64_t out_head) const {
    return counts().owed == 0 && m_.out_next - out_head < out_.shape.capacity;
  }

  // With a look of its own at the output, as what another lane has seen orders no memory. How many
  // got their answer.
  RONDO_DEVICE std::uint32_t tell_owed() {
    out_head_ = P::load_acquire(&out_.consumer->head);  // SYNC: slot-freed
    return device::tell_owed<P, K>(args_, end(), out_head_);
  }

  // Of a request that its handler has not seen.
  RONDO_DEVICE static bool owes_answer(const rondo_envelope& asked) {
    return replying_handler<H> || is_awaited(asked);
  }
  RONDO_DEVICE void answer_unhandled(const rondo_envelope& asked, const reason& why) {
    if (!owes_answer(asked)) return;
    if (m_.has_room != 0) publish_failure<P, K>(args_, end(), asked.correlation_id, why);
    else if (is_awaited(asked)) owe(asked.correlation_id, why);
    else count_lost_reply();
  }

  // By the first warp.
  RONDO_DEVICE void publish_all() {
    show_rules();
    publish_counters();
  }
  RONDO_DEVICE void show_rules() {
    if (!is_first()) return;
    auto* to = reinterpret_cast<rules_line*>(args_.rules_line);
    const rules_line& now = counts();
    P::store_relaxed(&to->dropped_oldest, now.dropped_oldest);
    P::store_relaxed(&to->expired, now.expired);
    P::store_relaxed(&to->replies_dropped, now.replies_dropped);
    P::store_relaxed(&to->owed, now.owed);
  }

 private:
  RONDO_DEVICE reply_end end() const {
    return {m_.out_next, m_.out_published, m_.counters, in_content_ + plan::out_at};
  }
};

}  // namespace rondo::device
