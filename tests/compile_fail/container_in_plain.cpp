// Bounded containers have a length of their own, so that they travel encoded.
// expect: bounded containers, optionals and bool need encoded
#include <rondo/kernel/message.hpp>

struct list {
  rondo::bounded_vector<std::uint32_t, 7> values;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(values);
  }
};
#ifdef RONDO_BAD
RONDO_MESSAGE(list, "List", 1, plain);
#else
RONDO_MESSAGE(list, "List", 1, encoded);
#endif
