// The short way of a small plain request to a small plain reply, by one warp.
//
// Between the load that brings the request and the store that sends the reply every instruction is
// latency. So all that can be known before the request is there is decided then, and what is seldom
// is left to the long way, server::handle_one().
#pragma once

#include <rondo/device/running.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class short_way : protected running<H, X, P, K> {
  using base = running<H, X, P, K>;

 protected:
  using base::base;
  RONDO_AT_THE_DESK(base);
  using base::conclude;
  using base::count_reply;
  using base::count_request;

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
    is_short_ = !ring::is_timed(sequence()) && sequence() >= args_.skip_below &&
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
      x_.sync_warp();  // all have read what is written anew now
      if (end == short_end::not_handled) return false;
      ready_reply none{};
      conclude(header(), 0, none);
      return true;
    }
    piece.tag = ring::chunk_tag(lead_.out_next());
    if (x_.thread() < short_reply_pieces)
      P::store_chunk(reinterpret_cast<ring::chunk*>(reply_slot_), piece);  // SYNC: chunk-published
    if (x_.thread() == 0) {
      count_reply(sizeof(response));
      count_request(sizeof(request));
    }
    x_.sync_warp();
    lead_.advance(1);
    return true;
  }

  std::uint32_t is_short_ = 0;  // whether the next request may go this way

 private:
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
    const rondo_envelope said{sizeof(response),
                              RONDO_TYPE_RESPONSE,
                              detail::message_of<response>.version,
                              0,
                              0,
                              lead_.out_next() + 1,
                              reinterpret_cast<const rondo_envelope*>(stage)->correlation_id};
    response out{};
    context ctx(invocation(stage));
    handler()(in, out, ctx);
    ctx.flush_buffers();
    std::byte* to = stage + plan::out_at;
    *reinterpret_cast<rondo_envelope*>(to) = said;
    __builtin_memcpy(__builtin_assume_aligned(to + plan::header_bytes, 16), &out, sizeof out);
    return ctx.failed() ? short_end::failed : short_end::replied;
  }

  std::uint64_t reply_slot_ = 0;
  decltype(X::place_of(nullptr)) stage_place_{};
};

}  // namespace rondo::device
