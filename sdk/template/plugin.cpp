// A backend to grow from: it has one device, and runs a handler on the thread that sends the
// request. No ring and no thread of its own, only the calls that every backend must have, and it
// passes the conformance suite. Replace it from the inside out: first what happens in
// kernel::run_waiting(), then the queues; `rondo conformance` says when something is missing.
//
// Read it in this order: this entry, device, kernel, queue, memory.
#include "device.hpp"

namespace {

constexpr rondo_string capabilities[] = {
    RONDO_CAPABILITY(RONDO_CAP_HOST_IMAGE), RONDO_CAPABILITY(RONDO_CAP_BUFFER),
    RONDO_CAPABILITY(RONDO_CAP_EMITS), RONDO_CAPABILITY(RONDO_CAP_HOST_ONLY_MESSAGES)};

}  // namespace

RONDO_BACKEND(starter::backend, "org.example.starter", "starter", RONDO_PLUGIN_VERSION,
              capabilities, 1);
