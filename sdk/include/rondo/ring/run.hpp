// Runs: for loops that move many messages of a ring whose slots leave the payload contiguous. What
// a consumer does for each message, and a producer for each slot, with all that stays the same in
// variables of the loop: some twenty instructions for a message where the general way takes sixty.
#pragma once

#include <rondo/ring/protocol.hpp>

namespace rondo::ring {

// How far ahead the lines of slots to be written are asked for.
inline constexpr std::uint64_t writes_ahead = 4;

// The slots of a ring, one after the other, without a multiplication for each.
class slot_cursor {
 public:
  RONDO_HD slot_cursor(std::byte* slots, const geometry& shape, std::uint64_t sequence)
      : begin_(slots),
        end_(slots + shape.capacity * shape.stride),
        stride_(shape.stride),
        at_(slots + (sequence & (shape.capacity - 1)) * shape.stride) {}
  RONDO_HD RONDO_INLINE std::byte* operator*() const { return at_; }
  RONDO_HD RONDO_INLINE bool is_first() const { return at_ == begin_; }
  // Not past the last slot.
  RONDO_HD RONDO_INLINE void skip(std::uint64_t slots) {
    at_ += slots * stride_;
    if (at_ == end_) at_ = begin_;
  }
  RONDO_HD RONDO_INLINE slot_cursor& operator++() {
    at_ += stride_;
    if (at_ == end_) at_ = begin_;
    return *this;
  }

 private:
  std::byte* const begin_;
  std::byte* const end_;
  const std::uint64_t stride_;
  std::byte* at_;
};

// Apart: writes the headers of messages that follow each other, one for as many as are alike. The
// run is complete with end(), and nothing of it may be published before. Not where the queue is
// timed.
template <class P>
class run_writer {
 public:
  RONDO_HD run_writer(const view& ring, std::uint64_t first) : ring_(ring), sequence_(first) {}

  // That of the next message.
  RONDO_HD RONDO_INLINE void put(const header_words& next) {
    if (next.what == last_.what && next.flags == last_.flags && next.id == last_.id + 1 &&
        next.correlation == last_.correlation + 1 && following_ < most && is_open_) [[likely]] {
      ++following_;
      last_.id = next.id;
      last_.correlation = next.correlation;
    } else {
      end();
      begin(next);
    }
    ++sequence_;
  }
  // Those of the next `count` messages, all alike, of which `first` is the first.
  RONDO_HD void put_alike(header_words first, std::uint64_t count) {
    for (; count > 0; --count, ++first.id, ++first.correlation) {
      put(first);
      const std::uint64_t more = count - 1;
      if (!is_open_ || more > most - following_) continue;
      following_ += static_cast<std::uint32_t>(more);
      last_.id += more;
      last_.correlation += more;
      sequence_ += more;
      return;
    }
  }
  RONDO_HD RONDO_INLINE void end() {
    if (following_ != 0) {
      last_.flags |= run_mark | std::uint64_t{following_} << 32;
      __builtin_memcpy(place_ + 8, &last_.flags, sizeof last_.flags);
    }
    is_open_ = false;
    following_ = 0;
  }
  // The next run begins here, where the reader has the line since a lap ago.
  RONDO_HD RONDO_INLINE void expect_next() const { P::prefetch_to_write(ring_.header(sequence_)); }

 private:
  static constexpr std::uint32_t most = 1u << 20;

  RONDO_HD void begin(const header_words& first) {
    place_ = ring_.header(sequence_);
    last_ = first;
    last_.flags &= ~std::uint64_t{run_mark};
    store_words(place_, last_);
    is_open_ = last_.flags >> 32 == 0;  // both have their place in `reserved`
  }

