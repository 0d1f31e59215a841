// A handler is called with a request, a response and the context.
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
  using request = ping;
  using response = ping;
#ifdef RONDO_BAD
  RONDO_HANDLER ping operator()(const ping& in, rondo::context&) { return in; }
#else
  RONDO_HANDLER void operator()(const ping& in, ping& out, rondo::context&) { out = in; }
#endif
};
RONDO_KERNEL(pong);
