// How messages enter and leave a ring. `producer` claims, fills and publishes slots; `consumer`
// peeks and releases them. Both work on a `view`, the addresses of one ring lane as this side sees
// them, and never wait: full and empty are answers. Any number of threads may share a producer; a
// consumer belongs to one thread at a time.
//
// The way of a message, word publication:
//   1. The producer claims a sequence s by raising claim_line.next, if s - head < capacity.
//   2. It writes payload and envelope into slot s mod capacity; nobody else touches that slot.
//   3. It stores s + 1 into the slot's word with release order. The message is now published.
//   4. The consumer loads the word of its next slot with acquire order, sees s + 1, reads in place.
//   5. It stores s + 1 into consumer_line.head with release order. The slot is now free.
// Counted publication, with headers apart or not, replaces the word by one tail for all slots,
// chunked by a tag in each chunk.
#pragma once

#include <rondo/ring/layout.hpp>

namespace rondo::ring {

// How far ahead, in a batch of counted slots, the lines of a slot are asked for. The other side had
// them, perhaps across a bus, and fetching one takes as long as handling some messages.
inline constexpr std::uint64_t slots_ahead = 8;

// Labels: each release and the acquire that pairs with it carry the same SYNC comment.

struct view {
  std::byte* slots = nullptr;
  std::byte* headers = nullptr;  // apart only
  producer_line* producer = nullptr;
  consumer_line* consumer = nullptr;
  claim_line* claim = nullptr;     // producing side only
  std::uint64_t* ready = nullptr;  // producing side only, counted, several producers
  geometry shape;
  bool one_producer = false;
  bool drops_oldest = false;  // the consumer must look at discard_below
  bool whole_lines = false;   // chunked: the producer writes 64 bytes with one store
  // One thread produces and nobody calls close(): a claim needs no read-modify-write.
  bool claims_alone = false;

