// Versions count from 1.
// expect: a message version counts from 1
#include <rondo/kernel/message.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
#ifdef RONDO_BAD
RONDO_MESSAGE(ping, "Ping", 0, plain);
#else
RONDO_MESSAGE(ping, "Ping", 1, plain);
#endif
