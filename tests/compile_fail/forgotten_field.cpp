// The serialize() of a plain message names every field.
// expect: serialize\(\) names every field
#include <rondo/kernel/message.hpp>

struct point {
  float x, y, z;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(x, y);
#ifndef RONDO_BAD
    ar(z);
#endif
  }
};
RONDO_MESSAGE(point, "Point", 1, plain);