  RONDO_HD std::byte* slot(std::uint64_t sequence) const {
    return slots + (sequence & (shape.capacity - 1)) * shape.stride;
  }
  // Where the header of this slot's message is, or would be. Not chunked.
  RONDO_HD std::byte* header(std::uint64_t sequence) const {
    if (shape.how != publication::apart) return slot(sequence) + shape.prefix_bytes();
    return headers + (sequence & (shape.capacity - 1)) * shape.header_bytes();
  }
};

// One message, readable until it is released. A chunked one is put together in the consumer, and so
// is the header of one whose header lies apart: these end with the next peek() as well.
struct message {
  const envelope* header = nullptr;
  const envelope_times* times = nullptr;  // nullptr unless the queue is timed
  const std::byte* payload = nullptr;     // aligned, see QUEUE-22
  std::uint64_t sequence = 0;
};

// One claimed slot. Write at most `capacity` bytes to `payload`, then commit or abandon, once.
// Large because a chunked message is put together here; leave it uninitialised on a stack.
struct claim {
  std::uint64_t sequence;
  std::byte* payload;  // aligned, see QUEUE-22
  std::uint32_t capacity;
  alignas(16) std::byte scratch[max_chunked_content];
};

RONDO_HD inline std::uint32_t chunk_tag(std::uint64_t sequence) {
  return static_cast<std::uint32_t>(sequence + 1);
}

RONDO_HD inline std::uint32_t chunks_for(std::uint32_t content_bytes) {
  return (content_bytes + chunk_content_bytes - 1) / chunk_content_bytes;
}

RONDO_HD inline std::uint32_t chunks_in_slot(const geometry& shape) {
  return chunks_for(shape.header_bytes() + shape.payload_capacity);
}

// Whether every chunk of the slot must be written, and awaited, for this sequence, see RING-02.
// True for one lap in chunk_refresh_period sequences.
RONDO_HD inline bool must_refresh(const geometry& shape, std::uint64_t sequence) {
  return (sequence & (chunk_refresh_period - 1)) < shape.capacity;
}

RONDO_HD RONDO_INLINE header_words words_of(const envelope& header) {
  return {header.length | std::uint64_t{header.type} << 32 | std::uint64_t{header.version} << 48,
          header.flags | std::uint64_t{header.reserved} << 32, header.message_id,
          header.correlation_id};
}
// Put together in registers, as fields that were stored one by one could not be handed to a wider
// load. Also one after the other, and not as half as many that are twice as wide: such a load of
// what was just stored by single words could not be served before these have reached the cache, and
// that takes until all stores before them have, those to lines of the other side too.
RONDO_HD RONDO_INLINE header_words load_words(const void* from) {
  const auto* const at = static_cast<const std::byte*>(from);
  header_words words;
  __builtin_memcpy(&words.what, at, 8);
  platform::work_out(words.what);
  __builtin_memcpy(&words.flags, at + 8, 8);
  platform::work_out(words.flags);
  __builtin_memcpy(&words.id, at + 16, 8);
  platform::work_out(words.id);
  __builtin_memcpy(&words.correlation, at + 24, 8);
  platform::work_out(words.correlation);
  return words;
}
RONDO_HD RONDO_INLINE void store_words(void* to, const header_words& words) {
  auto* const at = static_cast<std::byte*>(to);
  __builtin_memcpy(at, &words.what, 8);
  __builtin_memcpy(at + 8, &words.flags, 8);
  __builtin_memcpy(at + 16, &words.id, 8);
  __builtin_memcpy(at + 24, &words.correlation, 8);
}

// Apart: the run that begins with the message of `sequence`, which is complete.
RONDO_HD inline void enter_run(const view& ring, std::uint64_t sequence, message_run& out) {
  header_words first = load_words(ring.header(sequence));
  out.first = sequence;
  out.messages = 1;
  if ((first.flags & run_mark) != 0) {
    out.messages += first.flags >> 32;
    first.flags = static_cast<std::uint32_t>(first.flags) & ~run_mark;
  }
  store_words(&out.header, first);
}
RONDO_HD RONDO_INLINE bool is_in(const message_run& run, std::uint64_t sequence) {
  return sequence - run.first < run.messages;
}
RONDO_HD RONDO_INLINE void put_header_in(const message_run& run, std::uint64_t sequence,
                                         void* out) {
  header_words header = load_words(&run.header);
  header.id += sequence - run.first;
  header.correlation += sequence - run.first;
  store_words(out, header);
}

template <publication How, class P>
class consumer_run;
template <class P>
class producer_run;
template <class P>
class run_writer;
template <publication How, class P>
class filling_run;
template <class P>
class staged_run;
template <class P>
class array_run;

template <class P = platform>
class producer {
 public:
  producer() = default;
  RONDO_HD explicit producer(const view& ring) : ring_(ring) {}

  // The slot that try_reserve() claims, for a payload of at most `bytes`, nobody else gets
  // [RING-08]. OK, FULL, TOO_LARGE. `more_follow`, which only saves time: the next comes before an
  // answer to this one.
  RONDO_HD RONDO_INLINE rondo_status try_reserve(std::uint32_t bytes, claim& out,
                                                 bool more_follow = true) {
    if (bytes > ring_.shape.payload_capacity) return RONDO_TOO_LARGE;
    if (claim_up_to(1, out.sequence, more_follow) == 0) return RONDO_FULL;
    prepare(out);
    return RONDO_OK;
  }

  // A message is about to be written: asks for its slot's lines, which a consumer that waits has.
  // Some 30 ns ahead is best: by then they are here, and the consumer has not taken them again.
  RONDO_HD RONDO_INLINE void expect_to_write() const {
    if (ring_.shape.how == publication::word)
      ask_for(P::load_relaxed(&ring_.claim->next) & ~closed_mark);
  }

  // Claim up to `count` consecutive slots, as many as are free; returns how many. Turn each into a
  // claim with take(); commit each, or fill() all of them and commit_batch().
  RONDO_HD std::uint64_t try_reserve_batch(std::uint64_t count, std::uint64_t& first) {
    put_before_lines();
    return claim_up_to(count, first, true);
  }
  RONDO_HD void take(std::uint64_t sequence, claim& out) {
    out.sequence = sequence;
    prepare(out);
    if (ring_.shape.is_counted()) {
      // Not only what was claimed: the slots of the next batch are wanted as soon.
      const std::byte* later = ring_.slot(sequence + slots_ahead);
      P::prefetch_to_write(later);
      P::prefetch_to_write(later + 64);
    }
  }

