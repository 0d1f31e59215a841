// The kernel module cuda_kernels.
#include "kernels.hpp"
#include "slicers.hpp"

#include <rondo/kernel/registration.hpp>

namespace cuda_test {

RONDO_KERNEL(plain_teller);
RONDO_KERNEL(other_teller);
RONDO_KERNEL(older_teller);
RONDO_KERNEL(newer_teller);
RONDO_KERNEL(warp_adder);
RONDO_KERNEL(block_adder);
RONDO_KERNEL(grid_adder);
RONDO_KERNEL(independent_teller);
RONDO_KERNEL(emitting_teller);
RONDO_KERNEL(large_teller);
RONDO_KERNEL(sleeper);
RONDO_KERNEL(breaker);
RONDO_KERNEL(buffer_adder);
RONDO_KERNEL(timekeeper);
RONDO_KERNEL(serial_slicer);
RONDO_KERNEL(block_slicer);
RONDO_KERNEL(independent_slicer);
RONDO_KERNEL(slice_emitter);

}  // namespace cuda_test
