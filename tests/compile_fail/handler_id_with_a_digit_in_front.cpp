// A handler id follows the naming contract.
// expect: a handler id is
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
#ifdef RONDO_BAD
  static constexpr rondo::handler_id id{"2ndPong"};
#else
  static constexpr rondo::handler_id id{"Pong2-a_b.c"};
#endif
  using request = ping;
  using response = ping;
  RONDO_HANDLER void operator()(const ping& in, ping& out, rondo::context&) { out = in; }
};
RONDO_KERNEL(pong);