  // How many slots, at least `count` if there are as many, could be claimed now. For who claims
  // alone they stay free.
  RONDO_HD std::uint64_t room(std::uint64_t count) const {
    claim_line& line = *ring_.claim;
    const std::uint64_t next = P::load_relaxed(&line.next);
    const std::uint64_t free = free_slots(next, P::load_acquire(&line.cached_head));
    if (free >= count) return free;
    // SYNC: slot-freed
    const std::uint64_t head = P::load_acquire(&ring_.consumer->head);
    P::store_release(&line.cached_head, head);  // SYNC: head-cached
    return free_slots(next, head);
  }

  // Publish. The caller keeps header.length within the claim's capacity. `times` is read if the
  // queue is timed and may be nullptr, meaning none. Claims may be committed in any order, and what
  // is committed is seen when all claimed before it are [RING-13]. With counted publication by one
  // producer, which keeps no marks, the caller commits in the order of its claims.
  RONDO_HD RONDO_INLINE void commit(claim& c, const envelope& header,
                                    const envelope_times* times = nullptr) {
    if (ring_.shape.how == publication::word) [[likely]] {
      auto* word = reinterpret_cast<std::uint64_t*>(c.payload - word_payload_offset);
      const std::uint64_t sequence = c.sequence;
      write_header(c, header, times);
      P::store_release(word, sequence + 1);  // SYNC: slot-published
      return;
    }
    put_before_lines();
    fill(c, header, times);
    commit_batch(c.sequence, 1);
  }

  // The two halves of commit(), so that a batch is published at once. The caller does not write to
  // a filled slot again; chunked, it may be seen before commit_batch().
  RONDO_HD RONDO_INLINE void fill(claim& c, const envelope& header,
                                  const envelope_times* times = nullptr) {
    write_header(c, header, times);
    if (ring_.shape.how == publication::chunked) write_chunks(c, header.length);
  }
  // Publish slots first to first + count - 1, all of them filled by the caller.
  RONDO_HD void commit_batch(std::uint64_t first, std::uint64_t count) {
    if (count == 0) return;
    switch (ring_.shape.how) {
      case publication::word: return publish_words(first, count);
      case publication::counted:
      case publication::apart: publish_counted(first, count); return;
      case publication::chunked:
        if (ring_.whole_lines) P::flush_lines();
        return;
    }
  }

  // A slot that abandon() gives up is skipped by consumers and counted [RING-07].
  RONDO_HD void abandon(claim& c) {
    envelope header{};
    header.flags = RONDO_FLAG_ABANDONED;
    commit(c, header);
  }

  // Copy one message in. OK, FULL, TOO_LARGE.
  RONDO_HD rondo_status try_push(const envelope& header, const void* payload,
                                 const envelope_times* times = nullptr) {
    claim c;
    const rondo_status status = try_reserve(header.length, c);
    if (status != RONDO_OK) return status;
    if (header.length != 0) __builtin_memcpy(c.payload, payload, header.length);
    commit(c, header, times);
    return RONDO_OK;
  }

  // The consumer is asked by discard_below() to drop and count all older than `sequence` [RING-10].
  // One thread at a time.
  RONDO_HD void discard_below(std::uint64_t sequence) {
    P::store_relaxed(&ring_.producer->discard_below, sequence);
  }

  // The ring is full: ask the consumer to drop as many of the oldest as `count` messages need. Then
  // try again until it has. Any thread, and it may be repeated: what is asked for follows from what
  // was claimed, so nobody's message is given up twice. That of two threads the one that asked for
  // less may have the last word only costs the other's next call. False if the ring is closed, and
  // then nothing is asked for.
  RONDO_HD bool drop_oldest(std::uint64_t count) {
    const std::uint64_t capacity = ring_.shape.capacity;
    const std::uint64_t next = P::load_relaxed(&ring_.claim->next);
    if ((next & closed_mark) != 0) return false;
    const std::uint64_t kept = count < capacity ? capacity - count : 0;
    if (next > kept && next - kept > P::load_relaxed(&ring_.producer->discard_below))
      P::store_relaxed(&ring_.producer->discard_below, next - kept);
    return true;
  }

