// Translating the driver's result codes.
#include "error.hpp"

namespace rondo::cuda {

std::string describe(CUresult code) {
  const char* name = nullptr;
  const char* text = nullptr;
  the_driver().cuGetErrorName(code, &name);
  the_driver().cuGetErrorString(code, &text);
  return std::string(name != nullptr ? name : "CUDA error " + std::to_string(code)) + ", " +
         (text != nullptr ? text : "of which the driver says nothing");
}

bool is_sticky(CUresult code) {
  switch (code) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_UNKNOWN: return true;
    default: return false;
  }
}

rondo_status status_of(CUresult code) {
  if (is_sticky(code)) return RONDO_DEVICE_LOST;
  switch (code) {
    case CUDA_SUCCESS: return RONDO_OK;
    case CUDA_ERROR_OUT_OF_MEMORY: return RONDO_OUT_OF_MEMORY;
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_NO_DEVICE: return RONDO_NO_USABLE_DEVICE;
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_INVALID_IMAGE:
    case CUDA_ERROR_INVALID_PTX:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    case CUDA_ERROR_NOT_FOUND: return RONDO_NO_IMAGE;
    case CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE:
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: return RONDO_LIMIT_REACHED;
    default: return RONDO_INTERNAL;
  }
}

void check(CUresult code, const std::string& subject, const std::string& what) {
  if (code == CUDA_SUCCESS) return;
  const rondo_status status = status_of(code);
  std::string remedy;
  if (status == RONDO_DEVICE_LOST)
    remedy = "The device takes no more work in this process; restart it, or go on with another";
  else if (status == RONDO_OUT_OF_MEMORY)
    remedy = "Free memory, or ask for less; nvidia-smi shows who uses the device";
  else if (status == RONDO_NO_IMAGE)
    remedy = "Build the module for this device: add its architecture to RONDO_CUDA_ARCHITECTURES";
  throw failure(status, subject, what + ": " + describe(code), remedy);
}

}  // namespace rondo::cuda
