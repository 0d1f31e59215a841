// The bytes of a ring: control lines, slots, and where the parts of a message lie in a slot. Shared
// by core, backends and device code; nothing else restates it. Numbers are little endian.
//
// A ring has a power-of-two number of slots and 64-bit sequence numbers that run freely from 0;
// sequence s lives in slot s mod capacity. Producers claim sequences with a counter on their own
// side; the consumer publishes `head`, the first sequence it has not released. A slot is free for
// sequence s when s - head < capacity [RING-01].
//
// Word publication. One word in the slot's first line says which sequence is complete in it. The
// payload is contiguous, so a handler can read it where it lies, and begins a line of its own: the
// consumer polls the first line, and would take it away from a producer that still fills the
// payload.
//
//   byte 0             8          16                     48          64
//        | word: s + 1 | reserved | envelope (32)        | times(16) | payload …
//
// Counted publication. The producing side publishes `tail`, the first sequence that is not
// complete, once for any number of messages: the highest rate, one more line to read for a single
// message.
//
//   byte 0                     32          48 (32 if untimed)
//        | envelope (32)       | times(16) | payload …
//
// Apart, which is counted publication with headers apart. A slot is payload and nothing else, and
// the headers of all slots lie in an array behind the slots. Messages that follow each other and
// are alike need one header between them: a stream of messages that fill a line each moves little
// more than a line for each.
//
//   slots    byte 0
//                 | payload …
//   headers  byte 0                     32          48 (32 if untimed)
//                 | envelope (32)       | times(16) |
//
// With run_mark among its flags an envelope is followed by as many messages as its `reserved` says
// that have the same envelope, but for ids each one higher than before, and whose own headers hold
// nothing. Who reads keeps the run that it is in beside head, as the header's slot may be written
// again when the first message of a run is released. Another that is to read on from there begins
// when it has released all that it read. The headers begin at the next multiple of 128 bytes.
//
// Chunked publication. The message, envelope first, is cut into pieces of 12 bytes; each travels in
// one 16-byte access together with a tag, the low 32 bits of s + 1. No flag, no fence, no order
// between the pieces: a message is complete when every chunk it needs bears its tag. Every chunk of
// a slot is rewritten at least once in 2^31 sequences, also those that a short message does not
// need, so a tag can never be mistaken for one from a lap of the 32-bit space before; in such a lap
// a message is complete when every chunk of the slot bears its tag [RING-02].
//
//   byte 0          12       16            28       32
//        | content  | tag    | content     | tag    | …          at most 32 chunks, 384 bytes of
//        content
//
// Where slots lie behind a bus, the host writes whole lines of four chunks; those behind the
// message then hold zeros and the tag too.
#pragma once

#include <rondo/abi.h>
#include <rondo/ring/platform.hpp>

#include <cstddef>
#include <cstdint>

