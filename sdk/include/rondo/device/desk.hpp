// What all parts of the loop share: the launch's arguments, the block's memory, the message in
// hand, the handler's object. The loop is one object, server in loop.hpp, and each part of it a
// class that adds to the one before: desk, replying, grid_blocks, running, short_way, batches,
// server. A base and not a member, so that everything stays one set of registers.
#pragma once

#include <rondo/device/lead.hpp>
#include <rondo/device/lead_by_rules.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class desk {
 protected:
  using plan = stage_plan<H>;
  using request = typename H::request;
  using response = typename H::response;

  RONDO_DEVICE desk(const X& x, const launch_args& args, memory_of<H, K>& memory)
      : x_(x),
        args_(args),
        m_(memory),
        stage_(plan::in_shared_memory ? memory.stage : reinterpret_cast<std::byte*>(args.scratch)),
        resume_(*reinterpret_cast<resume_block*>(args.resume)),
        lead_(x, args, memory, stage_) {}

  RONDO_DEVICE const rondo_envelope& header() const {
    return *reinterpret_cast<const rondo_envelope*>(stage_);
  }
  RONDO_DEVICE const std::byte* payload() const { return stage_ + plan::header_bytes; }
  RONDO_DEVICE std::byte* reply_payload() const {
    return stage_ + plan::out_at + plan::header_bytes;
  }
  using invocation_record = typename plan::invocation_record;
  RONDO_DEVICE invocation_record& own_record() const {
    return *reinterpret_cast<invocation_record*>(stage_ + plan::invocation_at);
  }
  RONDO_DEVICE static rondo_invocation& base_of(rondo_invocation& i) { return i; }
  RONDO_DEVICE static rondo_invocation& base_of(rondo_timed_invocation& i) { return i.base; }
  RONDO_DEVICE rondo_invocation& invocation() const { return invocation(stage_); }
  RONDO_DEVICE static rondo_invocation& invocation(std::byte* stage) {
    return *reinterpret_cast<rondo_invocation*>(stage + plan::invocation_at);
  }
  RONDO_DEVICE H& handler() const { return *reinterpret_cast<H*>(args_.state); }

  // The first warp knows these two without asking the memory that it shares with the others.
  RONDO_DEVICE std::uint64_t sequence() const {
    return x_.in_first_warp() ? lead_.next() : m_.sequence;
  }
  RONDO_DEVICE std::uint64_t out_next() const {
    // What it emitted counts, and what others were told in between.
    if constexpr (!replying_handler<H> || K::has_rules) return m_.out_next;
    else return x_.in_first_warp() ? lead_.out_next() : m_.out_next;
  }

  RONDO_DEVICE void begin_invocation(rondo_timed_invocation& i, const rondo_envelope& of) const {
    begin_invocation(i.base, of);
    i.base.struct_size = sizeof i;
    i.timer_at_ns = &resume_.timer_at;
  }
  RONDO_DEVICE void begin_invocation(rondo_invocation& i, const rondo_envelope& of) const {
    i.struct_size = sizeof i;
    i.lane = 0;
    i.lanes = 1;
    i.failure_code = RONDO_OK;
    i.user_code = 0;
    i.failure_length = 0;
    i.request = &of;
    i.buffers = reinterpret_cast<const rondo_buffer_entry*>(args_.buffers);
    i.buffer_count = args_.buffer_count;
    i.kernel_tag = args_.kernel_tag;
  }
  const X& x_;
  const launch_args& args_;
  memory_of<H, K>& m_;
  std::byte* stage_;
  resume_block& resume_;
  std::conditional_t<K::has_rules, lead_by_rules<H, X, P, K>, lead<H, X, P, K>> lead_;
};

// What a room takes from the desk.
#define RONDO_AT_THE_DESK(base)  \
  using typename base::plan;     \
  using typename base::request;  \
  using typename base::response; \
  using base::args_;             \
  using base::handler;           \
  using base::header;            \
  using base::invocation;        \
  using base::lead_;             \
  using base::m_;                \
  using base::out_next;          \
  using base::payload;           \
  using base::reply_payload;     \
  using base::resume_;           \
  using base::sequence;          \
  using base::stage_;            \
  using base::x_

}  // namespace rondo::device
