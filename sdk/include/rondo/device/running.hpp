// Running the handler: by those threads that it asks for, on the request in the stage, with its
// replies where they will be published from.
#pragma once

#include <rondo/device/grid.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class running : protected grid_blocks<H, X, P, K> {
  using base = grid_blocks<H, X, P, K>;

 protected:
  using base::base;
  RONDO_AT_THE_DESK(base);
  using base::call_others;
  using base::emit;
  using base::fits;
  using base::grid_team;
  using base::is_aborted;
  using base::make_room;

  static constexpr const char* too_long = "the request is longer than its type allows";

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
      call_others();
      run_together(grid_team(), reply);
    } else {
      if (x_.thread() == 0) run_alone(asked, reply);
    }
  }

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
        emitter<response> replies(out, ctx);
        handler()(*in, replies, ctx);
      }
    }
    // The lane that begins the reply behind the others: its order covers theirs.
    if (!leads) ctx.flush_buffers();
    ctx.sync();
    if (leads) ctx.flush_buffers();
    if constexpr (plan::runs == execution::grid) {
      // Somebody did not come to a barrier: what the others made of the request is worth nothing.
      if (leads && is_aborted())
        ctx.fail_with(RONDO_TERMINATED, 0, "stopped while its blocks waited for each other");
    }
    if constexpr (replying_handler<H>) {
      if (leads && !ctx.failed()) seal(ctx, reply);
    }
  }

 private:
  // Where a handler with one reply writes it: where it will be published from, by the whole block.
  struct reply_sink {
    running* self;
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
    running* self;
    team together;

    RONDO_DEVICE emit_sink(running* owner, const team& those)
        : rondo_emitter{sizeof(rondo_emitter), 0, &make_room, &send, {}},
          self(owner),
          together(those) {}
    RONDO_DEVICE static void* make_room(rondo_emitter* base, std::uint32_t bytes) {
      auto& to = *static_cast<emit_sink*>(base);
      if (to.together.lane != 0) return nullptr;
      const context ctx(to.self->invocation(), to.together);
      if (!to.self->fits(bytes, ctx) || !to.self->make_room(ctx)) return nullptr;
      return to.self->reply_payload();
    }
    RONDO_DEVICE static void send(rondo_emitter* base, std::uint32_t length, std::uint16_t version,
                                  std::uint32_t flags) {
      static_cast<emit_sink*>(base)->self->emit({1, length, flags, version});
    }
  };

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
  RONDO_DEVICE response& answer() const {
    if constexpr (detail::is_plain<response>) return *reinterpret_cast<response*>(reply_payload());
    else return *reinterpret_cast<response*>(stage_ + plan::response_at);
  }

  // By all lanes: one alone would take longer for a large response than the handler.
  RONDO_DEVICE void clear_answer(const team& together) const {
    if constexpr (replying_handler<H>) {
      constexpr bool is_trivial = std::is_trivially_default_constructible_v<response>;
      if constexpr (is_trivial && detail::fills_response<H>()) {
        return;
      } else if constexpr (detail::is_plain<response> && is_trivial) {
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

  RONDO_DEVICE static void sync_warp(void* self) { static_cast<running*>(self)->x_.sync_warp(); }
  RONDO_DEVICE static void sync_block(void* self) { static_cast<running*>(self)->x_.sync_block(); }
};

}  // namespace rondo::device
