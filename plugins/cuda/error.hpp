// What the driver's refusals become: a status code, the name of the thing, a sentence, a remedy.
#pragma once

#include "driver.hpp"

#include <rondo/backend/backend.hpp>

#include <string>

namespace rondo::cuda {

using backend::failure;

// "CUDA_ERROR_ILLEGAL_ADDRESS, an illegal memory access was encountered"
std::string describe(CUresult code);

// After these the context takes no more work: the device is lost for this process.
bool is_sticky(CUresult code);

// OUT_OF_MEMORY, DEVICE_LOST, NO_IMAGE or INTERNAL.
rondo_status status_of(CUresult code);

// Throws failure unless the call succeeded. `what`: "memory could not be allocated".
void check(CUresult code, const std::string& subject, const std::string& what);

}  // namespace rondo::cuda
