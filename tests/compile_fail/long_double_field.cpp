// A long double has padding, and is another type on a device.
// expect: a message field is arithmetic \(not long double\)
#include <rondo/kernel/message.hpp>

struct angle {
#ifdef RONDO_BAD
  long double radians;
#else
  double radians;
#endif
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(radians);
  }
};
RONDO_MESSAGE(angle, "Angle", 1, plain);
