// The kernel module bench_kernels, which rondo_bench launches on the CPU backend.
#include "kernels.hpp"

#include <rondo/kernel/registration.hpp>

namespace bench {

RONDO_KERNEL(replier_64);
RONDO_KERNEL(brief_64);
RONDO_KERNEL(replier_256);
RONDO_KERNEL(replier_65536);
RONDO_KERNEL(filler_65536);
RONDO_KERNEL(counter_64);
RONDO_KERNEL(counter_256);
RONDO_KERNEL(counter_65536);

}  // namespace bench
