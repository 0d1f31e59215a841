// The ring protocol for many threads at once: the same slots, tags and counters as in
// rondo/ring/protocol.hpp, with the pieces of one message divided among the threads. For the ends
// that a persistent kernel has: it alone consumes its input and it alone produces its output.
#pragma once

#include <rondo/device/stage.hpp>

namespace rondo::device {

RONDO_HD inline ring::view view_of(const ring_args& a) {
  ring::view v;
  v.slots = reinterpret_cast<std::byte*>(a.slots);
  v.producer = reinterpret_cast<ring::producer_line*>(a.producer_line);
  v.consumer = reinterpret_cast<ring::consumer_line*>(a.consumer_line);
  v.shape.how = static_cast<ring::publication>(a.publication);
  v.shape.payload_capacity = a.payload_capacity;
  v.shape.stride = a.stride;
  v.shape.capacity = a.capacity;
  v.one_producer = true;
  return v;
}

// Contents are aligned to 16 bytes and pieces to 4; a device's compiler has to be told, or it moves
// single bytes.

RONDO_HD inline bool is_chunked(const ring::view& v) {
  return v.shape.how == ring::publication::chunked;
}

// For code that is made once for rings of any publication, once for chunked ones alone, and once
// for queues that have rules.
struct any_rings {
  static constexpr bool is_always_chunked = false;
  static constexpr bool has_rules = false;
  template <class H>
  using memory = block_memory<H>;
  RONDO_HD static bool is_chunked(const ring::view& v) { return device::is_chunked(v); }
};
struct chunked_rings {
  static constexpr bool is_always_chunked = true;
  static constexpr bool has_rules = false;
  template <class H>
  using memory = block_memory<H>;
  RONDO_HD static constexpr bool is_chunked(const ring::view&) { return true; }
};
struct ruled_rings : any_rings {
  static constexpr bool has_rules = true;
  template <class H>
  using memory = ruled_memory<H>;
};
template <class H, class K>
using memory_of = typename K::template memory<H>;

RONDO_HD inline std::uint32_t low_bits(std::uint32_t n) {
  return n >= 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << n) - 1;
}

// Whether the chunks with a set bit are all that the message in this slot has. `length` is what the
// first says.
RONDO_HD inline bool is_complete(const ring::view& in, std::uint64_t sequence, std::uint32_t there,
                                 std::uint32_t length) {
  if (length > in.shape.payload_capacity) length = 0;
  const std::uint32_t needed = ring::must_refresh(in.shape, sequence)
                                   ? ring::chunks_in_slot(in.shape)
                                   : ring::chunks_for(in.shape.header_bytes() + length);
  return (there & low_bits(needed)) == low_bits(needed);
}

// Publishes chunk k of a message whose content is at `content`; bytes behind it are sent as 0.
template <class P>
RONDO_DEVICE void store_piece(const ring::view& out, std::uint64_t sequence, std::uint32_t k,
                              const std::byte* content, std::uint32_t content_bytes) {
  ring::chunk piece;
  const std::uint32_t at = k * ring::chunk_content_bytes;
  if (at + ring::chunk_content_bytes <= content_bytes) {
    __builtin_memcpy(piece.content, __builtin_assume_aligned(content + at, 4),
                     ring::chunk_content_bytes);
  } else {
    RONDO_UNROLL
    for (std::uint32_t w = 0; w < 3; ++w) {
      std::uint32_t word = 0;
      RONDO_KEEP_LOOP
      for (std::uint32_t b = at + w * 4; b < at + w * 4 + 4 && b < content_bytes; ++b)
        word |= static_cast<std::uint32_t>(content[b]) << 8 * (b % 4);
      piece.content[w] = word;
    }
  }
  piece.tag = ring::chunk_tag(sequence);
  P::store_chunk(reinterpret_cast<ring::chunk*>(out.slot(sequence)) + k,
                 piece);  // SYNC: chunk-published
}

// Chunk k of a message whose length the compiler knows, without its tag. `content` may be read up
// to the end of the last chunk that a slot can have.
template <class P, std::uint32_t Bytes>
RONDO_DEVICE ring::chunk load_piece(std::uint32_t k, const std::byte* content) {
  ring::chunk piece;
  const std::uint32_t at = k * ring::chunk_content_bytes;
  __builtin_memcpy(piece.content, __builtin_assume_aligned(content + at, 4),
                   ring::chunk_content_bytes);
  RONDO_UNROLL
  for (std::uint32_t w = 0; w < 3; ++w) {
    if constexpr (Bytes % ring::chunk_content_bytes != 0) {
      const std::uint32_t begin = at + w * 4;
      const std::uint32_t there = begin >= Bytes ? 0 : Bytes - begin;
      if (there < 4) piece.content[w] &= low_bits(there * 8);
    }
    P::work_out(piece.content[w]);
  }
  return piece;
}

// Writes a message into its slot: chunked, it is published by that; counted, it is once the tail
// has moved. `first` and `stride` say which pieces are this thread's.
template <class P, class K>
RONDO_DEVICE void store_message(const ring::view& out, std::uint64_t sequence,
                                const std::byte* content, std::uint32_t content_bytes,
                                std::uint32_t first, std::uint32_t stride) {
  if (K::is_chunked(out)) {
    const std::uint32_t pieces = ring::must_refresh(out.shape, sequence)
                                     ? ring::chunks_in_slot(out.shape)
                                     : ring::chunks_for(content_bytes);
    RONDO_KEEP_LOOP
    for (std::uint32_t k = first; k < pieces; k += stride)
      store_piece<P>(out, sequence, k, content, content_bytes);
    return;
  }
  auto* to = reinterpret_cast<ring::chunk*>(out.slot(sequence));
  const auto* from = reinterpret_cast<const ring::chunk*>(content);
  const std::uint32_t pieces = (content_bytes + 15) / 16;
  for (std::uint32_t k = first; k < pieces; k += stride) to[k] = from[k];
}

// Copies `pieces` times 16 bytes of a counted slot, several loads at a time in flight. The tail's
// order makes them visible: a piece needs none of its own.
RONDO_DEVICE inline void load_pieces(const std::byte* slot, std::byte* to, std::uint32_t begin,
                                     std::uint32_t end, std::uint32_t first, std::uint32_t stride) {
  constexpr std::uint32_t in_flight = 4;
  const auto* from = reinterpret_cast<const ring::chunk*>(slot);
  auto* into = reinterpret_cast<ring::chunk*>(to);
  std::uint32_t k = begin + first;
  for (; k + (in_flight - 1) * stride < end; k += in_flight * stride) {
    ring::chunk piece[in_flight];
    RONDO_UNROLL
    for (std::uint32_t i = 0; i < in_flight; ++i) piece[i] = from[k + i * stride];
    RONDO_UNROLL
    for (std::uint32_t i = 0; i < in_flight; ++i) into[k + i * stride] = piece[i];
  }
  for (; k < end; k += stride) into[k] = from[k];
}

}  // namespace rondo::device
