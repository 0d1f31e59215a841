// Runs: for loops that move many messages of a ring whose slots leave the payload contiguous. What
// a consumer does for each message, and a producer for each slot, with all that stays the same in
// variables of the loop: some twenty instructions for a message where the general way takes sixty.
#pragma once

#include <rondo/ring/protocol.hpp>

namespace rondo::ring {

// How far ahead the lines of slots to be written are asked for.
inline constexpr std::uint64_t writes_ahead = 4;

// Takes messages one after the other, as peek() and advance() of the consumer do, and ends before
// the first that is not there, or is abandoned, malformed or given up: peek() sees to those. Always
// at its end where publication is chunked. The consumer is not to be used while a run of it lives.
template <class P = platform>
class consumer_run {
 public:
  RONDO_HD explicit consumer_run(consumer<P>& of)
      : of_(of),
        slots_(of.ring_.slots),
        mask_(of.ring_.shape.capacity - 1),
        stride_(of.ring_.shape.stride),
        payload_capacity_(of.ring_.shape.payload_capacity),
        payload_distance_(of.ring_.shape.payload_distance()),
        is_open_(of.ring_.shape.how != publication::chunked && !of.ring_.drops_oldest),
        is_word_(is_open_ && of.ring_.shape.how == publication::word),
        head_(of.head_),
        limit_(is_open_ ? of.limit_ : head_) {}
  consumer_run(const consumer_run&) = delete;
  consumer_run& operator=(const consumer_run&) = delete;
  RONDO_HD ~consumer_run() {
    if (head_ == of_.head_) return;
    of_.head_ = head_;
    of_.limit_ = limit_;
    of_.looks_ = 0;
  }

  // The next message, if there is one; it has no times. It stays until advance().
  RONDO_HD RONDO_INLINE bool peek(message& out) {
    const std::byte* start = slots_ + (head_ & mask_) * stride_;
    if (is_word_) {
      // SYNC: slot-published
      if (P::load_acquire(reinterpret_cast<const std::uint64_t*>(start)) != head_ + 1) return false;
      start += word_prefix_bytes;
    } else {
      if (head_ >= limit_ && !look_for_more()) return false;
      if (head_ + slots_ahead < limit_) {
        const std::byte* const later = slots_ + ((head_ + slots_ahead) & mask_) * stride_;
        P::prefetch(later);
        P::prefetch(later + 64);
      }
    }
    out.header = reinterpret_cast<const envelope*>(start);
    out.times = nullptr;
    out.payload = start + payload_distance_;
    out.sequence = head_;
    return out.header->length <= payload_capacity_ &&
           (out.header->flags & RONDO_FLAG_ABANDONED) == 0;
  }
  RONDO_HD RONDO_INLINE void advance() { ++head_; }
  // Everything that was advanced past is free.
  RONDO_HD RONDO_INLINE void publish_head() {
    P::store_release(&of_.ring_.consumer->head, head_);  // SYNC: slot-freed
    of_.released_ = head_;
  }
  RONDO_HD std::uint64_t next_sequence() const { return head_; }

 private:
  RONDO_HD bool look_for_more() {
    if (!is_open_) return false;
    const std::uint64_t tail = P::load_acquire(&of_.ring_.producer->tail);  // SYNC: tail-published
    if (tail - head_ - 1 > mask_) return false;  // none, or what cannot be
    limit_ = tail;
    return true;
  }

  consumer<P>& of_;
  const std::byte* const slots_;
  const std::uint64_t mask_;
  const std::uint64_t stride_;
  const std::uint32_t payload_capacity_;
  const std::uint32_t payload_distance_;
  const bool is_open_;
  const bool is_word_;
  std::uint64_t head_;
  std::uint64_t limit_;
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
        slots_(of.ring_.slots),
        mask_(of.ring_.shape.capacity - 1),
        stride_(of.ring_.shape.stride),
        next_(P::load_relaxed(&line_.next)),
        end_(P::load_relaxed(&line_.cached_head) + of.ring_.shape.capacity) {}

  // False if there is no room. All of the claim but its capacity, which is the caller's to set
  // once.
  RONDO_HD RONDO_INLINE bool claim_next(claim& out) {
    if (next_ == end_ && !look_for_room()) return false;
    std::byte* const later = slots_ + ((next_ + writes_ahead) & mask_) * stride_;
    P::prefetch_to_write(later);
    P::prefetch_to_write(later + word_payload_offset);
    out.sequence = next_;
    out.payload = slots_ + (next_ & mask_) * stride_ + word_payload_offset;
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
    end_ = head + mask_ + 1;
    return next_ != end_;
  }

  claim_line& line_;
  const consumer_line& consumer_;
  std::byte* const slots_;
  const std::uint64_t mask_;
  const std::uint64_t stride_;
  std::uint64_t next_;
  std::uint64_t end_;  // there is room for sequences below
};

// Fills slots one after the other that a producer has claimed as a batch; commit_batch() publishes
// them. Not where publication is chunked or the queue timed.
template <class P = platform>
class filling_run {
 public:
  RONDO_HD static bool serves(const producer<P>& of) {
    return of.ring_.shape.how != publication::chunked && !of.ring_.shape.timed;
  }
  RONDO_HD filling_run(const producer<P>& of, std::uint64_t first)
      : slots_(of.ring_.slots),
        mask_(of.ring_.shape.capacity - 1),
        stride_(of.ring_.shape.stride),
        prefix_(of.ring_.shape.prefix_bytes()),
        payload_distance_(of.ring_.shape.payload_distance()),
        is_counted_(of.ring_.shape.how == publication::counted),
        sequence_(first) {}

  RONDO_HD RONDO_INLINE std::uint64_t sequence() const { return sequence_; }
  // Where the payload of the slot in hand begins, as long as header() has not been called for it.
  RONDO_HD RONDO_INLINE std::byte* payload() const { return envelope_place() + payload_distance_; }
  // Writes the envelope of the slot in hand, and goes on to the next.
  RONDO_HD RONDO_INLINE void finish(const envelope& header) {
    producer<P>::put_header(envelope_place(), header);
    ++sequence_;
    if (is_counted_) {
      // Not only what was claimed: the slots of the next batch are wanted as soon.
      const std::byte* const later = slots_ + ((sequence_ + slots_ahead) & mask_) * stride_;
      P::prefetch_to_write(later);
      P::prefetch_to_write(later + 64);
    }
  }

 private:
  RONDO_HD RONDO_INLINE std::byte* envelope_place() const {
    return slots_ + (sequence_ & mask_) * stride_ + prefix_;
  }

  std::byte* const slots_;
  const std::uint64_t mask_;
  const std::uint64_t stride_;
  const std::uint64_t prefix_;
  const std::uint64_t payload_distance_;
  const bool is_counted_;
  std::uint64_t sequence_;
};

}  // namespace rondo::ring
