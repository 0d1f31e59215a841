// Independent requests of a counted input, one for each thread.
#pragma once

#include <rondo/device/short_way.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class batches : protected short_way<H, X, P, K> {
  using base = short_way<H, X, P, K>;

 protected:
  using base::base;
  RONDO_AT_THE_DESK(base);
  using base::begin_invocation;
  using base::fits;
  using base::too_long;

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

 private:
  struct own_sink {
    batches* self;
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

  // Where thread t's request and its reply lie, envelopes first.
  RONDO_DEVICE ring::chunk* request_of(std::uint32_t t) const {
    return reinterpret_cast<ring::chunk*>(x_.dynamic_memory()) + t * plan::request_pieces;
  }
  RONDO_DEVICE ring::chunk* reply_of(std::uint32_t t) const {
    return request_of(x_.threads()) + t * plan::reply_pieces;
  }

  static constexpr std::uint32_t in_flight = 6;
  struct pieces {
    ring::chunk of[in_flight];
  };

  // All loads before the first is waited for. What else crosses the bus meanwhile costs little: the
  // order that makes the last batch's replies visible, and the look at what comes behind this one.
  RONDO_DEVICE void fetch_batch() {
    pieces some;
    load(some, x_.thread());
    if (x_.thread() == publisher()) lead_.show_replies();
    if (x_.in_first_warp()) lead_.look_ahead();
    keep(some, x_.thread());
    const std::uint32_t stride = in_flight * x_.threads();
    RONDO_KEEP_LOOP
    for (std::uint32_t i = x_.thread() + stride; i < m_.count * plan::request_pieces; i += stride) {
      load(some, i);
      keep(some, i);
    }
  }
  // Of another warp than the one that looks, if there is one.
  RONDO_DEVICE std::uint32_t publisher() const {
    return x_.threads() > x_.lanes() ? x_.lanes() : 0;
  }

  // Pieces first, first + threads, and so on of the batch.
  RONDO_DEVICE void load(pieces& to, std::uint32_t first) const {
    RONDO_UNROLL
    for (std::uint32_t f = 0; f < in_flight; ++f) {
      const std::uint32_t at = first + f * x_.threads();
      if (at < m_.count * plan::request_pieces)
        to.of[f] = reinterpret_cast<const ring::chunk*>(
            lead_.in().slot(m_.sequence + at / plan::request_pieces))[at % plan::request_pieces];
    }
  }
  RONDO_DEVICE void keep(const pieces& from, std::uint32_t first) const {
    RONDO_UNROLL
    for (std::uint32_t f = 0; f < in_flight; ++f) {
      const std::uint32_t at = first + f * x_.threads();
      if (at < m_.count * plan::request_pieces) *(request_of(0) + at) = from.of[f];
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

  RONDO_DEVICE void answer_own(std::uint64_t place) {
    const auto* content = reinterpret_cast<const std::byte*>(request_of(x_.thread()));
    auto* out = reinterpret_cast<std::byte*>(reply_of(x_.thread()));
    const rondo_envelope in = *reinterpret_cast<const rondo_envelope*>(content);
    typename plan::invocation_record record;
    begin_invocation(record, *reinterpret_cast<const rondo_envelope*>(content));
    rondo_invocation& own = base::base_of(record);
    own_sink to{this, &own, out + plan::header_bytes, {}};
    if (in.length <= plan::request_bytes) [[likely]]
      detail::dispatch(handler(), in, content + plan::header_bytes, to, own);
    else context(own).fail_with(RONDO_MALFORMED, 0, too_long);
    if constexpr (!detail::is_plain<request>) x_.add_in_block(&m_.counters.bytes_in, in.length);
    if (own.failure_code != RONDO_OK) [[unlikely]]
      return fail_own(own, in.correlation_id, place);
    put_own(out, to.reply, 0, in.correlation_id, place);
    if (K::is_chunked(lead_.out()))
      store_message<P, K>(lead_.out(), place, out, plan::header_bytes + to.reply.length, 0, 1);
    if constexpr (!detail::is_plain<response>)
      x_.add_in_block(&m_.counters.bytes_out, to.reply.length);
  }

  RONDO_DEVICE static void put_own(std::byte* out, const ready_reply& reply, std::uint32_t mark,
                                   std::uint64_t correlation_id, std::uint64_t place) {
    const rondo_envelope said{reply.length,
                              RONDO_TYPE_RESPONSE,
                              static_cast<std::uint16_t>(reply.version),
                              reply.flags,
                              mark,
                              place + 1,
                              correlation_id};
    __builtin_memcpy(__builtin_assume_aligned(out, 16), &said, sizeof said);
  }

  RONDO_DEVICE void fail_own(const rondo_invocation& own, std::uint64_t correlation_id,
                             std::uint64_t place) {
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
    put_own(out, reply, 0, correlation_id, place);
    store_message<P, K>(lead_.out(), place, out, plan::header_bytes + reply.length, 0, 1);
    reply_of(x_.thread())->tag = sent_mark;
    x_.add_in_block(&m_.counters.messages_failed, 1);
    x_.add_in_block(&m_.counters.bytes_out, reply.length);
    // What a successful reply would have been is taken off here and added with all below.
    if constexpr (detail::is_plain<response>)
      x_.add_in_block(&m_.counters.bytes_out, ~std::uint64_t{sizeof(response)} + 1);
  }

  // Of the timed requests below `good`. All of a batch take as long as the batch, and most have
  // waited as long as their neighbours: each bucket is written once.
  RONDO_DEVICE void count_samples(std::uint32_t good, std::uint64_t begin) {
    constexpr std::uint32_t every = RONDO_SAMPLE_EVERY;
    const auto first = static_cast<std::uint32_t>((every - m_.sequence % every) % every);
    const std::uint64_t end = x_.now();
    lead_.note_age(begin, end);  // the look ahead was behind the begin
    if (first >= good) return;
    lead_.count_handled((good - first + every - 1) / every, begin, end);
    std::uint32_t bucket = lead_.no_bucket, n = 0;
    RONDO_KEEP_LOOP
    for (std::uint32_t t = first; t < good; t += every) {
      const auto stamp = reinterpret_cast<const rondo_envelope*>(request_of(t))->reserved;
      const std::uint32_t its = lead_.bucket_of_wait(stamp, begin);
      if (its != bucket) {
        lead_.count_waited(bucket, n);
        bucket = its, n = 0;
      }
      ++n;
    }
    lead_.count_waited(bucket, n);
  }

  RONDO_DEVICE void batch_ends(std::uint32_t good, std::uint64_t begin) {
    if (x_.thread() == 0) {
      m_.out_next += good;
      counters_line& c = m_.counters;
      count_samples(good, begin);
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
};

}  // namespace rondo::device
