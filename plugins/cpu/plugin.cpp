// The entry of the CPU plugin, and the only thing it exports.
#include "device.hpp"

namespace {

constexpr rondo_string capabilities[] = {
    RONDO_CAPABILITY(RONDO_CAP_MAPPED),
    RONDO_CAPABILITY(RONDO_CAP_ZERO_COPY),
    RONDO_CAPABILITY(RONDO_CAP_BATCH),
    RONDO_CAPABILITY(RONDO_CAP_PUBLISH_WORD),
    RONDO_CAPABILITY(RONDO_CAP_PUBLISH_COUNTED),
    RONDO_CAPABILITY(RONDO_CAP_PUBLISH_CHUNKED),
    RONDO_CAPABILITY(RONDO_CAP_PARK),
    RONDO_CAPABILITY(RONDO_CAP_PIN),
    RONDO_CAPABILITY(RONDO_CAP_RELAUNCH),
    RONDO_CAPABILITY(RONDO_CAP_HANG_DETECTION),
    RONDO_CAPABILITY(RONDO_CAP_BUFFER),
    RONDO_CAPABILITY(RONDO_CAP_HOST_IMAGE),
    RONDO_CAPABILITY(RONDO_CAP_HOST_ONLY_MESSAGES),
};

}  // namespace

// Not unload_safe: an abandoned handler's thread may still run this library's code.
RONDO_BACKEND(rondo::cpu::cpu_backend, "dev.rondo.cpu", "cpu", RONDO_PLUGIN_VERSION, capabilities,
              0);
