// The persistent kernel of one handler: every thread of the launch runs serve(). The first warp
// looks for requests (lead.hpp), the block moves a message's bytes together, and those threads that
// the handler asks for run it; see rondo::execution. One consumer per kernel, whatever its size.
#pragma once

#include <rondo/device/hooked.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class server : private hooked<H, X, P, K> {
  using base = hooked<H, X, P, K>;
  RONDO_AT_THE_DESK(base);
  using base::before_handler;
  using base::conclude;
  using base::grid_team;
  using base::has_short_way;
  using base::is_short_;
  using base::run_handler;
  using base::run_together;

 public:
  RONDO_DEVICE server(const X& x, const launch_args& args, memory_of<H, K>& memory)
      : base(x, args, memory) {}

  RONDO_DEVICE void serve() {
    if (x_.block() != 0) return follow();
    if (start()) handle_all();
    else if (x_.in_first_warp()) lead_.refuse();
    if constexpr (detail::has_on_stop<H>)
      if (x_.in_first_warp() && lead_.ends_for_good()) this->end_life();
    this->send_others_home();
    if (x_.in_first_warp()) lead_.finish();
  }

 private:
  RONDO_DEVICE void handle_all() {
    for (;;) {
      step next = step::leave;
      if constexpr (has_short_way) this->prepare_short_way();
      if (x_.in_first_warp()) next = lead_.look();
      x_.sync_block();
      if (!x_.in_first_warp()) next = m_.next;
      if (next == step::leave) break;
      handle(next);
      x_.sync_block();
    }
  }

  RONDO_DEVICE void handle(step next) {
    if constexpr (detail::has_on_timer<H>) {
      if (next == step::timer) {
        if (x_.thread() == 0) this->call_timer();
        return;
      }
    }
    if constexpr (plan::by_thread && !K::has_rules) {
      if (next == step::batch) return this->handle_batch();
    }
    handle_one();
  }

  // False if the handler does not want to be started.
  RONDO_DEVICE bool start() {
    copy_latencies(m_.latencies, resume_.latencies, x_.thread(), x_.threads());
    if (x_.thread() == 0) {
      m_.counters = resume_.counters;
      ++m_.counters.launches;
      m_.counters.heartbeat = x_.now();
      m_.out_next = m_.out_published = resume_.output_next;
      this->begin_invocation(this->own_record(), header());
      m_.must_look = 0;
      m_.gave_up = ending::none;
      if (resume_.constructed == 0) {
        ::new (reinterpret_cast<void*>(args_.state)) H{};
        resume_.constructed = 1;
      }
      if constexpr (base::has_hooks) m_.is_refused = this->begin_life() ? 0 : 1;
    }
    x_.sync_block();
    if (x_.in_first_warp()) lead_.start();
    if constexpr (detail::has_on_start<H>) return m_.is_refused == 0;
    else return true;
  }

  // ---- one request, the whole block

  RONDO_DEVICE void handle_one() {
    if constexpr (has_short_way) {
      if (is_short_ != 0 && this->handle_shortly()) return;
    }
    if constexpr (K::has_rules) {
      if (m_.what != fate::handled) {
        if (x_.in_first_warp()) lead_.let_go();
        return;
      }
    }
    if (!K::is_chunked(lead_.in())) fetch();
    const rondo_envelope asked = header();
    // With rules that was asked of the request's own lane, when it was found.
    if constexpr (!K::has_rules) {
      const bool is_dropped = (asked.flags & RONDO_FLAG_ABANDONED) != 0 ||
                              sequence() < args_.skip_below ||
                              asked.length > lead_.in().shape.payload_capacity;
      if (is_dropped) {
        x_.sync_block();  // all have read the header
        if (x_.in_first_warp()) drop();
        return;
      }
    }
    const std::uint64_t begin = x_.thread() == 0 ? before_handler() : 0;
    ready_reply reply{};  // thread 0's alone
    run_handler(asked, reply);
    conclude(asked, begin, reply);
  }

  // Brings a counted slot's content in: first as much as one access of each thread takes, whose
  // begin says how much there is.
  RONDO_DEVICE void fetch() {
    const std::byte* slot = next_slot();
    if constexpr (K::has_rules) {
      if (lead_.in().shape.timed) return fetch_timed(slot);
    }
    const std::uint32_t most =
        (plan::header_bytes + least(plan::request_bytes, lead_.in().shape.payload_capacity) + 15) /
        16;
    const std::uint32_t early = least(most, least(x_.threads(), 512));
    load_pieces(slot, stage_, 0, larger(early, 2), x_.thread(), x_.threads());
    x_.sync_block();
    const std::uint32_t needed =
        least(most, (plan::header_bytes + least(header().length, plan::request_bytes) + 15) / 16);
    if (needed > early) load_pieces(slot, stage_, early, needed, x_.thread(), x_.threads());
    x_.sync_block();
  }

  RONDO_DEVICE const std::byte* next_slot() const {
    if constexpr (K::has_rules) return m_.slot;
    else return lead_.in().slot(sequence());
  }
  // Without the times, which lie in front of the payload.
  RONDO_DEVICE void fetch_timed(const std::byte* slot) {
    constexpr std::uint32_t head = plan::header_bytes / 16;
    load_pieces(slot, stage_, 0, head, x_.thread(), x_.threads());
    x_.sync_block();
    const std::uint32_t bytes = least(header().length, plan::request_bytes);
    load_pieces(slot + sizeof(rondo_envelope_times), stage_, head, head + (bytes + 15) / 16,
                x_.thread(), x_.threads());
    x_.sync_block();
  }

  RONDO_DEVICE void drop() {
    if (x_.thread() == 0) ++m_.counters.messages_dropped;
    lead_.advance(1);
  }

  // The other blocks: each waits for a message number, and runs the handler if it is one for grids.
  RONDO_DEVICE void follow() {
    std::uint64_t last = 0;
    while (this->wait_for_call(last)) {
      if constexpr (plan::runs == execution::grid) {
        ready_reply none{};  // block 0 replies
        run_together(grid_team(), none);
      }
      x_.sync_block();
    }
  }
};

