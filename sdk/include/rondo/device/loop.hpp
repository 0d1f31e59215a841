// The persistent kernel of one handler: every thread of the launch runs serve(). The first warp
// looks for requests (lead.hpp), the block moves a message's bytes together, and those threads that
// the handler asks for run it; see rondo::execution. One consumer per kernel, whatever its size.
#pragma once

#include <rondo/device/lead.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class server {
  using plan = stage_plan<H>;
  using request = typename H::request;
  using response = typename H::response;

 public:
  RONDO_DEVICE server(const X& x, const launch_args& args, block_memory<H>& memory)
      : x_(x),
        args_(args),
        m_(memory),
        stage_(plan::in_shared_memory ? memory.stage : reinterpret_cast<std::byte*>(args.scratch)),
        resume_(*reinterpret_cast<resume_block*>(args.resume)),
        lead_(x, args, memory, stage_) {}

  RONDO_DEVICE void serve() {
    if (x_.block() != 0) return follow();
    start();
    for (;;) {
      step next = step::leave;
      if constexpr (has_short_way) prepare_short_way();
      if (x_.in_first_warp()) next = lead_.look();
      x_.sync_block();
      if (!x_.in_first_warp()) next = m_.next;
      if (next == step::leave) break;
      if constexpr (plan::by_thread) {
        if (next == step::batch) handle_batch();
        else handle_one();
      } else {
        handle_one();
      }
      x_.sync_block();
    }
    if (x_.thread() == 0 && x_.blocks() > 1) x_.store_release(&resume_.go, leave_mark);  // SYNC: go
    if (x_.in_first_warp()) lead_.finish();
  }

 private:
  static constexpr std::uint64_t leave_mark = 1;
  static constexpr std::uint32_t follower_nap_ns = 100;
  static constexpr std::uint32_t looks_per_order = 256;

  RONDO_DEVICE const rondo_envelope& header() const {
    return *reinterpret_cast<const rondo_envelope*>(stage_);
  }
  RONDO_DEVICE const std::byte* payload() const { return stage_ + plan::header_bytes; }
  RONDO_DEVICE std::byte* reply_payload() const {
    return stage_ + plan::out_at + plan::header_bytes;
  }
  RONDO_DEVICE rondo_invocation& invocation() const { return invocation(stage_); }
  RONDO_DEVICE static rondo_invocation& invocation(std::byte* stage) {
    return *reinterpret_cast<rondo_invocation*>(stage + plan::invocation_at);
  }
  RONDO_DEVICE H& handler() const { return *reinterpret_cast<H*>(args_.state); }

  RONDO_DEVICE void start() {
    if (x_.thread() == 0) {
      m_.counters = resume_.counters;
      ++m_.counters.launches;
      m_.counters.heartbeat = x_.now();
      m_.out_next = m_.out_published = resume_.output_next;
      begin_invocation(invocation(), header());
      m_.must_look = 0;
      m_.gave_up = ending::none;
      if (resume_.constructed == 0) {
        ::new (reinterpret_cast<void*>(args_.state)) H{};
        resume_.constructed = 1;
      }
    }
    x_.sync_block();
    if (x_.in_first_warp()) lead_.start();
  }

  // ---- one request, the whole block

  RONDO_DEVICE void handle_one() {
    if constexpr (has_short_way) {
      if (is_short_ != 0 && handle_shortly()) return;
    }
    if (!K::is_chunked(lead_.in())) fetch();
    const rondo_envelope asked = header();
    const bool is_dropped = (asked.flags & RONDO_FLAG_ABANDONED) != 0 ||
                            sequence() < args_.skip_below ||
                            asked.length > lead_.in().shape.payload_capacity;
    if (is_dropped) {
      x_.sync_block();  // all have read the header
      if (x_.in_first_warp()) drop();
      return;
    }
    const std::uint64_t begin = x_.thread() == 0 ? before_handler() : 0;
    ready_reply reply{};  // thread 0's alone
    run_handler(asked, reply);
    conclude(asked, begin, reply);
  }

  RONDO_DEVICE void conclude(const rondo_envelope& asked, std::uint64_t begin, ready_reply& reply) {
    if (x_.thread() == 0) after_handler(asked, begin, reply);
    publish(reply);
    if (x_.in_first_warp()) count_one(asked, reply);
  }

  // ---- the short way of a small plain request to a small plain reply, by one warp
  //
  // Between the load that brings the request and the store that sends the reply every instruction
  // is latency. So all that can be known before the request is there is decided then, and what is
  // seldom is left to handle_one().

  static constexpr bool has_short_way = K::is_always_chunked && plan::runs == execution::serial &&
                                        replying_handler<H> && detail::is_small<request> &&
                                        detail::is_small<response>;
  static constexpr std::uint32_t short_reply_bytes = plan::header_bytes + sizeof(response);
  static constexpr std::uint32_t short_reply_pieces =
      (short_reply_bytes + ring::chunk_content_bytes - 1) / ring::chunk_content_bytes;
  enum class short_end : std::uint32_t { not_handled, failed, replied };

  // The way is open if nobody measures the handler and the reply needs no other chunks than its
  // own.
  RONDO_DEVICE void prepare_short_way() {
    const std::uint64_t reply = m_.out_next;
    is_short_ = sequence() % RONDO_SAMPLE_EVERY != 0 && sequence() >= args_.skip_below &&
                (args_.flags & flag_watched) == 0 &&
                x_.has_lane_for_each(ring::chunks_in_slot(lead_.in().shape)) &&
                x_.has_lane_for_each(short_reply_pieces) &&
                sizeof(response) <= lead_.out().shape.payload_capacity &&
                !ring::must_refresh(lead_.out().shape, reply);
    reply_slot_ = reinterpret_cast<std::uint64_t>(lead_.out().slot(reply)) +
                  x_.thread() * sizeof(ring::chunk);
    P::work_out(is_short_);
    P::work_out(reply_slot_);
    stage_place_ = x_.place_of(stage_);
  }

  // False if the request is none of this handler's: nothing has been done with it.
  RONDO_DEVICE bool handle_shortly() {
    std::byte* stage = x_.at_place(stage_place_);
    short_end end = short_end::not_handled;
    if (x_.thread() == 0) end = answer_shortly(stage);
    x_.sync_warp();
    ring::chunk piece = load_piece<P, short_reply_bytes>(x_.thread(), stage + plan::out_at);
    end = static_cast<short_end>(x_.from_lane(static_cast<std::uint32_t>(end), 0));
    if (end != short_end::replied) [[unlikely]] {
      if (end == short_end::not_handled) return false;
      ready_reply none{};
      conclude(header(), 0, none);
      return true;
    }
    piece.tag = ring::chunk_tag(lead_.out_next());
    if (x_.thread() < short_reply_pieces)
      P::store_chunk(reinterpret_cast<ring::chunk*>(reply_slot_), piece);  // SYNC: chunk-published
    if (x_.thread() == 0) {
      ++m_.out_next;
      ++m_.counters.messages_out;
      m_.counters.bytes_out += sizeof(response);
      ++m_.counters.messages_in;
      m_.counters.bytes_in += sizeof(request);
    }
    x_.sync_warp();
    lead_.advance(1);
    return true;
  }

  // By thread 0.
  RONDO_DEVICE short_end answer_shortly(std::byte* stage) {
    const auto& begin = lead_.first_piece().content;  // length, type and version, flags
    constexpr std::uint32_t kind =
        RONDO_TYPE_REQUEST | std::uint32_t{detail::message_of<request>.version} << 16;
    if (begin[0] != sizeof(request) || begin[1] != kind || (begin[2] & RONDO_FLAG_ABANDONED) != 0)
        [[unlikely]]
      return short_end::not_handled;
    request in;
    __builtin_memcpy(&in, __builtin_assume_aligned(stage + plan::header_bytes, 16), sizeof in);
    const rondo_envelope header{sizeof(response),
                                RONDO_TYPE_RESPONSE,
                                detail::message_of<response>.version,
                                0,
                                0,
                                lead_.out_next() + 1,
                                reinterpret_cast<const rondo_envelope*>(stage)->correlation_id};
    response out{};
    context ctx(invocation(stage));
    handler()(in, out, ctx);
    std::byte* to = stage + plan::out_at;
    *reinterpret_cast<rondo_envelope*>(to) = header;
    __builtin_memcpy(__builtin_assume_aligned(to + plan::header_bytes, 16), &out, sizeof out);
    return ctx.failed() ? short_end::failed : short_end::replied;
  }

  // The first warp knows these two without asking the memory that it shares with the others.
  RONDO_DEVICE std::uint64_t sequence() const {
    return x_.in_first_warp() ? lead_.next() : m_.sequence;
  }
  RONDO_DEVICE std::uint64_t out_next() const {
    if constexpr (!replying_handler<H>) return m_.out_next;  // what it emitted counts
    else return x_.in_first_warp() ? lead_.out_next() : m_.out_next;
  }

  // Brings a counted slot's content in: first as much as one access of each thread takes, whose
  // begin says how much there is.
  RONDO_DEVICE void fetch() {
    const std::byte* slot = lead_.in().slot(sequence());
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
  RONDO_DEVICE static std::uint32_t least(std::uint32_t a, std::uint32_t b) {
    return a < b ? a : b;
  }

  RONDO_DEVICE void drop() {
    if (x_.thread() == 0) ++m_.counters.messages_dropped;
    lead_.advance(1);
  }

  // By thread 0. When the handler began, if anybody wants to know.
  RONDO_DEVICE std::uint64_t before_handler() {
    const bool is_watched = (args_.flags & flag_watched) != 0;
    if (!is_watched && !is_sampled()) return 0;
    const std::uint64_t now = x_.now();
    if (is_watched) lead_.say_busy(now);
    return now;
  }

  RONDO_DEVICE bool is_sampled() const { return ring::is_timed(sequence()); }

  RONDO_DEVICE void after_handler(const rondo_envelope& asked, std::uint64_t begin,
                                  ready_reply& reply) {
    if (begin != 0 && (args_.flags & flag_watched) != 0) lead_.say_busy(0);
    if (begin != 0 && is_sampled()) {
      const std::uint64_t end = x_.now();
      count_sample(asked.reserved, begin, end);
      m_.counters.heartbeat = end;
    }
    if (invocation().failure_code != RONDO_OK) [[unlikely]] {
      make_failure(invocation(), reply);
      forget_failure();
    }
    if (reply.is_there != 0) put_header(reply, asked.correlation_id, out_next());
  }

  // By thread 0: a timed request with this stamp was handled.
  RONDO_DEVICE void count_sample(std::uint32_t stamp, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t took = end > begin ? end - begin : 0;
    ++m_.counters.handler_samples;
    m_.counters.handler_sampled_ns += took;
    if (took > m_.counters.handler_sampled_max_ns) m_.counters.handler_sampled_max_ns = took;
    count_latency(&ring::latency_counts::handling, took);
    if (stamp == 0 || (args_.flags & flag_clock) == 0) return;
    count_latency(&ring::latency_counts::queueing,
                  ring::since_stamp(stamp, begin - args_.clock_ahead));
  }
  // Counted in the device's memory, so that nothing is read across the bus.
  RONDO_DEVICE void count_latency(
      std::uint64_t (ring::latency_counts::*which)[RONDO_LATENCY_BUCKETS], std::uint64_t ns) {
    const std::uint32_t bucket = ring::latency_bucket(ns);
    auto& shown = reinterpret_cast<latency_block*>(args_.latencies)->counts;
    P::store_relaxed(&(shown.*which)[bucket], ++(resume_.latencies.*which)[bucket]);
  }

  // The caller who waits learns why; the reason is cut to what the slot can carry.
  RONDO_DEVICE void make_failure(const rondo_invocation& i, ready_reply& reply) {
    ++m_.counters.messages_failed;
    constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
    const std::uint32_t room = lead_.out().shape.payload_capacity;
    reply.is_there = 0;
    if (room < fixed || (!replying_handler<H> && !lead_.wait_for_room())) return;
    const std::uint32_t text = least(i.failure_length, room - fixed);
    auto& record = *reinterpret_cast<rondo_failure*>(reply_payload());
    record.code = i.failure_code;
    record.user_code = i.user_code;
    RONDO_KEEP_LOOP
    for (std::uint32_t k = 0; k < text; ++k) record.text[k] = i.failure_text[k];
    reply = {1, fixed + text, RONDO_FLAG_FAILED, 0};
  }
  RONDO_DEVICE void forget_failure() {
    rondo_invocation& i = invocation();
    i.failure_code = RONDO_OK;
    i.user_code = 0;
    i.failure_length = 0;
  }

  RONDO_DEVICE void put_header(const ready_reply& reply, std::uint64_t correlation_id,
                               std::uint64_t sequence) {
    const rondo_envelope out{reply.length,
                             RONDO_TYPE_RESPONSE,
                             static_cast<std::uint16_t>(reply.version),
                             reply.flags,
                             0,
                             sequence + 1,
                             correlation_id};
    __builtin_memcpy(__builtin_assume_aligned(stage_ + plan::out_at, 16), &out, sizeof out);
  }

  RONDO_DEVICE void publish(const ready_reply& reply) {
    std::uint32_t bytes = reply.is_there != 0 ? plan::header_bytes + reply.length : 0;
    if (K::is_chunked(lead_.out())) {
      x_.sync_block();
      if (!x_.in_first_warp()) return;
      bytes = x_.from_lane(bytes, 0);
      if (bytes != 0)
        store_message<P, K>(lead_.out(), out_next(), stage_ + plan::out_at, bytes, x_.thread(),
                            x_.lanes());
      return;
    }
    if (x_.thread() == 0) m_.reply_bytes = bytes;
    x_.sync_block();
    if (m_.reply_bytes == 0) return;
    store_message<P, K>(lead_.out(), out_next(), stage_ + plan::out_at, m_.reply_bytes, x_.thread(),
                        x_.threads());
    x_.sync_block();
  }

  RONDO_DEVICE void count_one(const rondo_envelope& asked, const ready_reply& reply) {
    x_.sync_warp();  // all have read m.out_next
    if (x_.thread() == 0) {
      if (reply.is_there != 0) {
        ++m_.out_next;
        ++m_.counters.messages_out;
        m_.counters.bytes_out += reply.length;
      }
      ++m_.counters.messages_in;
      m_.counters.bytes_in += asked.length;
      lead_.note_time();
    }
    x_.sync_warp();
    lead_.advance(1);
  }

  // ---- running the handler

  // Asked for a response's largest size, as its room is reserved before it is known.
  RONDO_DEVICE bool fits(std::uint32_t bytes, context ctx) const {
    if (bytes <= lead_.out().shape.payload_capacity) return true;
    ctx.fail_with(RONDO_TOO_LARGE, 0, "the response may not fit a slot of the output");
    return false;
  }

  // Where a handler with one reply writes it: where it will be published from, by the whole block.
  struct reply_sink {
    server* self;
    ready_reply* reply;

    RONDO_DEVICE void* reserve(reply_sink*, std::uint32_t bytes) {
      return self->fits(bytes, context(self->invocation())) ? self->reply_payload() : nullptr;
    }
    RONDO_DEVICE void commit(reply_sink*, std::uint32_t length, std::uint16_t version,
                             std::uint32_t flags) {
      *reply = {1, length, flags, version};
    }
  };

  // Where a handler emits: each reply is published at once, by the thread that emits it, which is
  // the first of those that run the handler.
  struct emit_sink : rondo_emitter {
    server* self;
    team together;

    RONDO_DEVICE emit_sink(server* owner, const team& those)
        : rondo_emitter{sizeof(rondo_emitter), 0, &make_room, &send},
          self(owner),
          together(those) {}
    RONDO_DEVICE static void* make_room(rondo_emitter* base, std::uint32_t bytes) {
      auto& to = *static_cast<emit_sink*>(base);
      if (to.together.lane != 0) return nullptr;
      if (!to.self->fits(bytes, context(to.self->invocation(), to.together))) return nullptr;
      return to.self->lead_.wait_for_room() ? to.self->reply_payload() : nullptr;
    }
    RONDO_DEVICE static void send(rondo_emitter* base, std::uint32_t length, std::uint16_t version,
                                  std::uint32_t flags) {
      static_cast<emit_sink*>(base)->self->emit({1, length, flags, version});
    }
  };

  RONDO_DEVICE void emit(const ready_reply& reply) {
    put_header(reply, header().correlation_id, m_.out_next);
    store_message<P, K>(lead_.out(), m_.out_next, stage_ + plan::out_at,
                        plan::header_bytes + reply.length, 0, 1);
    ++m_.out_next;
    ++m_.counters.messages_out;
    m_.counters.bytes_out += reply.length;
    if (K::is_chunked(lead_.out())) return;
    P::store_release(&lead_.out().producer->tail, m_.out_next);  // SYNC: tail-published
    m_.out_published = m_.out_next;
  }

  RONDO_DEVICE void run_handler(const rondo_envelope& asked, ready_reply& reply) {
    if constexpr (plan::runs == execution::warp) {
      x_.sync_block();
      if (x_.in_first_warp()) run_together({x_.thread(), x_.lanes(), &sync_warp, this}, reply);
      x_.sync_block();
    } else if constexpr (plan::runs == execution::block) {
      x_.sync_block();
      run_together({x_.thread(), x_.threads(), &sync_block, this}, reply);
    } else if constexpr (plan::runs == execution::grid) {
      x_.sync_block();
      if (x_.thread() == 0 && x_.blocks() > 1)
        x_.store_release(&resume_.go, (sequence() + 1) << 1);  // SYNC: go
      run_together(grid_team(), reply);
    } else {
      if (x_.thread() == 0) run_alone(asked, reply);
    }
  }

  RONDO_DEVICE void run_alone(const rondo_envelope& asked, ready_reply& reply) {
    if (asked.length > plan::request_bytes) [[unlikely]] {
      context(invocation()).fail_with(RONDO_MALFORMED, 0, too_long);
      return;
    }
    if constexpr (replying_handler<H>) {
      reply_sink out{this, &reply};
      detail::dispatch(handler(), asked, payload(), out, invocation());
    } else {
      emit_sink out(this, {});
      detail::dispatch(handler(), asked, payload(), out, invocation());
    }
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
  static constexpr const char* too_long = "the request is longer than its type allows";

  // All lanes of the team, on one request that the first has checked and decoded.
  RONDO_DEVICE void run_together(const team& together, ready_reply& reply) {
    context ctx(invocation(), together);
    const bool leads = together.lane == 0;
    auto& decoded = *reinterpret_cast<request*>(stage_ + plan::request_at);
    // Not ctx.failed(): a quick lane's handler may have failed before a slow lane asks, and all
    // must go the same way to the next barrier.
    auto& is_refused = *reinterpret_cast<std::uint32_t*>(stage_ + plan::refused_at);
    clear_answer(together);
    if (leads) is_refused = prepare(ctx, decoded) ? 0 : 1;
    ctx.sync();
    if (is_refused == 0) {
      const request* in = &decoded;
      if constexpr (detail::is_plain<request>) in = reinterpret_cast<const request*>(payload());
      if constexpr (replying_handler<H>) {
        handler()(*in, answer(), ctx);
      } else {
        emit_sink out(this, together);
        emitter<response> replies(out);
        handler()(*in, replies, ctx);
      }
    }
    ctx.sync();
    if constexpr (plan::runs == execution::grid) {
      // Somebody did not come to a barrier: what the others made of the request is worth nothing.
      if (leads && is_aborted())
        ctx.fail_with(RONDO_TERMINATED, 0, "stopped while its blocks waited for each other");
    }
    if constexpr (replying_handler<H>) {
      if (leads && !ctx.failed()) seal(ctx, reply);
    }
  }

  RONDO_DEVICE response& answer() const {
    if constexpr (detail::is_plain<response>) return *reinterpret_cast<response*>(reply_payload());
    else return *reinterpret_cast<response*>(stage_ + plan::response_at);
  }

  // By all lanes: one alone would take longer for a large response than the handler.
  RONDO_DEVICE void clear_answer(const team& together) const {
    if constexpr (replying_handler<H>) {
      if constexpr (detail::is_plain<response> &&
                    std::is_trivially_default_constructible_v<response>) {
        auto* words = reinterpret_cast<ring::chunk*>(__builtin_assume_aligned(reply_payload(), 16));
        for (std::uint32_t k = together.lane; k < (sizeof(response) + 15) / 16; k += together.lanes)
          words[k] = {};
      } else if (together.lane == 0) {
        ::new (&answer()) response{};
      }
    }
  }

  RONDO_DEVICE bool prepare(context& ctx, request& decoded) {
    if (!detail::check_header<H>(header(), ctx)) return false;
    bool is_sound = header().length <= plan::request_bytes;
    if constexpr (detail::is_plain<request>) is_sound = header().length == sizeof(request);
    else if (is_sound) is_sound = decode(payload(), header().length, *::new (&decoded) request{});
    if (!is_sound)
      ctx.fail_with(RONDO_MALFORMED, 0, "the request's bytes are not a message of its type");
    if constexpr (replying_handler<H>) {
      is_sound = is_sound && fits(detail::max_bytes<response>(), ctx);
    }
    return is_sound;
  }

  RONDO_DEVICE void seal(context& ctx, ready_reply& reply) {
    std::int64_t length = sizeof(response);
    if constexpr (!detail::is_plain<response>)
      length = encode(answer(), reply_payload(), detail::max_bytes<response>());
    if (length < 0)
      ctx.fail_with(RONDO_TOO_LARGE, 0, "the response is larger than its declared maximum");
    else reply = {1, static_cast<std::uint32_t>(length), 0, detail::message_of<response>.version};
  }

  RONDO_DEVICE static void sync_warp(void* self) { static_cast<server*>(self)->x_.sync_warp(); }
  RONDO_DEVICE static void sync_block(void* self) { static_cast<server*>(self)->x_.sync_block(); }
  RONDO_DEVICE static void sync_grid(void* self) { static_cast<server*>(self)->wait_for_grid(); }

  // ---- several blocks

  RONDO_DEVICE team grid_team() {
    return {x_.block() * x_.threads() + x_.thread(), x_.blocks() * x_.threads(), &sync_grid, this};
  }

  RONDO_DEVICE void wait_for_grid() {
    x_.sync_block();
    ++rounds_;
    if (x_.thread() == 0 && x_.blocks() > 1) {
      const std::uint64_t everyone = rounds_ * x_.blocks();
      x_.add_release(&resume_.arrived, 1);  // SYNC: grid
      std::uint32_t looks = 0;
      // SYNC: grid
      while (x_.load_acquire(&resume_.arrived) < everyone && !is_aborted()) {
        x_.nap(follower_nap_ns);
        // Seldom: asking the host takes as long as many naps.
        if (x_.block() == 0 && ++looks % looks_per_order == 0 && lead_.must_leave_team())
          x_.store_release(&resume_.aborted, 1);
      }
    }
    x_.sync_block();
  }

  RONDO_DEVICE bool is_aborted() const { return x_.load_acquire(&resume_.aborted) != 0; }

  // The other blocks: each waits for a message number, and runs the handler if it is one for grids.
  RONDO_DEVICE void follow() {
    std::uint64_t last = 0;
    for (;;) {
      if (x_.thread() == 0) {
        std::uint64_t go;
        while ((go = x_.load_acquire(&resume_.go)) == last) x_.nap(follower_nap_ns);  // SYNC: go
        m_.go = go;
      }
      x_.sync_block();
      if (m_.go == leave_mark) return;
      last = m_.go;
      if constexpr (plan::runs == execution::grid) {
        ready_reply none{};  // block 0 replies
        run_together(grid_team(), none);
      }
      x_.sync_block();
    }
  }

  // ---- independent requests, one for each thread; counted input

  struct own_sink {
    const server* self;
    rondo_invocation* own;
    std::byte* payload;
    ready_reply reply;

    RONDO_DEVICE void* reserve(own_sink*, std::uint32_t bytes) {
      return self->fits(bytes, context(*own)) ? payload : nullptr;
    }
    RONDO_DEVICE void commit(own_sink*, std::uint32_t length, std::uint16_t version,
                             std::uint32_t flags) {
      reply = {1, length, flags, version};
    }
  };

  // Requests come in and replies go out piece by piece, neighbouring threads at neighbouring
  // pieces: a thread that fetched its own message would ask the bus for 16 bytes at a time.
  RONDO_DEVICE void handle_batch() {
    const std::uint32_t t = x_.thread();
    const std::uint64_t begin = t == 0 ? batch_begins() : 0;
    fetch_batch();
    x_.sync_block();
    if (t < m_.count) {
      const auto& head = *reinterpret_cast<const rondo_envelope*>(request_of(t));
      if ((head.flags & RONDO_FLAG_ABANDONED) != 0 || m_.sequence + t < args_.skip_below ||
          head.length > lead_.in().shape.payload_capacity)
        x_.min_in_block(&m_.first_bad, t);
    }
    x_.sync_block();
    const std::uint32_t good = m_.first_bad;
    if (t < good) answer_own(m_.out_next + t);
    x_.sync_block();
    if (!K::is_chunked(lead_.out())) {
      send_batch(good);
      x_.sync_block();
    }
    if (x_.in_first_warp()) batch_ends(good, begin);
  }

  // Where thread t's request and its reply lie, envelopes first.
  RONDO_DEVICE ring::chunk* request_of(std::uint32_t t) const {
    return reinterpret_cast<ring::chunk*>(x_.dynamic_memory()) + t * plan::request_pieces;
  }
  RONDO_DEVICE ring::chunk* reply_of(std::uint32_t t) const {
    return request_of(x_.threads()) + t * plan::reply_pieces;
  }

  RONDO_DEVICE void fetch_batch() {
    constexpr std::uint32_t in_flight = 6;
    const std::uint32_t all = m_.count * plan::request_pieces;
    RONDO_KEEP_LOOP
    for (std::uint32_t i = x_.thread(); i < all; i += in_flight * x_.threads()) {
      ring::chunk piece[in_flight];
      RONDO_UNROLL
      for (std::uint32_t f = 0; f < in_flight; ++f) {
        const std::uint32_t at = i + f * x_.threads();
        if (at < all)
          piece[f] = reinterpret_cast<const ring::chunk*>(
              lead_.in().slot(m_.sequence + at / plan::request_pieces))[at % plan::request_pieces];
      }
      RONDO_UNROLL
      for (std::uint32_t f = 0; f < in_flight; ++f) {
        const std::uint32_t at = i + f * x_.threads();
        if (at < all) *(request_of(0) + at) = piece[f];
      }
    }
  }

  // A failure may be longer than a response: its thread has sent it, and marked it here.
  static constexpr std::uint32_t sent_mark = 1;
  RONDO_DEVICE void send_batch(std::uint32_t count) {
    RONDO_KEEP_LOOP
    for (std::uint32_t i = x_.thread(); i < count * plan::reply_pieces; i += x_.threads()) {
      const std::uint32_t t = i / plan::reply_pieces, k = i % plan::reply_pieces;
      const ring::chunk* reply = reply_of(t);
      if (reply[0].tag == sent_mark) continue;
      reinterpret_cast<ring::chunk*>(lead_.out().slot(m_.out_next + t))[k] = reply[k];
    }
  }
  static_assert(offsetof(rondo_envelope, reserved) == offsetof(ring::chunk, tag));

  RONDO_DEVICE std::uint64_t batch_begins() {
    const std::uint64_t now = x_.now();
    if ((args_.flags & flag_watched) != 0) lead_.say_busy(now);
    return now;
  }

  RONDO_DEVICE void answer_own(std::uint64_t sequence) {
    const auto* content = reinterpret_cast<const std::byte*>(request_of(x_.thread()));
    auto* out = reinterpret_cast<std::byte*>(reply_of(x_.thread()));
    const rondo_envelope in = *reinterpret_cast<const rondo_envelope*>(content);
    rondo_invocation own;
    begin_invocation(own, *reinterpret_cast<const rondo_envelope*>(content));
    own_sink to{this, &own, out + plan::header_bytes, {}};
    if (in.length <= plan::request_bytes) [[likely]]
      detail::dispatch(handler(), in, content + plan::header_bytes, to, own);
    else context(own).fail_with(RONDO_MALFORMED, 0, too_long);
    if constexpr (!detail::is_plain<request>) x_.add_in_block(&m_.counters.bytes_in, in.length);
    if (own.failure_code != RONDO_OK) [[unlikely]]
      return fail_own(own, in.correlation_id, sequence);
    put_own(out, to.reply, 0, in.correlation_id, sequence);
    if (K::is_chunked(lead_.out()))
      store_message<P, K>(lead_.out(), sequence, out, plan::header_bytes + to.reply.length, 0, 1);
    if constexpr (!detail::is_plain<response>)
      x_.add_in_block(&m_.counters.bytes_out, to.reply.length);
  }

  RONDO_DEVICE static void put_own(std::byte* out, const ready_reply& reply, std::uint32_t mark,
                                   std::uint64_t correlation_id, std::uint64_t sequence) {
    const rondo_envelope header{reply.length,
                                RONDO_TYPE_RESPONSE,
                                static_cast<std::uint16_t>(reply.version),
                                reply.flags,
                                mark,
                                sequence + 1,
                                correlation_id};
    __builtin_memcpy(__builtin_assume_aligned(out, 16), &header, sizeof header);
  }

  RONDO_DEVICE void fail_own(const rondo_invocation& own, std::uint64_t correlation_id,
                             std::uint64_t sequence) {
    constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
    alignas(16) std::byte out[plan::header_bytes + sizeof(rondo_failure)];
    const std::uint32_t room = lead_.out().shape.payload_capacity;
    ready_reply reply{1, 0, RONDO_FLAG_ABANDONED, 0};  // a batch leaves no slot out
    if (room >= fixed) {
      auto& record = *reinterpret_cast<rondo_failure*>(out + plan::header_bytes);
      const std::uint32_t text = least(own.failure_length, room - fixed);
      record.code = own.failure_code;
      record.user_code = own.user_code;
      RONDO_KEEP_LOOP
      for (std::uint32_t k = 0; k < text; ++k) record.text[k] = own.failure_text[k];
      reply = {1, fixed + text, RONDO_FLAG_FAILED, 0};
    }
    put_own(out, reply, 0, correlation_id, sequence);
    store_message<P, K>(lead_.out(), sequence, out, plan::header_bytes + reply.length, 0, 1);
    reply_of(x_.thread())->tag = sent_mark;
    x_.add_in_block(&m_.counters.messages_failed, 1);
    x_.add_in_block(&m_.counters.bytes_out, reply.length);
    // What a successful reply would have been is taken off here and added with all below.
    if constexpr (detail::is_plain<response>)
      x_.add_in_block(&m_.counters.bytes_out, ~std::uint64_t{sizeof(response)} + 1);
  }

  RONDO_DEVICE void batch_ends(std::uint32_t good, std::uint64_t begin) {
    if (x_.thread() == 0) {
      m_.out_next += good;
      counters_line& c = m_.counters;
      constexpr std::uint32_t every = RONDO_SAMPLE_EVERY;
      auto t = static_cast<std::uint32_t>((every - m_.sequence % every) % every);
      if (t < good) {  // all of a batch take as long as the batch
        const std::uint64_t end = x_.now();
        for (; t < good; t += every)
          count_sample(reinterpret_cast<const rondo_envelope*>(request_of(t))->reserved, begin,
                       end);
        c.heartbeat = end;
      }
      if (c.busy_since != 0) lead_.say_busy(0);
      c.messages_in += good;
      c.messages_out += good;
      if constexpr (detail::is_plain<request>) c.bytes_in += good * sizeof(request);
      if constexpr (detail::is_plain<response>) c.bytes_out += good * sizeof(response);
      if (good == 0) ++c.messages_dropped;
    }
    x_.sync_warp();
    lead_.advance_batch(good == 0 ? 1 : good);
  }

  const X& x_;
  const launch_args& args_;
  block_memory<H>& m_;
  std::byte* stage_;
  resume_block& resume_;
  lead<H, X, P, K> lead_;
  std::uint64_t rounds_ = 0;
  // The short way of the next request.
  std::uint64_t reply_slot_ = 0;
  std::uint32_t is_short_ = 0;
  decltype(X::place_of(nullptr)) stage_place_{};
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
template <class H, class X>
RONDO_DEVICE constexpr bool takes_single_messages(const X& x, const launch_args& args) {
  constexpr bool is_for_one_warp =
      stage_plan<H>::runs == execution::serial || stage_plan<H>::runs == execution::warp;
  constexpr auto chunked = static_cast<std::uint32_t>(ring::publication::chunked);
  return is_for_one_warp && args.input.publication == chunked &&
         args.output.publication == chunked && x.blocks() == 1 && x.threads() == x.lanes();
}

// action::probe, by one thread.
template <class H>
RONDO_DEVICE void probe(const launch_args& args, std::uint64_t clock) {
  using plan = stage_plan<H>;
  using P = ring::platform;
  auto& to = *reinterpret_cast<probe_record*>(args.probe);
  to.layout = current_layout();
  to.handler_flags = detail::handler_flags<H>();
  to.request_max_bytes = plan::request_bytes;
  to.response_max_bytes = detail::max_bytes<typename H::response>();
  to.scratch_bytes = plan::scratch_bytes;
  to.shared_per_thread = plan::shared_per_thread;
  to.request_schema = detail::schema_hash<typename H::request>();
  to.response_schema = detail::schema_hash<typename H::response>();
  to.state_bytes = sizeof(H);
  to.state_alignment = alignof(H);
  to.destroys = std::is_trivially_destructible_v<H> ? 0 : 1;
  to.clock = clock;
  P::store_release(&to.done, 1);  // SYNC: probed
}

}  // namespace rondo::device
