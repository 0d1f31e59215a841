// The kernel module: the handler, nothing else.
#include "thumbnail.hpp"

#include <rondo/kernel/registration.hpp>

RONDO_KERNEL(thumbnail);
