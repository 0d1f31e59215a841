// A plain message travels by being copied as bytes.
// expect: a plain message must be trivially copyable
#include <rondo/kernel/message.hpp>

struct counter {
  std::uint64_t count = 0;
  constexpr counter() = default;
#ifdef RONDO_BAD
  constexpr counter(const counter& other) : count(other.count + 1) {}
#endif
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(count);
  }
};
RONDO_MESSAGE(counter, "Counter", 1, plain);
