// The entry of the CUDA plugin, and the only thing it exports.
#include "device.hpp"

namespace {

constexpr rondo_string capabilities[] = {
    RONDO_CAPABILITY(RONDO_CAP_MAPPED),          RONDO_CAPABILITY(RONDO_CAP_ZERO_COPY),
    RONDO_CAPABILITY(RONDO_CAP_BATCH),           RONDO_CAPABILITY(RONDO_CAP_PUBLISH_COUNTED),
    RONDO_CAPABILITY(RONDO_CAP_PUBLISH_CHUNKED), RONDO_CAPABILITY(RONDO_CAP_RELAUNCH),
    RONDO_CAPABILITY(RONDO_CAP_HANG_DETECTION),  RONDO_CAPABILITY(RONDO_CAP_LEASE),
    RONDO_CAPABILITY(RONDO_CAP_LATENCY),         RONDO_CAPABILITY(RONDO_CAP_BUFFER),
    RONDO_CAPABILITY(RONDO_CAP_HOOKS),           RONDO_CAPABILITY(RONDO_CAP_TIMER),
};

}  // namespace

// Not unload_safe: an abandoned grid is looked after until the process ends.
RONDO_BACKEND(rondo::cuda::cuda_backend, "dev.rondo.cuda", "cuda", RONDO_PLUGIN_VERSION,
              capabilities, 0);
