// The kernel module of the conformance suite: what `rondo conformance` launches on a backend.
#include "handlers.hpp"
#include "hooks.hpp"

#include <rondo/kernel/registration.hpp>

namespace conformance_kernels {

RONDO_KERNEL(nonce_handler);
RONDO_KERNEL(other_handler);
RONDO_KERNEL(types_handler);
RONDO_KERNEL(control_handler);
RONDO_KERNEL(counter_handler);
RONDO_KERNEL(slow_handler);
RONDO_KERNEL(hang_handler);
RONDO_KERNEL(busy_handler);
RONDO_KERNEL(independent_handler);
RONDO_KERNEL(brief_handler);
RONDO_KERNEL(fail_handler);
RONDO_KERNEL(large_handler);
RONDO_KERNEL(emit_handler);
RONDO_KERNEL(buffer_handler);
RONDO_KERNEL(slice_handler);
RONDO_KERNEL(hooks_handler);
RONDO_KERNEL(timer_handler);
RONDO_KERNEL(pulse_handler);

}  // namespace conformance_kernels