namespace rondo::ring {

inline constexpr std::uint32_t layout_version = 1;
// Lines with different writers lie this far apart: two 64-byte cache lines, because the
// adjacent-line prefetcher couples them, and one 128-byte line of a GPU's L2.
inline constexpr std::size_t line_bytes = 128;

using envelope = rondo_envelope;
using envelope_times = rondo_envelope_times;

enum class publication : std::uint32_t {
  word = RONDO_PUBLISH_WORD,
  counted = RONDO_PUBLISH_COUNTED,
  chunked = RONDO_PUBLISH_CHUNKED,
  apart,  // no number of the ABI: counted, with RONDO_RING_HEADERS_APART
};

// That of a number of the ABI; none that there is if the number is none.
constexpr publication publication_of(std::uint32_t number, bool headers_apart) {
  if (number > RONDO_PUBLISH_CHUNKED) return publication{};
  return headers_apart ? publication::apart : static_cast<publication>(number);
}

// Not to be seen outside of a ring with headers apart.
inline constexpr std::uint32_t run_mark = 1u << 31;

// An envelope by 8 bytes, as it is written and read: fields that were stored one by one could not
// be handed on to a wider load.
struct header_words {
  std::uint64_t what;   // length, type and version
  std::uint64_t flags;  // and reserved
  std::uint64_t id;
  std::uint64_t correlation;
};
static_assert(sizeof(header_words) == sizeof(envelope));

// Messages with one header, as who reads them keeps it.
struct message_run {
  header_words header;     // of the first
  std::uint64_t first;     // its sequence
  std::uint64_t messages;  // how many; 0 before there was one
};

// Written by the producing side only.
struct alignas(line_bytes) producer_line {
  std::uint64_t tail;           // counted: first sequence that is not complete
  std::uint64_t discard_below;  // sequences below are to be dropped and counted by the consumer
};

// Written by the consumer only.
struct alignas(line_bytes) consumer_line {
  std::uint64_t head;           // first sequence that is not released
  std::uint64_t skipped;        // abandoned and discarded slots so far
  alignas(64) message_run run;  // apart: that of the message read last
};

// In the memory of the producing side; the other side never looks.
struct alignas(line_bytes) claim_line {
  std::uint64_t next;         // first sequence that is not claimed
  std::uint64_t cached_head;  // a head seen before; the true one is not lower
  std::uint64_t published;    // counted: what tail was last set to
  std::uint64_t publishing;   // counted: 1 while a producer moves tail
};

struct ready_list;

// Always in host memory: the consumer sets waiting before it sleeps, the producer clears it and
// wakes. See wait.hpp.
struct alignas(line_bytes) wake_line {
  std::uint32_t waiting;  // one of the values in wait.hpp
  std::uint32_t reserved;
  // Of a consumer that a pool of threads serves; set before it first waits.
  ready_list* pool;
  void* consumer;   // the pool's own
  wake_line* next;  // while it is on the pool's list
};

// What producers know of a pool of threads that serves many consumers, in host memory.
struct alignas(line_bytes) ready_list {
  wake_line* newest;        // consumers that were woken and that no thread has taken over yet
  std::uint32_t bell;       // what the pool's threads sleep on: counts how often it was rung
  std::uint32_t may_sleep;  // 1: a thread sleeps, or is about to, and nobody has rung for it
};

static_assert(sizeof(envelope) == 32 && offsetof(envelope, length) == 0 &&
              offsetof(envelope, type) == 4 && offsetof(envelope, version) == 6 &&
              offsetof(envelope, flags) == 8 && offsetof(envelope, reserved) == 12 &&
              offsetof(envelope, message_id) == 16 && offsetof(envelope, correlation_id) == 24);
static_assert(sizeof(envelope_times) == 16);
static_assert(sizeof(producer_line) == line_bytes && offsetof(producer_line, discard_below) == 8);
static_assert(sizeof(consumer_line) == line_bytes && offsetof(consumer_line, skipped) == 8 &&
              offsetof(consumer_line, run) == 64);
static_assert(sizeof(claim_line) == line_bytes && sizeof(wake_line) == line_bytes &&
              sizeof(ready_list) == line_bytes);
static_assert(sizeof(chunk) == 16 && offsetof(chunk, tag) == 12);

inline constexpr std::uint32_t word_prefix_bytes = 16;  // publish word and reserved word
inline constexpr std::uint32_t word_payload_offset = 64;
inline constexpr std::uint32_t chunk_content_bytes = 12;
inline constexpr std::uint32_t chunks_in_line = 4;  // 64 bytes, what the host sends by one store
inline constexpr std::uint32_t max_chunks = 32;     // one per lane of a warp
inline constexpr std::uint32_t max_chunked_content = max_chunks * chunk_content_bytes;
// A chunked ring may not be longer than this, or a lap would take too much of the tags' space.
inline constexpr std::uint64_t max_chunked_capacity = 1u << 20;
inline constexpr std::uint64_t chunk_refresh_period = 1u << 30;  // sequences; see RING-02

constexpr std::uint32_t round_up(std::uint32_t n, std::uint32_t to) {
  return (n + to - 1) / to * to;
}

// Everything about a ring that follows from how it was asked for.
struct geometry {
  publication how = publication::word;
  bool timed = false;
  std::uint32_t payload_capacity = 0;  // bytes
  std::uint32_t stride = 0;            // bytes from slot to slot
  std::uint64_t capacity = 0;          // slots

