// The kernel module gpu_bench_kernels.
#include "kernels.hpp"

#include <rondo/kernel/registration.hpp>

namespace gpu_bench {

RONDO_KERNEL(replier);
RONDO_KERNEL(timed_replier);
RONDO_KERNEL(stream_replier);
RONDO_KERNEL(buffer_reader);
RONDO_KERNEL(buffer_writer);
RONDO_KERNEL(large_replier);

}  // namespace gpu_bench
