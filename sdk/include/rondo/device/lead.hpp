// The first warp of a persistent kernel: looks for requests and orders, and keeps the counters.
// Each lane holds the same copy of what is in here and takes every decision alike; lane 0 writes.
//
// One look is one trip across the bus: all lanes together read the pieces of the next slot, the
// control line and the host's head of the output, each in one 16-byte access.
#pragma once

#include <rondo/device/team_ring.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class lead {
  using plan = stage_plan<H>;

 public:
  RONDO_DEVICE lead(const X& x, const launch_args& args, block_memory<H>& memory,
                    std::byte* in_content)
      : x_(x),
        args_(args),
        m_(memory),
        in_content_(in_content),
        in_(view_of(args.input)),
        out_(view_of(args.output)),
        pieces_(K::is_chunked(in_) ? ring::chunks_in_slot(in_.shape) : 0) {
    for (std::uint32_t i = x.thread(); i < pieces_; i += x.lanes()) mine_ |= 1u << i;
  }

  RONDO_DEVICE const ring::view& in() const { return in_; }
  RONDO_DEVICE const ring::view& out() const { return out_; }
  // The next request, for the first warp.
  RONDO_DEVICE std::uint64_t next() const { return head_; }
  // Where the next reply goes, as of the last look.
  RONDO_DEVICE std::uint64_t out_next() const { return out_next_; }
  RONDO_DEVICE bool is_first() const { return x_.thread() == 0; }
  // For lane 0, if each piece of a slot has a lane of its own: the first 12 bytes of the envelope.
  RONDO_DEVICE const ring::chunk& first_piece() const { return first_; }

  // By every lane of the first warp, once.
  RONDO_DEVICE void start() {
    head_ = P::load_relaxed(&in_.consumer->head);
    freed_ = limit_ = head_;
    lease_seen_at_ = worked_at_ = x_.now();
  }

  // Until there is something to do: what, for the first warp, and in m for the others.
  RONDO_DEVICE step look() {
    // A stop or a lapse that ended a wait inside the request. No look any more: a block of the grid
    // that came too late may still read the message.
    ending_ = m_.gave_up;
    if (ending_ != ending::none) {
      if (ending_ == ending::ordered) word_ = m_.stop_word;
      settle();
      return leave();
    }
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

  // on_start failed.
  RONDO_DEVICE void refuse() { ending_ = ending::refused; }
  // Whether the host ordered the end, and not only for a while.
  RONDO_DEVICE bool ends_for_good() const {
    return ending_ == ending::ordered && command_of(word_) != command::leave;
  }

  // Replies that are written and not yet visible, and slots that are read and not yet free.
  RONDO_DEVICE void settle() {
    if (!K::is_chunked(out_) && is_first() && m_.out_published != m_.out_next) {
      P::store_release(&out_.producer->tail, m_.out_next);  // SYNC: tail-published
      m_.out_published = m_.out_next;
    }
    if (freed_ != head_) {
      if (is_first()) P::store_after_loads(&in_.consumer->head, head_);  // SYNC: slot-freed
      freed_ = head_;
    }
    unsettled_ = 0;
  }

  // By thread 0, after each request. What waits since the last look, orders among them, waits for
  // no more than a few quick handlers.
  RONDO_DEVICE void note_time() {
    if (!is_chunked_in() && x_.now() - m_.looked_at > burst_ns) m_.must_look = 1;
  }

  // By thread 0, behind `n` timed handlers that ran from `begin` to `end`.
  RONDO_DEVICE void count_handled(std::uint32_t n, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t took = end > begin ? end - begin : 0;
    m_.counters.handler_samples += n;
    m_.counters.handler_sampled_ns += n * took;
    if (took > m_.counters.handler_sampled_max_ns) m_.counters.handler_sampled_max_ns = took;
    m_.counters.heartbeat = end;
    count_latency(&ring::latency_counts::handling, ring::latency_bucket(took), n);
  }
  // In which bucket the wait of a request with this stamp is, if its handler began at `begin`.
  RONDO_DEVICE std::uint32_t bucket_of_wait(std::uint32_t stamp, std::uint64_t begin) const {
    if (stamp == 0 || (args_.flags & flag_clock) == 0) return no_bucket;
    return ring::latency_bucket(ring::since_stamp(stamp, begin - args_.clock_ahead));
  }
  RONDO_DEVICE void count_waited(std::uint32_t bucket, std::uint32_t n) {
    if (bucket != no_bucket) count_latency(&ring::latency_counts::queueing, bucket, n);
  }
  static constexpr std::uint32_t no_bucket = RONDO_LATENCY_BUCKETS;

  // `n` requests were taken out of the input and what they asked for is done.
  RONDO_DEVICE void advance(std::uint64_t n) {
    head_ += n;
    worked_at_ = 0;
    if (limit_ > head_ && ++unsettled_ < burst) return;
    settle();
    publish_counters();
  }

  // The same for a batch, which is published as one.
  RONDO_DEVICE void advance_batch(std::uint64_t n) {
    head_ += n;
    worked_at_ = 0;
    settle();
    publish_counters();
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

  // ---- for one thread that waits inside a handler: room in the output, or the end.

  // That time is not the handler's: it does not count towards a hang.
  RONDO_DEVICE bool wait_for_room() {
    if (m_.gave_up != ending::none) return false;
    if (m_.out_published != m_.out_next && !K::is_chunked(out_)) {
      P::store_release(&out_.producer->tail, m_.out_next);  // SYNC: tail-published
      m_.out_published = m_.out_next;
    }
    if (is_room_now()) return true;
    const std::uint64_t busy_since = m_.counters.busy_since;
    const std::uint64_t begin = busy_since != 0 ? x_.now() : 0;
    if (busy_since != 0) say_busy(0);
    show_counters();
    bool is_room = false;
    while (!must_give_up() && !(is_room = is_room_now())) x_.nap(room_nap_ns);
    if (busy_since != 0) say_busy(busy_since + (x_.now() - begin));
    return is_room;
  }
  // By one thread alone: a kernel that waits for room is seen to have done what it did.
  RONDO_DEVICE void show_counters() { write_counters(0, 1); }
  // The same for blocks that wait for each other. After a stop they still have some time to finish
  // the message in hand.
  RONDO_DEVICE bool must_leave_team() {
    if (!must_give_up()) return false;
    if (m_.gave_up == ending::lease_lapsed) return true;
    if (stop_seen_at_ == 0) stop_seen_at_ = x_.now();
    return x_.now() - stop_seen_at_ > team_grace_ns;
  }
  // When the handler in hand began; 0: there is none.
  RONDO_DEVICE void say_busy(std::uint64_t since) {
    m_.counters.busy_since = since;
    P::store_relaxed(&reinterpret_cast<counters_line*>(args_.counters)->busy_since, since);
  }
  // Whether it should wait no longer. Once that is so, it stays so: the kernel ends.
  RONDO_DEVICE bool must_give_up() {
    const ring::chunk c =
        P::load_chunk(reinterpret_cast<const ring::chunk*>(args_.control));  // SYNC: control
    note_lease(c.content[2]);
    if (lease_lapsed()) m_.gave_up = ending::lease_lapsed;
    else if (ends_at_once(command_of(c.tag))) m_.gave_up = ending::ordered;
    if (m_.gave_up != ending::none) {
      m_.must_look = 1;
      m_.stop_word = c.tag;
    }
    return m_.gave_up != ending::none;
  }

 private:
  // Counted in the block's memory: a load from the device's would hold up a batch.
  RONDO_DEVICE void count_latency(
      std::uint64_t (ring::latency_counts::*which)[RONDO_LATENCY_BUCKETS], std::uint32_t bucket,
      std::uint32_t n) {
    auto& shown = reinterpret_cast<latency_block*>(args_.latencies)->counts;
    P::store_relaxed(&(shown.*which)[bucket], (m_.latencies.*which)[bucket] += n);
  }

  static constexpr std::uint32_t looks_until_idle = 4;
  static constexpr std::uint32_t looks_per_clock = 8;
  // Looks at the slot between two at the orders. Across the bus one takes a microsecond, on the
  // device a seventh.
  static constexpr std::uint32_t far_looks = 4;
  static constexpr std::uint32_t near_looks = 32;
  // A kernel that has been idle for so long takes naps so many times as long.
  static constexpr std::uint64_t deep_sleep_after_ns = 100'000'000;
  static constexpr std::uint32_t long_nap = 10;
  static constexpr std::uint32_t burst = 16;  // requests between two looks and two publications
  static constexpr std::uint64_t burst_ns = 10'000;
  static constexpr std::uint32_t room_nap_ns = 200;
  static constexpr std::uint64_t team_grace_ns = 1'000'000'000;
  static constexpr std::uint64_t heartbeat_ns = 100'000;

  RONDO_DEVICE static bool ends_at_once(command what) {
    return what == command::stop || what == command::leave;
  }
  RONDO_DEVICE bool is_once() const { return (args_.flags & flag_once) != 0; }

  RONDO_DEVICE bool is_room_now() const {
    // SYNC: slot-freed
    const std::uint64_t out_head = P::load_acquire(&out_.consumer->head);
    return m_.out_next - out_head < out_.shape.capacity;
  }

  // Whether there is no need to look: requests are left from the last time, and nothing asks for
  // attention. What was seen of the output and of the host's orders is as old as that.
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
  RONDO_DEVICE bool is_chunked_in() const { return K::is_chunked(in_); }

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
    }
    // All loads of a look are issued before the first is waited for.
    const std::uint32_t second = x_.lanes() > 1 ? 1 : 0;
    ring::chunk control{}, taken{};
    // SYNC: control
    if (is_first()) control = P::load_chunk(reinterpret_cast<const ring::chunk*>(args_.control));
    if (x_.thread() == second)
      taken = P::load_chunk(reinterpret_cast<const ring::chunk*>(out_.consumer));
    const std::uint64_t waiting = is_chunked_in() ? look_at_slot() : look_at_tail();
    seen_word_ = x_.from_lane(control.tag, 0);
    seen_lease_ = x_.from_lane(control.content[2], 0);
    if (seen_word_ != word_) seen_until_ = wide_number(control, 0);
    out_head_ = wide_number(taken, second);
    return waiting;
  }

  RONDO_DEVICE std::uint64_t look_at_tail() {
    std::uint64_t tail = 0;
    if (is_first()) tail = P::load_acquire(&in_.producer->tail);  // SYNC: tail-published
    limit_ = x_.from_lane(static_cast<std::uint32_t>(tail), 0) |
             static_cast<std::uint64_t>(x_.from_lane(static_cast<std::uint32_t>(tail >> 32), 0))
                 << 32;
    return limit_ - head_;
  }

  // 1 if the next message is complete; its content is in shared memory then.
  RONDO_DEVICE std::uint64_t look_at_slot() {
    const auto* slot = reinterpret_cast<const ring::chunk*>(in_.slot(head_));
    const bool one_each = x_.has_lane_for_each(pieces_);
    std::uint32_t there = 0, length = 0;
    ring::chunk piece{};
    const auto load = [&](std::uint32_t i) {
      piece = P::load_chunk(slot + i);  // SYNC: chunk-published
      if (piece.tag == ring::chunk_tag(head_)) there |= 1u << i;
      if (i == 0) length = piece.content[0];
    };
    if (one_each) {
      if (x_.thread() < pieces_) load(x_.thread());
    } else {
      RONDO_KEEP_LOOP
      for (std::uint32_t i = x_.thread(); i < pieces_; i += x_.lanes()) {
        load(i);
        keep(i, piece);
      }
    }
    // The message that fills its slot needs but one vote.
    if (!x_.all_of_warp(there == mine_)) {
      there = x_.any_of_warp(there);
      if ((there & 1) == 0 || !is_complete(in_, head_, there, x_.from_lane(length, 0))) return 0;
    }
    if (one_each && x_.thread() < pieces_) keep(x_.thread(), piece);
    if (one_each) first_ = piece;
    x_.sync_warp();
    return 1;
  }
  RONDO_DEVICE void keep(std::uint32_t i, const ring::chunk& piece) {
    __builtin_memcpy(__builtin_assume_aligned(in_content_ + i * ring::chunk_content_bytes, 4),
                     piece.content, ring::chunk_content_bytes);
  }

  // The first eight bytes of a line that one lane has read.
  RONDO_DEVICE std::uint64_t wide_number(const ring::chunk& line, std::uint32_t lane) const {
    return x_.from_lane(line.content[0], lane) |
           static_cast<std::uint64_t>(x_.from_lane(line.content[1], lane)) << 32;
  }

  RONDO_DEVICE ending obey() {
    if (!is_chunked_in() && limit_ - head_ > in_.shape.capacity) return ending::broken_ring;
    note_lease(seen_lease_);
    if (seen_word_ != word_) {
      word_ = seen_word_;
      switch (command_of(word_)) {
        case command::pause:
          takes_ = false;
          settle();
          tell(ending::none);
          break;
        case command::run:
          takes_ = true;
          tell(ending::none);
          break;
        case command::drain:
          takes_ = true;
          drain_until_ = seen_until_;
          break;
        case command::stop:
        case command::leave: return ending::ordered;
      }
    }
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
  RONDO_DEVICE std::uint64_t room() const { return out_.shape.capacity - (out_next_ - out_head_); }

  RONDO_DEVICE step leave() {
    if (is_first()) m_.next = step::leave;
    return step::leave;
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

  RONDO_DEVICE void note_lease(std::uint32_t lease) {
    if (lease == lease_) return;
    lease_ = lease;
    lease_seen_at_ = x_.now();
  }
  RONDO_DEVICE bool lease_lapsed() const {
    if (args_.lease_ns == 0) return false;
    const std::uint64_t now = x_.now();
    return now > lease_seen_at_ && now - lease_seen_at_ > args_.lease_ns;
  }

  RONDO_DEVICE void write_counters(std::uint32_t first, std::uint32_t stride) {
    auto* to = reinterpret_cast<ring::chunk*>(args_.counters);
    constexpr std::uint32_t pieces = sizeof(counters_line) / sizeof(ring::chunk);
    RONDO_KEEP_LOOP
    for (std::uint32_t i = first; i < pieces; i += stride) {
      ring::chunk c;
      __builtin_memcpy(&c,
                       __builtin_assume_aligned(
                           reinterpret_cast<const std::byte*>(&m_.counters) + i * sizeof c, 16),
                       sizeof c);
      P::store_chunk(to + i, c);
    }
  }
  RONDO_DEVICE void publish_counters() {
    if (is_first()) m_.counters.polls += polls_;
    polls_ = 0;
    x_.sync_warp();
    write_counters(x_.thread(), x_.lanes());
    x_.sync_warp();
  }

  RONDO_DEVICE void tell(ending how) {
    if (!is_first()) return;
    auto* line = reinterpret_cast<report_line*>(args_.report);
    P::store_release(&line->obeyed,
                     word_ | static_cast<std::uint64_t>(how) << 32);  // SYNC: report
  }

  const X& x_;
  const launch_args& args_;
  block_memory<H>& m_;
  std::byte* in_content_;
  const ring::view in_;
  const ring::view out_;
  const std::uint32_t pieces_;  // of a chunked input slot; 0: counted

  std::uint32_t mine_ = 0;  // a bit for each that this lane looks at

  ring::chunk first_{};  // this lane's piece of the last request, if each has a lane of its own

  std::uint64_t head_ = 0;   // the next request
  std::uint64_t freed_ = 0;  // what the host was told of it
  std::uint64_t limit_ = 0;  // counted: requests below are complete
  std::uint64_t drain_until_ = 0;
  std::uint64_t lease_seen_at_ = 0;
  std::uint64_t stop_seen_at_ = 0;  // by thread 0, in a team of blocks
  std::uint64_t worked_at_ = 0;     // 0: since the clock was last read
  // What the last look around brought: the orders, and what the host took of the output.
  std::uint64_t out_head_ = 0;
  std::uint64_t seen_until_ = 0;
  std::uint32_t seen_word_ = 0;
  std::uint32_t seen_lease_ = 0;
  std::uint64_t out_next_ = 0;  // as of the begin of this look
  std::uint32_t word_ = 0;
  std::uint32_t lease_ = 0;
  std::uint32_t polls_ = 0;  // not yet counted
  std::uint32_t unsettled_ = 0;
  ending ending_ = ending::none;
  bool takes_ = false;
  bool naps_ = false;
  bool naps_long_ = false;
  // Of handlers with on_timer: it is to be called now; it was called before the last look; it was
  // called in this launch.
  bool is_due_ = false;
  bool was_timer_ = false;
  bool had_timer_ = false;
};

}  // namespace rondo::device
