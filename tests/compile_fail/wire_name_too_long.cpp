// A wire name has at most 100 characters.
// expect: at most 100 characters
#include <rondo/kernel/message.hpp>

struct ping {
  std::uint64_t nonce;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce);
  }
};
#define RONDO_TEN "abcdefghij"
#define RONDO_HUNDRED                                                                       \
  RONDO_TEN RONDO_TEN RONDO_TEN RONDO_TEN RONDO_TEN RONDO_TEN RONDO_TEN RONDO_TEN RONDO_TEN \
      RONDO_TEN
#ifdef RONDO_BAD
RONDO_MESSAGE(ping, RONDO_HUNDRED "k", 1, plain);
#else
RONDO_MESSAGE(ping, RONDO_HUNDRED, 1, plain);
#endif
