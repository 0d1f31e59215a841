// A message fits a slot, which carries at most 64 KiB.
// expect: a message takes at most 65536 bytes
#include <rondo/kernel/message.hpp>

struct page {
#ifdef RONDO_BAD
  rondo::bounded_vector<std::uint8_t, 65536 - 7> bytes;
#else
  rondo::bounded_vector<std::uint8_t, 65536 - 8> bytes;
#endif
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(bytes);
  }
};
RONDO_MESSAGE(page, "Page", 1, encoded);