  // After close() every claim is refused as FULL [RING-11]; returns the first that was not made, so
  // that what was accepted and what was not is decided in one step. Any thread, with no other
  // close() or reopen() at the time.
  RONDO_HD std::uint64_t close() {
    std::uint64_t next = P::load_relaxed(&ring_.claim->next);
    while ((next & closed_mark) == 0 &&
           !P::compare_exchange(&ring_.claim->next, next, next | closed_mark)) {
    }
    return next & ~closed_mark;
  }
  RONDO_HD void reopen() { P::store_relaxed(&ring_.claim->next, next_sequence()); }

  // The sequence that the next claim gets, a snapshot.
  RONDO_HD std::uint64_t next_sequence() const {
    return P::load_relaxed(&ring_.claim->next) & ~closed_mark;
  }
  // Claimed and not released, a snapshot. In this order, or what is claimed and released between
  // the two looks would count too.
  RONDO_HD std::uint64_t depth() const {
    const std::uint64_t next = P::load_acquire(&ring_.claim->next) & ~closed_mark;
    const std::uint64_t head = P::load_acquire(&ring_.consumer->head);
    return next > head ? next - head : 0;
  }
  RONDO_HD const geometry& shape() const { return ring_.shape; }

 private:
  // Far above any sequence, and far enough below 2^63 that `next - head` stays positive: a closed
  // ring looks full.
  static constexpr std::uint64_t closed_mark = std::uint64_t{1} << 62;

  RONDO_HD RONDO_INLINE std::uint64_t claim_up_to(std::uint64_t count, std::uint64_t& first,
                                                  bool more_follow) {
    claim_line& line = *ring_.claim;
    std::uint64_t next = P::load_relaxed(&line.next);
    for (;;) {
      // SYNC: head-cached. Acquire, because another producer may have read the head for us.
      std::uint64_t free = free_slots(next, P::load_acquire(&line.cached_head));
      if (free < count) {
        // SYNC: slot-freed
        const std::uint64_t head = P::load_acquire(&ring_.consumer->head);
        P::store_release(&line.cached_head, head);  // SYNC: head-cached
        free = free_slots(next, head);
        if (free == 0) {
          const std::uint64_t now = P::load_relaxed(&line.next);
          if (now == next) return 0;
          next = now;
          continue;
        }
      }
      const std::uint64_t got = free < count ? free : count;
      // In a stream the consumer has read the slot after this one a lap ago, and has its lines: get
      // them back while this message is written.
      if (more_follow && free > got && ring_.shape.how == publication::word) ask_for(next + got);
      if (ring_.claims_alone) {
        P::store_relaxed(&line.next, next + got);
        first = next;
        return got;
      }
      // Also with one producer: close() may come from another thread.
      if (P::compare_exchange(&line.next, next, next + got)) {
        first = next;
        return got;
      }
    }
  }

  RONDO_HD void ask_for(std::uint64_t sequence) const {
    std::byte* slot = ring_.slot(sequence);
    P::prefetch_to_write(slot + word_payload_offset);
    P::prefetch_to_write(slot);
  }

  // `next` may be older than `head` when other producers were quick; the claim then fails later.
  RONDO_HD std::uint64_t free_slots(std::uint64_t next, std::uint64_t head) const {
    const auto used = static_cast<std::int64_t>(next - head);
    if (used < 0) return ring_.shape.capacity;
    const auto taken = static_cast<std::uint64_t>(used);
    return taken < ring_.shape.capacity ? ring_.shape.capacity - taken : 0;
  }

  RONDO_HD void prepare(claim& c) {
    c.capacity = ring_.shape.payload_capacity;
    if (ring_.shape.how == publication::word) [[likely]] {
      c.payload = ring_.slot(c.sequence) + word_payload_offset;
      return;
    }
    std::byte* start = ring_.slot(c.sequence);
    if (ring_.shape.how == publication::chunked) {
      start = c.scratch;
      // Never more, see make_geometry(); said here for the compiler, which sees what is copied.
      if (c.capacity > max_chunked_content) c.capacity = max_chunked_content;
    }
    c.payload = start + ring_.shape.payload_distance();
  }

  // What the caller wrote into memory that the consumer reads beside the ring, buffers that both
  // see, comes before the message: lines are not ordered behind other stores. Once for a batch, as
  // it waits for the lines of the message before.
  RONDO_HD void put_before_lines() const {
    if (ring_.whole_lines) P::flush_lines();
  }

