// A slot aligns its payload to 16 bytes and no more.
// expect: aligned to at most 16 bytes
#include <rondo/kernel/message.hpp>

#ifdef RONDO_BAD
struct alignas(32) block {
#else
struct alignas(16) block {
#endif
  std::uint64_t words[4];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(words);
  }
};
RONDO_MESSAGE(block, "Block", 1, plain);
