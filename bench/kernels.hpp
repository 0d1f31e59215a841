// Rondo's part in the comparison: a handler that answers and one that only counts, for each size.
#pragma once

#include "messages.hpp"

namespace bench {

template <std::uint32_t Bytes>
struct replier {
  using request = message<role::request, Bytes>;
  using response = message<role::response, Bytes>;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    answer<Bytes>(in, out);
  }
};

template <std::uint32_t Bytes>
struct counter {
  using request = message<role::request, Bytes>;
  using response = tally;

  RONDO_HANDLER void operator()(const request& in, rondo::emitter<tally>& out, rondo::context&) {
    if (in.nonce != tally_nonce) [[likely]] {
      count<Bytes>(in, so_far);
    } else {
      out.emit(so_far);
      so_far = {};
    }
  }

  tally so_far{};
};

struct replier_64 : replier<64> {
  static constexpr rondo::handler_id id{"BenchReplier64"};
};
struct brief_64 : replier<64> {
  static constexpr rondo::handler_id id{"BenchBrief64"};
  static constexpr bool fills_response = true;
  static constexpr bool is_brief = true;
};
struct replier_256 : replier<256> {
  static constexpr rondo::handler_id id{"BenchReplier256"};
};
struct replier_65536 : replier<65536> {
  static constexpr rondo::handler_id id{"BenchReplier65536"};
};
struct filler_65536 : replier<65536> {
  static constexpr rondo::handler_id id{"BenchFiller65536"};
  static constexpr bool fills_response = true;
};
struct counter_64 : counter<64> {
  static constexpr rondo::handler_id id{"BenchCounter64"};
};
struct counter_256 : counter<256> {
  static constexpr rondo::handler_id id{"BenchCounter256"};
};
struct counter_65536 : counter<65536> {
  static constexpr rondo::handler_id id{"BenchCounter65536"};
};

}  // namespace bench