  RONDO_HD RONDO_INLINE void write_header(claim& c, const envelope& header,
                                          const envelope_times* times) {
    const bool is_apart = ring_.shape.how == publication::apart;
    std::byte* start =
        is_apart ? ring_.header(c.sequence) : c.payload - ring_.shape.payload_distance();
    // A consumer that waits has taken the line; asked for now, it comes along with the payload's.
    if (ring_.shape.how == publication::word) P::prefetch_to_write(start);
    header_words words = words_of(header);
    if (is_apart) words.flags &= ~std::uint64_t{run_mark};
    store_words(start, words);
    if (ring_.shape.timed) {
      const envelope_times none{};
      __builtin_memcpy(start + sizeof header, times != nullptr ? times : &none, sizeof none);
    }
  }

  // Several producers finish in any order, and tail must rise in order: each marks its sequence
  // ready, and whoever gets the `publishing` mark moves tail past all that are ready. Nobody waits.
  RONDO_HD void publish_counted(std::uint64_t first, std::uint64_t count) {
    if (ring_.one_producer) {
      P::store_release(&ring_.producer->tail, first + count);  // SYNC: tail-published
      return;
    }
    claim_line& line = *ring_.claim;
    for (std::uint64_t s = first; s != first + count; ++s)
      P::store_release(ready_mark(s), s + 1);  // SYNC: ready-marked
    for (;;) {
      // SYNC: publishing. If another producer has the mark, its exchange below comes after ours and
      // acquires it, so its second look finds our ready mark.
      if (P::exchange_acq_rel(&line.publishing, 1) != 0) return;
      std::uint64_t tail = P::load_relaxed(&line.published);
      const std::uint64_t before = tail;
      while (P::load_acquire(ready_mark(tail)) == tail + 1) ++tail;  // SYNC: ready-marked
      if (tail != before) {
        P::store_relaxed(&line.published, tail);
        P::store_release(&ring_.producer->tail, tail);  // SYNC: tail-published
      }
      P::exchange_acq_rel(&line.publishing, 0);  // SYNC: publishing
      if (P::load_acquire(ready_mark(tail)) != tail + 1) return;
    }
  }

  RONDO_HD void publish_words(std::uint64_t first, std::uint64_t count) {
    std::byte* const slots = ring_.slots;
    const std::uint64_t mask = ring_.shape.capacity - 1;
    const std::uint64_t stride = ring_.shape.stride;
    for (std::uint64_t s = first; s != first + count; ++s) {
      // SYNC: slot-published
      P::store_release(reinterpret_cast<std::uint64_t*>(slots + (s & mask) * stride), s + 1);
    }
  }

  RONDO_HD std::uint64_t* ready_mark(std::uint64_t sequence) const {
    return &ring_.ready[sequence & (ring_.shape.capacity - 1)];
  }

  // Last to first, so that whoever sees the first chunk usually sees them all.
  RONDO_HD void write_chunks(claim& c, std::uint32_t length) {
    const std::uint32_t content = ring_.shape.header_bytes() + length;
    std::uint32_t written =
        must_refresh(ring_.shape, c.sequence) ? chunks_in_slot(ring_.shape) : chunks_for(content);
    if (ring_.whole_lines) written = round_up(written, chunks_in_line);
    // Bytes behind the message are sent too: they must not be whatever the stack held.
    for (std::uint32_t i = content; i < written * chunk_content_bytes; ++i)
      c.scratch[i] = std::byte{0};
    auto* out = reinterpret_cast<chunk*>(ring_.slot(c.sequence));
    if (ring_.whole_lines) {
      chunk line[chunks_in_line];
      for (std::uint32_t k = written; k > 0; k -= chunks_in_line) {
        const std::uint32_t first = k - chunks_in_line;
        for (std::uint32_t i = 0; i < chunks_in_line; ++i) line[i] = chunk_of(c, first + i);
        P::store_line(out + first, line);  // SYNC: chunk-published
      }
      return;
    }
    for (std::uint32_t k = written; k-- > 0;)
      P::store_chunk(out + k, chunk_of(c, k));  // SYNC: chunk-published
  }

