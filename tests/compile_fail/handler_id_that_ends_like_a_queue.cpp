// A handler id does not end as the names of queues do.
// expect: a handler id is
#include <rondo/kernel/registration.hpp>

#ifdef RONDO_BAD
constexpr rondo::handler_id id{"camera_input"};
#else
constexpr rondo::handler_id id{"camera_input2"};
#endif
static_assert(id.size > 0);