// What every thread of the launch runs.
template <class P, class H, class X>
RONDO_DEVICE void serve(const X& x, const launch_args& args, block_memory<H>& memory) {
  server<H, X, P, any_rings>(x, args, memory).serve();
}
// The same for launches of which takes_single_messages() is true: less code for each message.
template <class P, class H, class X>
RONDO_DEVICE void serve_single_messages(const X& x, const launch_args& args,
                                        block_memory<H>& memory) {
  server<H, X, P, chunked_rings>(x, args, memory).serve();
}
// The same where the queues have rules.
template <class P, class H, class X>
RONDO_DEVICE void serve_by_rules(const X& x, const launch_args& args, ruled_memory<H>& memory) {
  server<H, X, P, ruled_rings>(x, args, memory).serve();
}
template <class H, class X>
RONDO_DEVICE constexpr bool takes_single_messages(const X& x, const launch_args& args) {
  constexpr bool is_for_one_warp =
      stage_plan<H>::runs == execution::serial || stage_plan<H>::runs == execution::warp;
  constexpr auto chunked = static_cast<std::uint32_t>(ring::publication::chunked);
  return is_for_one_warp && args.input.publication == chunked &&
         args.output.publication == chunked && x.blocks() == 1 && x.threads() == x.lanes();
}

// action::probe, by one thread. A launch with rules takes no batches, and no memory for them.
template <class H>
RONDO_DEVICE void probe(const launch_args& args, std::uint64_t clock,
                        std::uint32_t shared_per_thread = stage_plan<H>::shared_per_thread) {
  using plan = stage_plan<H>;
  using P = ring::platform;
  auto& to = *reinterpret_cast<probe_record*>(args.probe);
  to.layout = current_layout();
  to.handler_flags = detail::handler_flags<H>();
  to.request_max_bytes = plan::request_bytes;
  to.response_max_bytes = detail::max_bytes<typename H::response>();
  to.scratch_bytes = plan::scratch_bytes;
  to.shared_per_thread = shared_per_thread;
  to.hooks = hooks_of<H>();
  to.start_room = plan::start_room;
  if constexpr (detail::takes_start_argument<H>) {
    to.start_max_bytes = detail::max_bytes<detail::start_argument<H>>();
    to.start_schema = detail::schema_hash<detail::start_argument<H>>();
  }
  to.request_schema = detail::schema_hash<typename H::request>();
  to.response_schema = detail::schema_hash<typename H::response>();
  to.state_bytes = sizeof(H);
  to.state_alignment = alignof(H);
  to.destroys = std::is_trivially_destructible_v<H> ? 0 : 1;
  to.clock = clock;
  P::store_release(&to.done, 1);  // SYNC: probed
}

#undef RONDO_AT_THE_DESK

}  // namespace rondo::device
