// The largest size of a message is known when it is compiled, so that serialize() is constexpr.
// expect: called in a constant expression|non-constexpr function
#include <rondo/kernel/message.hpp>

struct step {
  std::uint64_t count;
  template <class A>
#ifdef RONDO_BAD
  RONDO_HANDLER void serialize(A& ar){
#else
  RONDO_HANDLER constexpr void serialize(A& ar) {
#endif
      ar(count);
}
}
;
RONDO_MESSAGE(step, "Step", 1, encoded);
