// A handler says which message it takes.
// expect: a handler has
#include <rondo/kernel/registration.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
RONDO_MESSAGE(ping, "Ping", 1, plain);

struct pong {
  static constexpr rondo::handler_id id{"Pong"};
#ifndef RONDO_BAD
  using request = ping;
#endif
  using response = ping;
  RONDO_HANDLER void operator()(const ping& in, ping& out, rondo::context&) { out = in; }
};
RONDO_KERNEL(pong);
