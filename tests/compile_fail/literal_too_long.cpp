// A literal that does not fit its bounded_string is not cut.
// expect: the literal is longer than the bounded_string
#include <rondo/kernel/containers.hpp>

#ifdef RONDO_BAD
constexpr rondo::bounded_string<5> name = "Rondos";
#else
constexpr rondo::bounded_string<5> name = "Rondo";
#endif
static_assert(name.size() == 5);
