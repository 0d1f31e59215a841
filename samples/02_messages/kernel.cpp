// The kernel module. A device image has no part in what only a host can read, so its compiler does
// not get to see that.
#include "messages.hpp"
#if !defined(__CUDACC__)
#include "settings.hpp"
#endif

#include <rondo/kernel/registration.hpp>

RONDO_KERNEL(mirror);
RONDO_KERNEL(take_order);
#if !defined(__CUDACC__)
RONDO_KERNEL(complete_settings);
#endif
