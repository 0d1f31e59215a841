// The first warp where there is no request: at the begin and the end of a launch, when a timer is
// due, and while it waits.
#pragma once

#include <rondo/device/looking.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class resting : public looking<H, X, P, K> {
  using base = looking<H, X, P, K>;

 public:
  using base::base;
  using base::settle;

  // By every lane of the first warp, once.
  RONDO_DEVICE void start() {
    head_ = P::load_relaxed(&in_.consumer->head);
    freed_ = limit_ = head_;
    lease_seen_at_ = worked_at_ = x_.now();
  }

  RONDO_DEVICE void finish() {
    settle();
    if (is_first()) m_.counters.polls += polls_;
    polls_ = 0;
    auto* resume = reinterpret_cast<resume_block*>(args_.resume);
    if (is_first()) {
      m_.counters.heartbeat = x_.now();
      m_.counters.input_next = head_;
      m_.counters.output_next = m_.out_next;
      m_.counters.busy_since = 0;
      if constexpr (detail::has_on_timer<H>)
        m_.counters.timer_at = P::load_relaxed(&resume->timer_at);
      resume->output_next = m_.out_next;
      resume->counters = m_.counters;
    }
    x_.sync_warp();
    copy_latencies(resume->latencies, m_.latencies, x_.thread(), x_.lanes());
    publish_counters();
    tell(ending_);
  }

 protected:
  using base::args_;
  using base::ending_;
  using base::freed_;
  using base::head_;
  using base::in_;
  using base::is_first;
  using base::is_once;
  using base::lease_lapsed;
  using base::lease_seen_at_;
  using base::limit_;
  using base::m_;
  using base::polls_;
  using base::publish_counters;
  using base::tell;
  using base::unsettled_;
  using base::word_;
  using base::x_;

  static constexpr std::uint32_t looks_until_idle = 4;

  // Nothing to do. Now and then the clock is read, by lane 0 for all.
  RONDO_DEVICE void rest(std::uint32_t looks) {
    if (looks % looks_per_clock == looks_per_clock - 1) {
      const std::uint64_t now = x_.now();
      if (worked_at_ == 0) worked_at_ = now;
      std::uint32_t decisions = 0;
      if (is_first()) {
        if (now - m_.counters.heartbeat >= heartbeat_ns) {
          m_.counters.heartbeat = now;
          decisions |= 1;
        }
        if (lease_lapsed()) decisions |= 2;
        if (args_.nap_ns != 0 && now - worked_at_ >= args_.spin_ns) decisions |= 4;
        if (args_.nap_ns != 0 && now - worked_at_ >= deep_sleep_after_ns) decisions |= 8;
      }
      decisions = x_.any_of_warp(decisions);
      if ((decisions & 1) != 0) publish_counters();
      if ((decisions & 2) != 0) ending_ = ending::lease_lapsed;
      naps_ = (decisions & 4) != 0;
      naps_long_ = (decisions & 8) != 0;
    }
    if (naps_) x_.nap(naps_long_ ? args_.nap_ns * long_nap : args_.nap_ns);
  }

  // Whether on_timer is to be called now. A timer that sets itself anew keeps a kernel from ever
  // resting: so the lease is looked at here too, and signs of life are given. An event-driven
  // launch has one call at most, so that between two the host can give orders.
  RONDO_DEVICE void look_at_timer() {
    is_due_ = false;
    if (ending_ != ending::none || command_of(word_) != command::run || (is_once() && had_timer_))
      return;
    constexpr std::uint32_t due = 1, lapsed = 2, beats = 4;
    std::uint32_t decisions = 0;
    if (is_first()) {
      const std::uint64_t at =
          P::load_relaxed(&reinterpret_cast<resume_block*>(args_.resume)->timer_at);
      const std::uint64_t now = at != 0 ? x_.now() : 0;
      if (at != 0 && now >= at) {
        decisions = lease_lapsed() ? lapsed : due;
        if (now - m_.counters.heartbeat >= heartbeat_ns) {
          m_.counters.heartbeat = now;
          decisions |= beats;
        }
      }
    }
    decisions = x_.from_lane(decisions, 0);
    is_due_ = (decisions & due) != 0;
    if ((decisions & lapsed) != 0) ending_ = ending::lease_lapsed;
    if ((decisions & beats) != 0) publish_counters();
  }
  RONDO_DEVICE step choose_timer() {
    if (unsettled_ != 0) settle();  // on_timer may be slow
    was_timer_ = had_timer_ = true;
    if (is_first() && x_.threads() > x_.lanes()) m_.next = step::timer;
    return step::timer;
  }

  RONDO_DEVICE step leave() {
    if (is_first()) m_.next = step::leave;
    return step::leave;
  }

  std::uint64_t worked_at_ = 0;  // 0: since the clock was last read
  bool naps_ = false;
  // Of handlers with on_timer: it is to be called now; it was called before the last look.
  bool is_due_ = false;
  bool was_timer_ = false;

 private:
  static constexpr std::uint32_t looks_per_clock = 8;
  // A kernel that has been idle for so long takes naps so many times as long.
  static constexpr std::uint64_t deep_sleep_after_ns = 100'000'000;
  static constexpr std::uint32_t long_nap = 10;
  static constexpr std::uint64_t heartbeat_ns = 100'000;

  bool naps_long_ = false;
  bool had_timer_ = false;  // in this launch
};

}  // namespace rondo::device
