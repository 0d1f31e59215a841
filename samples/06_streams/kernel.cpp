// The kernel module: the handler, nothing else.
#include "histogram.hpp"

#include <rondo/kernel/registration.hpp>

RONDO_KERNEL(histogram);
