// The looks of the first warp at what the host writes.
//
// One look is one trip across the bus: all lanes together read the pieces of the next slot, the
// control line and the host's head of the output, each in one 16-byte access.
#pragma once

#include <rondo/device/orders.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class looking : public orders<H, X, P, K> {
  using base = orders<H, X, P, K>;

 public:
  RONDO_DEVICE looking(const X& x, const launch_args& args, memory_of<H, K>& memory,
                       std::byte* in_content)
      : base(x, args, memory, in_content),
        pieces_(K::is_chunked(in_) ? ring::chunks_in_slot(in_.shape) : 0) {
    for (std::uint32_t i = x.thread(); i < pieces_; i += x.lanes()) mine_ |= 1u << i;
  }

  // For lane 0, if each piece of a slot has a lane of its own: the first 12 bytes of the envelope.
  RONDO_DEVICE const ring::chunk& first_piece() const { return first_; }

 protected:
  using base::args_;
  using base::head_;
  using base::in_;
  using base::in_content_;
  using base::is_first;
  using base::limit_;
  using base::m_;
  using base::out_;
  using base::out_head_;
  using base::seen_lease_;
  using base::seen_until_;
  using base::seen_word_;
  using base::word_;
  using base::x_;

  // The requests that are at hand; `look_at_input` says so.
  template <class Look>
  RONDO_DEVICE std::uint64_t look_at_lines(const Look& look_at_input) {
    // All loads of a look are issued before the first is waited for.
    const std::uint32_t second = x_.lanes() > 1 ? 1 : 0;
    ring::chunk control{}, taken{};
    // SYNC: control
    if (is_first()) control = P::load_chunk(reinterpret_cast<const ring::chunk*>(args_.control));
    if (x_.thread() == second)
      taken = P::load_chunk(reinterpret_cast<const ring::chunk*>(out_.consumer));
    const std::uint64_t waiting = look_at_input();
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

 private:
  RONDO_DEVICE void keep(std::uint32_t i, const ring::chunk& piece) {
    if constexpr (K::has_rules) {
      if (in_.shape.timed) return keep_timed(i, piece);
    }
    __builtin_memcpy(__builtin_assume_aligned(in_content_ + i * ring::chunk_content_bytes, 4),
                     piece.content, ring::chunk_content_bytes);
  }

  // The times go apart, so that the payload is where it is in other queues.
  RONDO_DEVICE void keep_timed(std::uint32_t i, const ring::chunk& piece) {
    constexpr std::uint32_t times_at = sizeof(rondo_envelope);
    constexpr std::uint32_t payload_at = times_at + sizeof(rondo_envelope_times);
    RONDO_KEEP_LOOP
    for (std::uint32_t w = 0; w < 3; ++w) {
      const std::uint32_t at = i * ring::chunk_content_bytes + w * 4;
      std::byte* to = in_content_ + at;
      if (at >= payload_at) to -= sizeof(rondo_envelope_times);
      else if (at >= times_at) to = reinterpret_cast<std::byte*>(&m_.times) + (at - times_at);
      __builtin_memcpy(__builtin_assume_aligned(to, 4), &piece.content[w], 4);
    }
  }

 protected:
  // The first eight bytes of a line that one lane has read.
  RONDO_DEVICE std::uint64_t wide_number(const ring::chunk& line, std::uint32_t lane) const {
    return x_.from_lane(line.content[0], lane) |
           static_cast<std::uint64_t>(x_.from_lane(line.content[1], lane)) << 32;
  }

 private:
  const std::uint32_t pieces_;  // of a chunked input slot; 0: counted
  std::uint32_t mine_ = 0;      // a bit for each that this lane looks at
  ring::chunk first_{};  // this lane's piece of the last request, if each has a lane of its own
};

}  // namespace rondo::device
