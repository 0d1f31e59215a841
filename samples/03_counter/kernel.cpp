// The kernel module: the handler, nothing else.
#include "counter.hpp"

#include <rondo/kernel/registration.hpp>

RONDO_KERNEL(counter);
