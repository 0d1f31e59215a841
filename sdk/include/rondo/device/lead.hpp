// The first warp of a persistent kernel: looks for requests and orders, and keeps the counters.
// Each lane holds the same copy of what is in here and takes every decision alike; lane 0 writes.
// It is one object of several parts, each a class that adds to the one before: counting, ring_ends,
// orders, looking, resting, lead.
#pragma once

#include <rondo/device/resting.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class lead : public resting<H, X, P, K> {
  using base = resting<H, X, P, K>;
  using plan = stage_plan<H>;

 public:
  using base::base;
  using base::is_first;
  using base::settle;

  // Until there is something to do: what, for the first warp, and in m for the others.
  RONDO_DEVICE step look() {
    // No look any more: a block of the grid that came too late may still read the message.
    if (gave_up()) return leave();
    out_next_ = m_.out_next;
    // Behind each request an order is seen before the next is taken.
    for (std::uint32_t looks = 1;; ++looks) {
      const std::uint64_t waiting = look_around();
      ending_ = obey();
      if constexpr (detail::has_on_timer<H>) look_at_timer();
      const bool may_take = ending_ == ending::none && takes_ &&
                            (has_room() || (waiting != 0 && next_needs_no_room()));
      if constexpr (detail::has_on_timer<H>)
        if (is_due_ && (waiting == 0 || !may_take || !was_timer_)) return choose_timer();
      if (waiting != 0 && may_take) return choose(waiting);
      if (unsettled_ != 0) settle();
      if (ending_ == ending::none && is_once() && looks > looks_until_idle &&
          (waiting == 0 || !may_take))
        ending_ = ending::idle;
      if (ending_ == ending::none) rest(looks);
      if (ending_ != ending::none) return leave();
      if (may_take && may_look_closely() && look_closely()) return choose(1);
    }
  }

  // By thread 0, after each request or batch. What waits since the last look, orders among them,
  // waits for no more than a few quick handlers.
  RONDO_DEVICE void note_time() {
    if (!is_chunked_in()) note_age(m_.looked_at, x_.now());
  }
  RONDO_DEVICE void note_age(std::uint64_t looked_at, std::uint64_t now) {
    if (now - looked_at > burst_ns) m_.must_look = 1;
  }

  // `n` requests were taken out of the input and what they asked for is done.
  RONDO_DEVICE void advance(std::uint64_t n) {
    head_ += n;
    worked_at_ = 0;
    if (limit_ > head_ && ++unsettled_ < burst) return;
    settle();
    publish_counters();
  }

  // The same for a batch. Its replies become visible while the next one is fetched, or with the
  // next look if none is at hand: to wait for that order here would hold up the fetch.
  RONDO_DEVICE void advance_batch(std::uint64_t n) {
    head_ += n;
    worked_at_ = 0;
    free_slots();
    unsettled_ = 1;
    publish_counters();
  }

  // While a batch is on its way across the bus: whether there is another behind it, and orders.
  RONDO_DEVICE void look_ahead() {
    ++polls_;
    look_at_lines([this] { return look_at_tail(); });
  }

 private:
  using base::args_;
  using base::choose_timer;
  using base::drain_until_;
  using base::ending_;
  using base::free_slots;
  using base::gave_up;
  using base::head_;
  using base::in_;
  using base::in_content_;
  using base::is_chunked_in;
  using base::is_due_;
  using base::is_once;
  using base::leave;
  using base::limit_;
  using base::look_at_lines;
  using base::look_at_slot;
  using base::look_at_tail;
  using base::look_at_timer;
  using base::looks_until_idle;
  using base::m_;
  using base::naps_;
  using base::out_next_;
  using base::polls_;
  using base::publish_counters;
  using base::rest;
  using base::room;
  using base::take_order;
  using base::takes_;
  using base::unsettled_;
  using base::was_timer_;
  using base::word_;
  using base::worked_at_;
  using base::x_;

  // Looks at the slot between two at the orders. Across the bus one takes a microsecond, on the
  // device a seventh.
  static constexpr std::uint32_t far_looks = 4;
  static constexpr std::uint32_t near_looks = 32;
  static constexpr std::uint32_t burst = 16;  // requests between two looks and two publications
  static constexpr std::uint64_t burst_ns = 10'000;

  // Whether there is no need to look: requests are left from the last time, or were seen ahead, and
  // nothing asks for attention. What was seen of the output and of the host's orders is as old.
  RONDO_DEVICE bool may_go_on() const {
    return !is_chunked_in() && limit_ != head_ && unsettled_ != 0 && m_.must_look == 0 &&
           has_room();
  }

  // Whether the slot alone may be looked at for a while, and not the orders.
  RONDO_DEVICE bool may_look_closely() const {
    return is_chunked_in() && !naps_ && !is_once() && command_of(word_) == command::run;
  }
  RONDO_DEVICE bool look_closely() {
    std::uint32_t looks = (args_.flags & flag_near) != 0 ? near_looks : far_looks;
    polls_ += looks;
    RONDO_KEEP_LOOP
    for (; looks != 0; --looks)
      if (look_at_slot() != 0) break;
    if (looks == 0) return false;
    polls_ -= looks - 1;
    return true;
  }

  // A look at everything: requests, orders, and what the host took of the output. How many requests
  // are at hand.
  RONDO_DEVICE std::uint64_t look_around() {
    if (may_go_on()) return limit_ - head_;
    if (unsettled_ != 0) {
      settle();
      publish_counters();
    }
    ++polls_;
    if (!is_chunked_in()) {
      x_.sync_warp();  // all have asked whether they must look
      if (is_first()) m_.must_look = 0;
      x_.sync_warp();  // and see it when they ask again
    }
    return look_at_lines([this] { return is_chunked_in() ? look_at_slot() : look_at_tail(); });
  }

  RONDO_DEVICE ending obey() {
    if (!is_chunked_in() && limit_ - head_ > in_.shape.capacity) return ending::broken_ring;
    if (take_order() != ending::none) return ending::ordered;
    if (command_of(word_) == command::drain && head_ >= drain_until_) return ending::ordered;
    return ending::none;
  }

  RONDO_DEVICE bool has_room() const {
    if constexpr (!replying_handler<H>) return true;  // it waits itself, when it emits
    else return room() != 0;
  }
  // What is dropped has no reply, and must not hold up a drain behind a full output. One lane reads
  // it, the one that keeps this piece: another might still read while the next look keeps it anew.
  RONDO_DEVICE bool next_needs_no_room() const {
    std::uint32_t none_needed = head_ < args_.skip_below ? 1 : 0;
    if (is_first() && none_needed == 0) {
      const std::byte* content = is_chunked_in() ? in_content_ : in_.slot(head_);
      const auto flags = reinterpret_cast<const rondo_envelope*>(content)->flags;
      none_needed = flags & RONDO_FLAG_ABANDONED;
    }
    return x_.from_lane(none_needed, 0) != 0;
  }

  RONDO_DEVICE step choose(std::uint64_t waiting) {
    if constexpr (detail::has_on_timer<H>) was_timer_ = false;
    const step next = plan::by_thread && !is_chunked_in() ? step::batch : step::one;
    std::uint64_t n = 1;
    if constexpr (plan::by_thread) {
      // At least one: without room, what comes next needs none.
      if (!is_chunked_in()) n = larger(least(least(waiting, room()), x_.threads()), 1);
      if (command_of(word_) == command::drain) n = least(n, drain_until_ - head_);
    }
    if (!is_chunked_in() && unsettled_ == 0 && is_first()) m_.looked_at = x_.now();
    if (is_first() && (x_.threads() > x_.lanes() || next == step::batch)) {
      m_.sequence = head_;
      m_.next = next;
      m_.count = m_.first_bad = static_cast<std::uint32_t>(n);
    }
    return next;
  }
};

}  // namespace rondo::device