  const view& ring_;
  std::uint64_t sequence_;
  std::byte* place_ = nullptr;
  std::uint32_t following_ = 0;
  bool is_open_ = false;  // there is a run, which may go on
  header_words last_{};
};

// Takes messages one after the other, as peek() and advance() of the consumer do, and ends before
// the first that is not there, or is abandoned, malformed or given up: peek() sees to those. The
// consumer is not to be used while a run of it lives.
template <publication How, class P = platform>
class consumer_run {
  static_assert(How != publication::chunked, "a chunked message is not where its slot is");

 public:
  RONDO_HD static bool serves(const consumer<P>& of) {
    return of.ring_.shape.how == How && !of.ring_.drops_oldest;
  }
  RONDO_HD explicit consumer_run(consumer<P>& of)
      : of_(of),
        slot_(of.ring_.slots, of.ring_.shape, of.head_),
        payload_capacity_(of.ring_.shape.payload_capacity),
        payload_distance_(of.ring_.shape.payload_distance()),
        head_(of.head_),
        limit_(of.limit_),
        run_(of.ring_.consumer->run) {}
  consumer_run(const consumer_run&) = delete;
  consumer_run& operator=(const consumer_run&) = delete;
  RONDO_HD ~consumer_run() {
    if (head_ == of_.head_) return;
    of_.head_ = head_;
    of_.limit_ = limit_;
    of_.looks_ = 0;
  }

  // The next message, if there is one; it has no times. It stays until advance(), the header of one
  // whose header lies apart until the next peek().
  RONDO_HD RONDO_INLINE bool peek(message& out) {
    if constexpr (How != publication::apart) {
      return peek_at(slot_, head_, out);
    } else {
      if (head_ >= limit_ && !look_for_more(head_)) return false;
      if (head_ + slots_ahead < limit_) P::prefetch(of_.ring_.slot(head_ + slots_ahead));
      if (!is_in(run_, head_)) enter_run(of_.ring_, head_, run_);
      put_header_in(run_, head_, &header_);
      out = {&header_, nullptr, *slot_, head_};
      return is_ordinary(header_);
    }
  }
  RONDO_HD RONDO_INLINE void advance() {
    ++head_;
    ++slot_;
  }
  // How many of `most` messages, from the next on, peek() would give one after the other, and lie
  // in slots that follow each other in memory. Several are looked at before any is used: so their
  // lines come together.
  RONDO_HD std::uint64_t count_ahead(std::uint64_t most) requires(How != publication::apart) {
    slot_cursor slot = slot_;
    message found;
    std::uint64_t n = 0;
    while (n < most && peek_at(slot, head_ + n, found) && (n == 0 || !slot.is_first())) ++n, ++slot;
    return n;
  }
  // Apart: how many of `most` messages, from the next on, have that one's header but for the ids,
  // and lie in slots that follow each other. `first` is the next.
  RONDO_HD std::uint64_t count_alike(std::uint64_t most,
                                     message& first) requires(How == publication::apart) {
    if (most == 0 || !peek(first)) return 0;
    const std::uint64_t capacity = of_.ring_.shape.capacity;
    std::uint64_t n = smaller(most, capacity - (head_ & (capacity - 1)));
    n = smaller(n, run_.first + run_.messages - head_);
    // Several producers may publish a run in parts.
    if (limit_ - head_ < n) look_for_more(head_);
    n = smaller(n, limit_ - head_);
    const std::byte* slot = *slot_;
    for (std::uint64_t i = 0; i < n; ++i, slot += of_.ring_.shape.stride) {
      P::prefetch(slot);
      if (first.header->length > 64) P::prefetch(slot + 64);
    }
    return n;
  }
  RONDO_HD void advance_by(std::uint64_t n) {
    if constexpr (How == publication::apart) {  // not past the run in hand, nor the last slot
      head_ += n;
      slot_.skip(n);
    } else {
      for (; n > 0; --n) advance();
    }
  }
  // Everything that was advanced past is free.
  RONDO_HD RONDO_INLINE void publish_head() {
    P::store_release(&of_.ring_.consumer->head, head_);  // SYNC: slot-freed
    of_.released_ = head_;
  }
  RONDO_HD std::uint64_t next_sequence() const { return head_; }

