// A plain message fits a slot, which carries at most 64 KiB.
// expect: a message takes at most 65536 bytes
#include <rondo/kernel/message.hpp>

struct page {
#ifdef RONDO_BAD
  std::uint8_t bytes[65537];
#else
  std::uint8_t bytes[65536];
#endif
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(bytes);
  }
};
RONDO_MESSAGE(page, "Page", 1, plain);
