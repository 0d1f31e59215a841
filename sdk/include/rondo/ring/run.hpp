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
        limit_(of.limit_) {}
  consumer_run(const consumer_run&) = delete;
  consumer_run& operator=(const consumer_run&) = delete;
  RONDO_HD ~consumer_run() {
    if (head_ == of_.head_) return;
    of_.head_ = head_;
    of_.limit_ = limit_;
    of_.looks_ = 0;
  }

  // The next message, if there is one; it has no times. It stays until advance().
  RONDO_HD RONDO_INLINE bool peek(message& out) { return peek_at(slot_, head_, out); }
  RONDO_HD RONDO_INLINE void advance() {
    ++head_;
    ++slot_;
  }
  // How many of `most` messages, from the next on, peek() would give one after the other, and lie
  // in slots that follow each other in memory. Several are looked at before any is used: so their
  // lines come together.
  RONDO_HD std::uint64_t count_ahead(std::uint64_t most) {
    slot_cursor slot = slot_;
    message found;
    std::uint64_t n = 0;
    while (n < most && peek_at(slot, head_ + n, found) && (n == 0 || !slot.is_first())) ++n, ++slot;
    return n;
  }
  RONDO_HD void advance_by(std::uint64_t n) {
    for (; n > 0; --n) advance();
  }
  // Everything that was advanced past is free.
  RONDO_HD RONDO_INLINE void publish_head() {
    P::store_release(&of_.ring_.consumer->head, head_);  // SYNC: slot-freed
    of_.released_ = head_;
  }
  RONDO_HD std::uint64_t next_sequence() const { return head_; }

 private:
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
    return out.header->length <= payload_capacity_ &&
           (out.header->flags & RONDO_FLAG_ABANDONED) == 0;
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
  std::uint64_t limit_;  // counted: as the consumer's
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
    producer<P>::put_header(slot + word_prefix_bytes, header);
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
        unpublished_(first) {}

  RONDO_HD RONDO_INLINE std::uint64_t sequence() const { return sequence_; }
  // Where the payload of the slot in hand begins, as long as finish() has not been called for it.
  RONDO_HD RONDO_INLINE std::byte* payload() const { return envelope_place() + payload_distance_; }
  // Writes the envelope of the slot in hand, and goes on to the next.
  RONDO_HD RONDO_INLINE void finish(const envelope& header) {
    // Not only what was claimed: the slots of the next batch are wanted as soon.
    P::prefetch_to_write(*later_);
    P::prefetch_to_write(*later_ + 64);
    ++later_;
    producer<P>::put_header(envelope_place(), header);
    if constexpr (How == publication::word) {
      // SYNC: slot-published
      P::store_release(reinterpret_cast<std::uint64_t*>(*slot_), sequence_ + 1);
    }
    ++sequence_;
    ++slot_;
  }
  // Everything that is finished.
  RONDO_HD void publish() {
    if constexpr (How == publication::counted)
      of_.commit_batch(unpublished_, sequence_ - unpublished_);
    unpublished_ = sequence_;
  }

 private:
  static constexpr std::uint64_t ahead = How == publication::word ? writes_ahead : slots_ahead;

  RONDO_HD RONDO_INLINE std::byte* envelope_place() const { return *slot_ + prefix_; }

  producer<P>& of_;
  slot_cursor slot_;
  slot_cursor later_;
  const std::uint64_t prefix_;
  const std::uint64_t payload_distance_;
  std::uint64_t sequence_;
  std::uint64_t unpublished_;
};

// Small messages that were put together in memory of their writer's own and go into slots that
// follow each other. A processor keeps its stores in order until it has the lines that they go to;
// where the other side has these, few stores are enough to hold up everything behind. So what is
// stored while a message is computed goes to lines that are at hand, and the slots get few stores,
// one message after the other. For a producer that claims alone.
template <publication How, class P = platform>
class staged_run {
  static_assert(How != publication::chunked, "a chunked message is not where its slot is");

 public:
  RONDO_HD static bool serves(const producer<P>& of) {
    return of.ring_.claims_alone && of.ring_.shape.how == How && !of.ring_.shape.timed;
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
      if constexpr (How == publication::counted) {
        copy(*slot, from, sizeof(envelope) + length);
      } else {
        copy(*slot + word_prefix_bytes, from, sizeof(envelope));
        copy(*slot + word_payload_offset, from + sizeof(envelope), length);
        // SYNC: slot-published
        P::store_release(reinterpret_cast<std::uint64_t*>(*slot), first + i + 1);
      }
    }
    if constexpr (How == publication::counted) of_.commit_batch(first, count);
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

}  // namespace rondo::ring