 private:
  RONDO_HD static std::uint64_t smaller(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }
  RONDO_HD RONDO_INLINE bool peek_at(const slot_cursor& slot, std::uint64_t sequence,
                                     message& out) {
    const std::byte* start = *slot;
    if constexpr (How == publication::word) {
      // SYNC: slot-published
      if (P::load_acquire(reinterpret_cast<const std::uint64_t*>(start)) != sequence + 1)
        return false;
      out.payload = start + word_payload_offset;
      start += word_prefix_bytes;
    } else {
      if (sequence >= limit_ && !look_for_more(sequence)) return false;
      if (sequence + slots_ahead < limit_) {
        const std::byte* const later = of_.ring_.slot(sequence + slots_ahead);
        P::prefetch(later);
        P::prefetch(later + 64);
      }
      out.payload = start + payload_distance_;
    }
    out.header = reinterpret_cast<const envelope*>(start);
    out.times = nullptr;
    out.sequence = sequence;
    return is_ordinary(*out.header);
  }
  RONDO_HD RONDO_INLINE bool is_ordinary(const envelope& header) const {
    return header.length <= payload_capacity_ && (header.flags & RONDO_FLAG_ABANDONED) == 0;
  }
  // Whether this message is there.
  RONDO_HD bool look_for_more(std::uint64_t sequence) {
    const std::uint64_t tail = P::load_acquire(&of_.ring_.producer->tail);  // SYNC: tail-published
    if (tail - head_ - 1 >= of_.ring_.shape.capacity) return false;  // none, or what cannot be
    limit_ = tail;
    return sequence < tail;
  }

  consumer<P>& of_;
  slot_cursor slot_;
  const std::uint32_t payload_capacity_;
  const std::uint32_t payload_distance_;
  std::uint64_t head_;
  std::uint64_t limit_;          // counted: as the consumer's
  message_run& run_;             // apart: in the consumer's line
  alignas(16) envelope header_;  // apart: of the message in hand
};

// Claims and commits one slot after the other for a producer that claims alone, by word
// publication. Its claims may also be committed by the producer itself, as long as that claims
// none.
template <class P = platform>
class producer_run {
 public:
  RONDO_HD static bool serves(const producer<P>& of) {
    return of.ring_.claims_alone && of.ring_.shape.how == publication::word &&
           !of.ring_.shape.timed;
  }
  RONDO_HD explicit producer_run(producer<P>& of)
      : line_(*of.ring_.claim),
        consumer_(*of.ring_.consumer),
        capacity_(of.ring_.shape.capacity),
        next_(P::load_relaxed(&line_.next)),
        end_(P::load_relaxed(&line_.cached_head) + capacity_),
        slot_(of.ring_.slots, of.ring_.shape, next_),
        later_(of.ring_.slots, of.ring_.shape, next_ + writes_ahead) {}

  // False if there is no room. All of the claim but its capacity, which is the caller's to set
  // once.
  RONDO_HD RONDO_INLINE bool claim_next(claim& out) {
    if (next_ == end_ && !look_for_room()) return false;
    P::prefetch_to_write(*later_);
    P::prefetch_to_write(*later_ + word_payload_offset);
    ++later_;
    out.sequence = next_;
    out.payload = *slot_ + word_payload_offset;
    ++slot_;
    P::store_relaxed(&line_.next, ++next_);
    return true;
  }
  RONDO_HD RONDO_INLINE static void commit(const claim& c, const envelope& header) {
    std::byte* const slot = c.payload - word_payload_offset;
    store_words(slot + word_prefix_bytes, words_of(header));
    // SYNC: slot-published
    P::store_release(reinterpret_cast<std::uint64_t*>(slot), c.sequence + 1);
  }

