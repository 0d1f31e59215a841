// The first warp of a kernel whose queues have rules: two lanes, deadlines, requests that are given
// up for newer ones, and an output that nobody waits for. It takes one request after the other and
// looks at everything before each: it need not be quick.
#pragma once

#include <rondo/device/owing.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class lead_by_rules : public owing<H, X, P, K> {
  using base = owing<H, X, P, K>;

 public:
  using base::is_first;
  using base::output_waits;
  using base::settle;

  RONDO_DEVICE lead_by_rules(const X& x, const launch_args& args, memory_of<H, K>& memory,
                             std::byte* in_content)
      : base(x, args, memory, in_content), other_{input_of<K>(args, args.urgent_input)} {}

  RONDO_DEVICE void start() {
    base::start();
    if (has_urgent())
      other_.head = other_.freed = other_.limit = P::load_relaxed(&other_.in.consumer->head);
  }

  // As lead::look().
  RONDO_DEVICE step look() {
    if (gave_up()) return leave();
    for (std::uint32_t looks = 1;; ++looks) {
      look_at_orders();
      ending_ = obey();
      if constexpr (detail::has_on_timer<H>) look_at_timer();
      tell_owed_now();
      const bool is_found = ending_ == ending::none && find();
      if constexpr (detail::has_on_timer<H>)
        if (is_due_ && (!is_found || !was_timer_)) return choose_timer();
      if (is_found) return choose();
      if (ending_ == ending::none && is_once() && looks > looks_until_idle) ending_ = ending::idle;
      if (ending_ == ending::none) rest(looks);
      if (ending_ != ending::none) return leave();
    }
  }

  // The request that was found is not to be handled.
  RONDO_DEVICE void let_go() {
    if (is_first()) {
      ++m_.counters.messages_dropped;
      reason why = because(RONDO_DROPPED, "given up for newer requests: the input was full");
      if (m_.what == fate::given_up) ++counts().dropped_oldest;
      if (m_.what == fate::expired) {
        ++counts().expired;
        why = because(RONDO_EXPIRED, "it waited longer than its time to live");
      }
      if (m_.what != fate::dropped) answer_unhandled(envelope(), why);
    }
    advance(1);
  }

  RONDO_DEVICE void note_time() {}
  RONDO_DEVICE void advance(std::uint64_t n) {
    head_ += n;
    worked_at_ = 0;
    settle();
    publish_all();
  }
  RONDO_DEVICE void finish() {
    turn_to(ring_lane::normal);
    this->show_rules();
    base::finish();
  }

 private:
  using base::answer_unhandled;
  using base::args_;
  using base::choose_timer;
  using base::counts;
  using base::drain_until_;
  using base::ending_;
  using base::freed_;
  using base::gave_up;
  using base::head_;
  using base::in_;
  using base::in_content_;
  using base::is_chunked_in;
  using base::is_due_;
  using base::is_once;
  using base::is_room;
  using base::leave;
  using base::limit_;
  using base::look_at_lines;
  using base::look_at_slot;
  using base::look_at_tail;
  using base::look_at_timer;
  using base::looks_until_idle;
  using base::m_;
  using base::may_owe;
  using base::out_head_;
  using base::owes_answer;
  using base::polls_;
  using base::publish_all;
  using base::rest;
  using base::seen_word_;
  using base::take_order;
  using base::takes_;
  using base::was_timer_;
  using base::wide_number;
  using base::word_;
  using base::worked_at_;
  using base::x_;

  enum class ring_lane : std::uint32_t { normal, urgent };
  // The lane that is not at hand.
  struct aside {
    ring::view in;
    std::uint64_t head = 0;
    std::uint64_t freed = 0;
    std::uint64_t limit = 0;
  };

  RONDO_DEVICE bool has_urgent() const { return (args_.flags & flag_urgent) != 0; }
  RONDO_DEVICE bool drops_oldest() const { return (args_.flags & flag_drops_oldest) != 0; }

  // From now on that lane is the input that all the rest works on. A request stays the next of its
  // lane, whatever comes into the other meanwhile.
  RONDO_DEVICE void turn_to(ring_lane which) {
    if (lane_ == which) return;
    lane_ = which;
    const aside was{in_, head_, freed_, limit_};
    in_ = other_.in;
    head_ = other_.head;
    freed_ = other_.freed;
    limit_ = other_.limit;
    other_ = was;
  }
  RONDO_DEVICE std::uint64_t head_of(ring_lane which) const {
    return lane_ == which ? head_ : other_.head;
  }
  RONDO_DEVICE std::uint64_t drain_end(ring_lane which) const {
    return which == ring_lane::normal ? drain_until_ : drain_urgent_until_;
  }

  RONDO_DEVICE void look_at_orders() {
    ++polls_;
    ring::chunk urgent{};
    look_at_lines([&]() -> std::uint64_t {
      // SYNC: control
      if (is_first() && has_urgent())
        urgent = P::load_chunk(reinterpret_cast<const ring::chunk*>(args_.control) + 1);
      return 0;
    });
    if (!has_urgent() || seen_word_ == word_ || command_of(seen_word_) != command::drain) return;
    if (x_.from_lane(urgent.tag, 0) == seen_word_) drain_urgent_until_ = wide_number(urgent, 0);
    else seen_word_ = word_;  // it was written first, and read too early
  }

  RONDO_DEVICE ending obey() {
    if (take_order() != ending::none) return ending::ordered;
    return command_of(word_) == command::drain && is_drained(ring_lane::normal) &&
                   (!has_urgent() || is_drained(ring_lane::urgent))
               ? ending::ordered
               : ending::none;
  }
  RONDO_DEVICE bool is_drained(ring_lane which) const { return head_of(which) >= drain_end(which); }

  RONDO_DEVICE void tell_owed_now() {
    const std::uint32_t told = is_first() && counts().owed != 0 ? this->tell_owed() : 0;
    if (x_.from_lane(told, 0) != 0) publish_all();
  }

  // Turns to the lane whose next request can be taken now. What waits in the urgent one is not
  // overtaken, but by what an inactive kernel gives up.
  RONDO_DEVICE bool find() {
    ring_lane next = has_urgent() ? ring_lane::urgent : ring_lane::normal;
    RONDO_KEEP_LOOP
    for (;; next = ring_lane::normal) {
      turn_to(next);
      const bool is_there = look_at_lane();
      if (is_there && judge()) return true;
      if (next == ring_lane::normal || (is_there && takes_) || ending_ != ending::none)
        return false;
    }
  }

  RONDO_DEVICE bool look_at_lane() {
    if (command_of(word_) == command::drain && is_drained(lane_)) return false;
    if (is_chunked_in()) return look_at_slot() != 0;
    const std::uint64_t waiting = look_at_tail();
    if (waiting > in_.shape.capacity) ending_ = ending::broken_ring;
    return waiting != 0 && ending_ == ending::none;
  }

  // What becomes of the request at hand, and whether that can be done now.
  RONDO_DEVICE bool judge() {
    std::uint32_t may = 0;
    if (is_first()) {
      // Asked once: a sender that needs less may have the last word.
      const bool is_given_up =
          drops_oldest() && head_ < P::load_relaxed(&in_.producer->discard_below);
      m_.what = fate_of(envelope(), is_given_up);
      // An inactive kernel gives up what it is asked to, so that senders need not wait.
      if (takes_ || is_given_up) {
        // Room that was there before the request came must not be missed where nobody waits for
        // it, and the look may be older.
        if (!is_room(out_head_) && !output_waits()) this->tell_owed();
        m_.has_room = is_room(out_head_) ? 1 : 0;
        may = may_do(m_.what) ? 1 : 0;
      }
    }
    may = x_.from_lane(may, 0);
    x_.sync_warp();  // the next look's pieces come where this one's were read
    return may != 0;
  }
  RONDO_DEVICE fate fate_of(const rondo_envelope& asked, bool is_given_up) const {
    const bool is_normal = lane_ == ring_lane::normal;
    if ((asked.flags & RONDO_FLAG_ABANDONED) != 0 ||
        head_ < (is_normal ? args_.skip_below : args_.skip_urgent_below) ||
        asked.length > in_.shape.payload_capacity)
      return fate::dropped;
    if (is_given_up) return fate::given_up;
    return is_expired() ? fate::expired : fate::handled;
  }
  RONDO_DEVICE bool is_expired() const {
    if (!in_.shape.timed) return false;
    std::uint64_t deadline = m_.times.deadline_ns;
    if (!is_chunked_in())
      deadline =
          reinterpret_cast<const rondo_envelope_times*>(in_.slot(head_) + sizeof(rondo_envelope))
              ->deadline_ns;
    return deadline != 0 && x_.now() - args_.clock_ahead >= deadline;
  }
  RONDO_DEVICE bool may_do(fate what) const {
    if (what != fate::dropped && !may_owe(envelope())) return false;
    switch (what) {
      case fate::dropped: return true;
      case fate::handled: return m_.has_room != 0 || !replying_handler<H> || !output_waits();
      case fate::given_up:
      case fate::expired: break;
    }
    return m_.has_room != 0 || !output_waits() || !owes_answer(envelope());
  }

  RONDO_DEVICE const rondo_envelope& envelope() const {
    return *reinterpret_cast<const rondo_envelope*>(is_chunked_in() ? in_content_
                                                                    : in_.slot(head_));
  }

  RONDO_DEVICE step choose() {
    if constexpr (detail::has_on_timer<H>) was_timer_ = false;
    if (is_first()) {
      m_.sequence = head_;
      m_.slot = in_.slot(head_);  // the other warps do not know the lane
      m_.next = step::one;
      m_.is_lost = 0;
    }
    return step::one;
  }

  aside other_;  // in the beginning the urgent lane, if there is one
  std::uint64_t drain_urgent_until_ = 0;
  ring_lane lane_ = ring_lane::normal;
};

}  // namespace rondo::device
