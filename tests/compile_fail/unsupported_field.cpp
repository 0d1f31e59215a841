// Types that a device cannot read are not fields of an encoded message.
// expect: a message field is arithmetic
#include <rondo/kernel/message.hpp>

#include <string>

struct note {
#ifdef RONDO_BAD
  std::string text;
#else
  rondo::bounded_string<80> text;
#endif
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(text);
  }
};
RONDO_MESSAGE(note, "Note", 1, encoded);
