// A handler's messages are declared with RONDO_MESSAGE.
// expect: both declared with RONDO_MESSAGE
#include <rondo/kernel/registration.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
#ifndef RONDO_BAD
RONDO_MESSAGE(ping, "Ping", 1, plain);
#endif

struct pong {
  static constexpr rondo::handler_id id{"Pong"};
  using request = ping;
  using response = ping;
  RONDO_HANDLER void operator()(const ping& in, ping& out, rondo::context&) { out = in; }
};
RONDO_KERNEL(pong);
