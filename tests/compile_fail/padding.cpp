// A plain message may not have bytes that no field owns.
// expect: a plain message has no padding
#include <rondo/kernel/message.hpp>

struct reading {
#ifdef RONDO_BAD
  std::uint32_t sensor;
#else
  std::uint64_t sensor;
#endif
  double value;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(sensor, value);
  }
};
RONDO_MESSAGE(reading, "Reading", 1, plain);