  RONDO_HD static chunk chunk_of(const claim& c, std::uint32_t k) {
    chunk piece;
    piece.tag = chunk_tag(c.sequence);
    __builtin_memcpy(piece.content, c.scratch + k * chunk_content_bytes, chunk_content_bytes);
    return piece;
  }

  friend class producer_run<P>;
  friend class run_writer<P>;
  template <publication, class>
  friend class filling_run;
  friend class staged_run<P>;
  friend class array_run<P>;
  view ring_;
};

template <class P = platform>
class consumer {
 public:
  consumer() = default;
  RONDO_HD explicit consumer(const view& ring)
      : ring_(ring),
        head_(P::load_relaxed(&ring.consumer->head)),
        skipped_(P::load_relaxed(&ring.consumer->skipped)),
        limit_(head_),
        released_(head_) {}

  // Whether the producers have asked for this message to be dropped. For a consumer that wants to
  // see it first, and therefore has a view that does not say drops_oldest.
  RONDO_HD bool is_given_up(std::uint64_t sequence) const {
    return sequence < P::load_relaxed(&ring_.producer->discard_below);
  }

  // peek() gives the oldest message, and all of it [RING-05]. The message that peek() gave stays as
  // it is until release() [RING-06]. OK, EMPTY, MALFORMED (its length is beyond the slot: header is
  // filled, payload is nullptr; release() it), INTERNAL (the producing side's counter is
  // impossible: the ring is broken).
  RONDO_HD rondo_status peek(message& out) {
    for (;;) {
      const rondo_status status = look(out);
      if (status != RONDO_OK && status != RONDO_MALFORMED) return status;
      const bool abandoned = (out.header->flags & RONDO_FLAG_ABANDONED) != 0;
      if (!abandoned && !is_discarded()) return status;
      P::store_relaxed(&ring_.consumer->skipped, ++skipped_);
      // What the caller advanced past may still be read: then this slot is freed with that batch.
      const bool batch_is_open = head_ != released_;
      advance();
      if (!batch_is_open) publish_head();
    }
  }

  // Done with the message that peek() gave: its slot is free.
  RONDO_HD void release() {
    advance();
    publish_head();
  }

  // The two halves of release(), so that a batch frees its slots with one store.
  RONDO_HD void advance() {
    ++head_;
    looks_ = 0;
  }
  RONDO_HD void publish_head() {
    P::store_release(&ring_.consumer->head, head_);  // SYNC: slot-freed
    released_ = head_;
  }

  // Copy one message out. OK, EMPTY, TOO_LARGE (it stays), MALFORMED (it is gone), INTERNAL.
  RONDO_HD rondo_status try_pop(envelope& header, void* payload, std::uint32_t capacity) {
    message m;
    rondo_status status = peek(m);
    if (status == RONDO_EMPTY || status == RONDO_INTERNAL) return status;
    header = *m.header;
    if (status == RONDO_OK) {
      if (header.length > capacity) return RONDO_TOO_LARGE;
      if (header.length != 0) __builtin_memcpy(payload, m.payload, header.length);
    }
    release();
    return status;
  }

  // A look that is as short as can be, for loops that wait: if false, peek() would say EMPTY.
  RONDO_HD bool may_have_message() {
    switch (ring_.shape.how) {
      case publication::word: return is_published(ring_.slot(head_));
      case publication::counted:
      case publication::apart:
        // SYNC: tail-published. Relaxed: peek() reads it again.
        return head_ != limit_ || P::load_relaxed(&ring_.producer->tail) != head_;
      case publication::chunked: break;
    }
    // SYNC: chunk-published
    return P::load_chunk(reinterpret_cast<const chunk*>(ring_.slot(head_))).tag == chunk_tag(head_);
  }

  RONDO_HD std::uint64_t next_sequence() const { return head_; }
  RONDO_HD std::uint64_t skipped() const { return skipped_; }
  RONDO_HD const geometry& shape() const { return ring_.shape; }

 private:
  static constexpr std::uint32_t looks_with_payload = 32;

  // Word publication: whether this slot, the next one, has its message.
  RONDO_HD bool is_published(const std::byte* slot) {
    // The payload's line comes together with the word's, not after it. Only in the first looks:
    // whoever takes long to write it in place must not lose it again and again.
    if (looks_ < looks_with_payload) {
      ++looks_;
      P::prefetch(slot + word_payload_offset);
    }
    // SYNC: slot-published
    return P::load_acquire(reinterpret_cast<const std::uint64_t*>(slot)) == head_ + 1;
  }