 private:
  RONDO_HD bool look_for_room() {
    const std::uint64_t head = P::load_acquire(&consumer_.head);  // SYNC: slot-freed
    P::store_release(&line_.cached_head, head);                   // SYNC: head-cached
    end_ = head + capacity_;
    return next_ != end_;
  }

  claim_line& line_;
  const consumer_line& consumer_;
  const std::uint64_t capacity_;
  std::uint64_t next_;
  std::uint64_t end_;  // there is room for sequences below
  slot_cursor slot_;
  slot_cursor later_;
};

// Fills slots one after the other that a producer has claimed as a batch, and publishes them: by
// word each as soon as it is filled, since its lines are at hand then and a consumer that waits
// might have taken them later; counted all together. Not where the queue is timed.
template <publication How, class P = platform>
class filling_run {
  static_assert(How != publication::chunked, "a chunked message is not where its slot is");

 public:
  RONDO_HD static bool serves(const producer<P>& of) {
    return of.ring_.shape.how == How && !of.ring_.shape.timed;
  }
  RONDO_HD filling_run(producer<P>& of, std::uint64_t first)
      : of_(of),
        slot_(of.ring_.slots, of.ring_.shape, first),
        later_(of.ring_.slots, of.ring_.shape, first + ahead),
        prefix_(of.ring_.shape.prefix_bytes()),
        payload_distance_(of.ring_.shape.payload_distance()),
        sequence_(first),
        unpublished_(first),
        headers_(of.ring_, first) {}

  RONDO_HD RONDO_INLINE std::uint64_t sequence() const { return sequence_; }
  // Where the payload of the slot in hand begins, as long as finish() has not been called for it.
  RONDO_HD RONDO_INLINE std::byte* payload() const { return *slot_ + prefix_ + payload_distance_; }
  // Writes the envelope of the slot in hand, and goes on to the next.
  RONDO_HD RONDO_INLINE void finish(const envelope& header) {
    // Not only what was claimed: the slots of the next batch are wanted as soon.
    P::prefetch_to_write(*later_);
    if constexpr (How != publication::apart) P::prefetch_to_write(*later_ + 64);
    ++later_;
    if constexpr (How == publication::apart) headers_.put(words_of(header));
    else store_words(*slot_ + prefix_, words_of(header));
    if constexpr (How == publication::word) {
      // SYNC: slot-published
      P::store_release(reinterpret_cast<std::uint64_t*>(*slot_), sequence_ + 1);
    }
    ++sequence_;
    ++slot_;
  }
  // Everything that is finished.
  RONDO_HD void publish() {
    if constexpr (How == publication::apart) {
      headers_.end();
      headers_.expect_next();
    }
    if constexpr (How != publication::word)
      of_.commit_batch(unpublished_, sequence_ - unpublished_);
    unpublished_ = sequence_;
  }

 private:
  static constexpr std::uint64_t ahead = How == publication::word ? writes_ahead : slots_ahead;

  producer<P>& of_;
  slot_cursor slot_;
  slot_cursor later_;
  const std::uint64_t prefix_;
  const std::uint64_t payload_distance_;
  std::uint64_t sequence_;
  std::uint64_t unpublished_;
  run_writer<P> headers_;  // apart
};

// Small messages that were put together in memory of their writer's own and go into slots that
// follow each other, by word publication. A processor keeps its stores in order until it has the
// lines that they go to; where the other side has these, few stores are enough to hold up
// everything behind. So what is stored while a message is computed goes to lines that are at hand,
// and the slots get few stores, one message after the other. For a producer that claims alone.
template <class P = platform>
class staged_run {
 public:
  RONDO_HD static bool serves(const producer<P>& of) {
    return of.ring_.claims_alone && of.ring_.shape.how == publication::word &&
           !of.ring_.shape.timed;
  }
  RONDO_HD explicit staged_run(producer<P>& of) : of_(of) {}

