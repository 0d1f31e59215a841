// The kernel's ends of its two rings: where it is in each, and what it gives back of them.
#pragma once

#include <rondo/device/counting.hpp>

namespace rondo::device {

template <class K>
RONDO_DEVICE ring::view input_of(const launch_args& args, const ring_args& lane) {
  ring::view v = view_of(lane);
  if constexpr (K::has_rules) v.shape.timed = (args.flags & flag_timed) != 0;
  return v;
}

template <class H, class X, class P, class K>
class ring_ends : public counting<H, X, P, K> {
  using base = counting<H, X, P, K>;

 public:
  RONDO_DEVICE ring_ends(const X& x, const launch_args& args, memory_of<H, K>& memory,
                         std::byte* in_content)
      : base(x, args, memory),
        in_(input_of<K>(args, args.input)),
        out_(view_of(args.output)),
        in_content_(in_content) {}

  RONDO_DEVICE const ring::view& in() const { return in_; }
  RONDO_DEVICE const ring::view& out() const { return out_; }
  // The next request, for the first warp.
  RONDO_DEVICE std::uint64_t next() const { return head_; }
  // Where the next reply goes, as of the last look.
  RONDO_DEVICE std::uint64_t out_next() const { return out_next_; }

  // Replies that are written and not yet visible, and slots that are read and not yet free.
  RONDO_DEVICE void settle() {
    if (is_first()) show_replies();
    free_slots();
    unsettled_ = 0;
  }

  // By one thread of the block, whichever, between two of its barriers. The order waits until all
  // that the block has written before is where the host can see it.
  RONDO_DEVICE void show_replies() {
    if (K::is_chunked(out_) || m_.out_published == m_.out_next) return;
    P::store_release(&out_.producer->tail, m_.out_next);  // SYNC: tail-published
    m_.out_published = m_.out_next;
  }

 protected:
  using base::args_;
  using base::is_first;
  using base::m_;
  using base::x_;

  RONDO_DEVICE void free_slots() {
    if (freed_ == head_) return;
    if (is_first()) P::store_after_loads(&in_.consumer->head, head_);  // SYNC: slot-freed
    freed_ = head_;
  }
  RONDO_DEVICE bool is_chunked_in() const { return K::is_chunked(in_); }
  RONDO_DEVICE bool is_room_now() const {
    // SYNC: slot-freed
    const std::uint64_t out_head = P::load_acquire(&out_.consumer->head);
    return m_.out_next - out_head < out_.shape.capacity;
  }
  RONDO_DEVICE std::uint64_t room() const { return out_.shape.capacity - (out_next_ - out_head_); }

  ring::view in_;
  const ring::view out_;
  std::uint64_t head_ = 0;      // the next request
  std::uint64_t freed_ = 0;     // what the host was told of it
  std::uint64_t limit_ = 0;     // counted: requests below are complete
  std::uint64_t out_head_ = 0;  // what the host took of the output, as of the last look around
  std::uint64_t out_next_ = 0;  // as of the begin of this look
  std::byte* in_content_;
  std::uint32_t unsettled_ = 0;
};

}  // namespace rondo::device