  RONDO_HD rondo_status look(message& out) {
    if (ring_.shape.how == publication::word) [[likely]] {
      const std::byte* slot = ring_.slot(head_);
      if (!is_published(slot)) return RONDO_EMPTY;
      return describe(slot + word_prefix_bytes, slot + word_payload_offset, out);
    }
    switch (ring_.shape.how) {
      case publication::word: break;
      case publication::counted:
      case publication::apart:
        if (head_ == limit_) {
          limit_ = P::load_acquire(&ring_.producer->tail);  // SYNC: tail-published
          if (head_ == limit_) return RONDO_EMPTY;
          if (limit_ - head_ > ring_.shape.capacity) {
            limit_ = head_;
            return RONDO_INTERNAL;
          }
        }
        if (head_ + slots_ahead < limit_) {
          P::prefetch(ring_.slot(head_ + slots_ahead));
          P::prefetch(ring_.slot(head_ + slots_ahead) + 64);
        }
        if (ring_.shape.how == publication::apart) return describe_apart(out);
        return describe(ring_.slot(head_), ring_.slot(head_) + ring_.shape.payload_distance(), out);
      case publication::chunked: return gather(out);
    }
    return RONDO_INTERNAL;
  }

  RONDO_HD rondo_status describe(const std::byte* start, const std::byte* payload, message& out) {
    out.header = reinterpret_cast<const envelope*>(start);
    out.times = ring_.shape.timed
                    ? reinterpret_cast<const envelope_times*>(start + sizeof(envelope))
                    : nullptr;
    out.sequence = head_;
    const bool fits = out.header->length <= ring_.shape.payload_capacity;
    out.payload = fits ? payload : nullptr;
    return fits ? RONDO_OK : RONDO_MALFORMED;
  }

  RONDO_HD rondo_status gather(message& out) {
    const auto* in = reinterpret_cast<const chunk*>(ring_.slot(head_));
    const std::uint32_t tag = chunk_tag(head_);
    const chunk first = P::load_chunk(in);  // SYNC: chunk-published
    if (first.tag != tag) return RONDO_EMPTY;
    __builtin_memcpy(scratch_, first.content, chunk_content_bytes);
    const std::uint32_t length = first.content[0];
    const std::uint32_t usable = length <= ring_.shape.payload_capacity ? length : 0;
    // A chunk that is written only to refresh it has to be here as well: still on its way, it could
    // land on the slot's next message, which another producer writes.
    const std::uint32_t chunks = must_refresh(ring_.shape, head_)
                                     ? chunks_in_slot(ring_.shape)
                                     : chunks_for(ring_.shape.header_bytes() + usable);
    for (std::uint32_t k = 1; k < chunks; ++k) {
      const chunk piece = P::load_chunk(in + k);  // SYNC: chunk-published
      if (piece.tag != tag) return RONDO_EMPTY;
      __builtin_memcpy(scratch_ + k * chunk_content_bytes, piece.content, chunk_content_bytes);
    }
    return describe(scratch_, scratch_ + ring_.shape.payload_distance(), out);
  }

  RONDO_HD rondo_status describe_apart(message& out) {
    message_run& run = ring_.consumer->run;
    if (!is_in(run, head_)) enter_run(ring_, head_, run);
    put_header_in(run, head_, scratch_);
    if (ring_.shape.timed)
      __builtin_memcpy(scratch_ + sizeof(envelope), ring_.header(head_) + sizeof(envelope),
                       sizeof(envelope_times));
    return describe(scratch_, ring_.slot(head_), out);
  }

  RONDO_HD bool is_discarded() const { return ring_.drops_oldest && is_given_up(head_); }

  template <publication, class>
  friend class consumer_run;
  view ring_;
  std::uint64_t head_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t limit_ = 0;     // counted: sequences below are complete
  std::uint64_t released_ = 0;  // what head was last published as
  std::uint32_t looks_ = 0;     // word: for the next message so far
  alignas(16) std::byte scratch_[max_chunked_content];
};

}  // namespace rondo::ring