  // How many of `most` there is room for; it stays.
  RONDO_HD std::uint64_t room(std::uint64_t most) const {
    const std::uint64_t free = of_.room(most);
    return free < most ? free : most;
  }
  // Of the first message that is published next.
  RONDO_HD std::uint64_t next_sequence() const { return of_.next_sequence(); }
  // `count` messages, no more than there is room for: envelope i is at from + i * stride, and its
  // payload right behind. Up to 32 bytes behind that are read too.
  RONDO_HD void publish(const std::byte* from, std::uint64_t stride, std::uint64_t count) {
    std::uint64_t first = 0;
    of_.try_reserve_batch(count, first);
    slot_cursor slot(of_.ring_.slots, of_.ring_.shape, first);
    for (std::uint64_t i = 0; i < count; ++i, ++slot, from += stride) {
      std::uint32_t length;
      __builtin_memcpy(&length, from, sizeof length);
      copy(*slot + word_prefix_bytes, from, sizeof(envelope));
      copy(*slot + word_payload_offset, from + sizeof(envelope), length);
      // SYNC: slot-published
      P::store_release(reinterpret_cast<std::uint64_t*>(*slot), first + i + 1);
    }
  }

 private:
  // By 32 bytes, as a slot's content ends at a multiple of that.
  RONDO_HD RONDO_INLINE static void copy(std::byte* to, const std::byte* from,
                                         std::uint32_t bytes) {
    std::uint32_t at = 0;
    do __builtin_memcpy(to + at, from + at, 32);
    while ((at += 32) < bytes);
  }

  producer<P>& of_;
};

// Messages of one size, with headers apart, that were put together in memory of their writer's own,
// in slots that follow the one of sequence `first`, which are the caller's: claimed, or free and of
// a producer that claims alone. The payloads of many go into their slots by one copy, which has the
// widest stores that the processor knows: it keeps few stores until it has the lines that they go
// to. Not where the queue is timed.
template <class P = platform>
class array_run {
 public:
  RONDO_HD static bool serves(const producer<P>& of) {
    return of.ring_.shape.how == publication::apart && !of.ring_.shape.timed;
  }
  RONDO_HD array_run(producer<P>& of, std::uint64_t first)
      : of_(of), first_(first), headers_(of.ring_, first) {}

  // Of the next messages: one, or `count` of which `header` is the first and that are alike but for
  // ids each one higher than before.
  RONDO_HD RONDO_INLINE void put(const envelope& header) { headers_.put(words_of(header)); }
  RONDO_HD void put_alike(const envelope& header, std::uint64_t count) {
    headers_.put_alike(words_of(header), count);
  }
  // What is now claimed, and has headers. Payload i, of at most `bytes`, is at from + i * stride of
  // the slots; if they leave less than a line between payloads, that is copied too.
  RONDO_HD void publish(const std::byte* from, std::uint32_t bytes, std::uint64_t count) {
    const geometry& shape = of_.ring_.shape;
    if (round_up(bytes, 64) >= shape.stride) {
      const std::uint64_t to_the_end = shape.capacity - (first_ & (shape.capacity - 1));
      const std::uint64_t unwrapped = count < to_the_end ? count : to_the_end;
      copy(of_.ring_.slot(first_), from, unwrapped * shape.stride);
      if (unwrapped < count)
        copy(of_.ring_.slots, from + unwrapped * shape.stride, (count - unwrapped) * shape.stride);
    } else {
      for (std::uint64_t i = 0; i < count; ++i)
        copy(of_.ring_.slot(first_ + i), from + i * shape.stride, bytes);
    }
    headers_.end();
    headers_.expect_next();
    of_.commit_batch(first_, count);
    first_ += count;
  }

 private:
  RONDO_HD static void copy(std::byte* to, const std::byte* from, std::uint64_t bytes) {
    __builtin_memcpy(to, from, bytes);
  }

  producer<P>& of_;
  std::uint64_t first_;
  run_writer<P> headers_;
};

}  // namespace rondo::ring
