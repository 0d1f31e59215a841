// Whoever may give many replies, or none, cannot promise to be done at once.
// expect: is_brief is for handlers with one response to each request
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
  static constexpr bool is_brief = true;
  using request = ping;
  using response = ping;
#ifdef RONDO_BAD
  RONDO_HANDLER void operator()(const ping& in, rondo::emitter<ping>& out, rondo::context&) {
    out.emit(in);
  }
#else
  RONDO_HANDLER void operator()(const ping& in, ping& out, rondo::context&) { out = in; }
#endif
};
RONDO_KERNEL(pong);
