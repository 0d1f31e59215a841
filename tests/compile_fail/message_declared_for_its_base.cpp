// RONDO_MESSAGE declares a type and not what derives from it.
// expect: both declared with RONDO_MESSAGE
#include <rondo/kernel/registration.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
RONDO_MESSAGE(ping, "Ping", 1, plain);

struct long_ping : ping {
  std::uint64_t more;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ping::serialize(ar);
    ar(more);
  }
};
#ifndef RONDO_BAD
RONDO_MESSAGE(long_ping, "LongPing", 1, plain);
#endif

struct pong {
  static constexpr rondo::handler_id id{"Pong"};
  using request = long_ping;
  using response = ping;
  RONDO_HANDLER void operator()(const long_ping& in, ping& out, rondo::context&) { out = in; }
};
RONDO_KERNEL(pong);
