// The handler of messages that only a host can read; a device image has no part in it.
#if !defined(__CUDACC__)
#include "words.hpp"

#include <rondo/kernel/registration.hpp>

namespace conformance_kernels {
RONDO_KERNEL(words_handler);
}
#endif
