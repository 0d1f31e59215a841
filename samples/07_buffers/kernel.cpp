// The kernel module: the handler, nothing else.
#include "series.hpp"

#include <rondo/kernel/registration.hpp>

RONDO_KERNEL(smoother);
