// A plain message is read where it lies, and a byte of 2 is no bool.
// expect: bounded containers, optionals and bool need encoded
#include <rondo/kernel/message.hpp>

struct lamp {
#ifdef RONDO_BAD
  bool on;
#else
  std::uint8_t on;
#endif
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(on);
  }
};
RONDO_MESSAGE(lamp, "Lamp", 1, plain);