  // Bytes in front of the payload in a message's content, and in front of that in its slot.
  RONDO_HD constexpr std::uint32_t header_bytes() const {
    return static_cast<std::uint32_t>(sizeof(envelope) + (timed ? sizeof(envelope_times) : 0));
  }
  RONDO_HD constexpr std::uint32_t prefix_bytes() const {
    return how == publication::word ? word_prefix_bytes : 0;
  }
  // From the envelope to the payload: header_bytes(), or the rest of a word slot's first line.
  // Apart, from the slot's begin.
  RONDO_HD constexpr std::uint32_t payload_distance() const {
    if (how == publication::apart) return 0;
    return how == publication::word ? word_payload_offset - word_prefix_bytes : header_bytes();
  }
  // Whether a tail says what is complete.
  RONDO_HD constexpr bool is_counted() const {
    return how == publication::counted || how == publication::apart;
  }
  // Apart: from the first slot to the first header.
  RONDO_HD constexpr std::uint64_t headers_offset() const {
    return (capacity * stride + line_bytes - 1) / line_bytes * line_bytes;
  }
  // Of all slots and headers.
  RONDO_HD constexpr std::uint64_t slots_bytes() const {
    return how == publication::apart ? headers_offset() + capacity * header_bytes()
                                     : capacity * stride;
  }
};

// How many payload bytes a chunked slot can carry.
constexpr std::uint32_t max_chunked_payload(bool timed) {
  return max_chunked_content -
         static_cast<std::uint32_t>(sizeof(envelope) + (timed ? sizeof(envelope_times) : 0));
}

// make_geometry() fills `out`, or says what is wrong: CAPACITY_ZERO, CAPACITY_NOT_POWER_OF_TWO,
// CAPACITY_OVERFLOW, TOO_LARGE (payload beyond what this publication can carry), INVALID_ARGUMENT
// (no such publication, payload of zero bytes) [RING-03].
constexpr rondo_status make_geometry(publication how, std::uint64_t capacity,
                                     std::uint32_t payload_capacity, bool timed, geometry& out) {
  if (capacity == 0) return RONDO_CAPACITY_ZERO;
  if ((capacity & (capacity - 1)) != 0) return RONDO_CAPACITY_NOT_POWER_OF_TWO;
  if (payload_capacity == 0) return RONDO_INVALID_ARGUMENT;
  if (payload_capacity > RONDO_MAX_PAYLOAD) return RONDO_TOO_LARGE;
  geometry g;
  g.how = how;
  g.timed = timed;
  g.payload_capacity = payload_capacity;
  g.capacity = capacity;
  const std::uint32_t content = g.header_bytes() + payload_capacity;
  switch (how) {
    case publication::word: g.stride = round_up(word_payload_offset + payload_capacity, 64); break;
    case publication::counted: g.stride = round_up(content, 32); break;
    case publication::apart: g.stride = round_up(payload_capacity, 32); break;
    case publication::chunked:
      if (payload_capacity > max_chunked_payload(timed)) return RONDO_TOO_LARGE;
      if (capacity > max_chunked_capacity) return RONDO_CAPACITY_OVERFLOW;
      g.stride = round_up((content + chunk_content_bytes - 1) / chunk_content_bytes * 16, 64);
      break;
    default: return RONDO_INVALID_ARGUMENT;
  }
  // 2^47 bytes is the whole user address space of the machines this runs on.
  const std::uint32_t each = g.stride + (how == publication::apart ? g.header_bytes() : 0);
  if (capacity > (std::uint64_t{1} << 47) / each) return RONDO_CAPACITY_OVERFLOW;
  out = g;
  return RONDO_OK;
}

}  // namespace rondo::ring
