// A wire name has no underscore: names of queues are split there.
// expect: a wire name is
#include <rondo/kernel/message.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
#ifdef RONDO_BAD
RONDO_MESSAGE(ping, "Ping_request", 1, plain);
#else
RONDO_MESSAGE(ping, "Ping.request", 1, plain);
#endif
