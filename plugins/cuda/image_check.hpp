// Whether a device image and the backend, or the two images of a module, were made for each other:
// what the image's probe wrote is held against what the host knows. Any thread.
#pragma once

#include <rondo/abi.h>
#include <rondo/device/contract.hpp>

#include <cstdint>

namespace rondo::cuda {

// Bits of device::hook, of a record that is whole.
std::uint32_t hooks_of(const rondo_handler& whole);

// Before the image is loaded: the layout version that its record states. Throws VERSION_MISMATCH,
// naming both.
void check_layout(const rondo_image& image, const rondo_handler& handler);

// After it was probed. Throws VERSION_MISMATCH, naming the first fact that differs and both values.
void check_answer(const device::probe_record& seen, const rondo_handler& handler);

}  // namespace rondo::cuda
