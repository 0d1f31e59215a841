// A CUDA driver with one device that cannot be used, for the reason that a definition chooses. With
// FAKE_BARE there is none: it has what is needed, and every other attribute reads 0.
#include <cuda.h>

#include <cstring>

extern "C" {

#define FAKE __attribute__((visibility("default"))) CUresult CUDAAPI

FAKE cuInit(unsigned int) {
#if defined(FAKE_NO_DEVICE)
  return CUDA_ERROR_NO_DEVICE;
#else
  return CUDA_SUCCESS;
#endif
}

FAKE cuDriverGetVersion(int* version) {
#if defined(FAKE_OLD)
  *version = 11040;
#else
  *version = 99000;
#endif
  return CUDA_SUCCESS;
}

FAKE cuGetErrorName(CUresult code, const char** name) {
  *name = code == CUDA_ERROR_NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_UNKNOWN";
  return CUDA_SUCCESS;
}
FAKE cuGetErrorString(CUresult, const char** text) {
  *text = "made up";
  return CUDA_SUCCESS;
}

FAKE cuDeviceGetCount(int* count) {
  *count = 1;
  return CUDA_SUCCESS;
}
FAKE cuDeviceGet(CUdevice* device, int index) {
  *device = index;
  return CUDA_SUCCESS;
}
FAKE cuDeviceGetName(char* name, int size, CUdevice) {
  std::strncpy(name, "Fake GPU", static_cast<std::size_t>(size));
  return CUDA_SUCCESS;
}
FAKE cuDeviceTotalMem(size_t* bytes, CUdevice) {
  *bytes = 1 << 30;
  return CUDA_SUCCESS;
}

FAKE cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice) {
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
#if defined(FAKE_WEAK)
      *value = 7;
      break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 5; break;
#else
      *value = 9;
      break;
#endif
    case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
#if defined(FAKE_PROHIBITED)
      *value = CU_COMPUTEMODE_PROHIBITED;
#elif defined(FAKE_BUSY)
      *value = CU_COMPUTEMODE_EXCLUSIVE_PROCESS;
#else
      *value = CU_COMPUTEMODE_DEFAULT;
#endif
      break;
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING: *value = 1; break;
    default: *value = 0; break;
  }
  return CUDA_SUCCESS;
}

}  // extern "C"
