// The kernel module: the handler, nothing else.
#include "collatz.hpp"

#include <rondo/kernel/registration.hpp>

RONDO_KERNEL(collatz);
