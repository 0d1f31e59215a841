// The CUDA driver, opened at run time: this library links nothing of CUDA, so it loads, and can say
// what is missing, on a machine that has no driver at all. One instance per process, never closed.
//
// RONDO_CUDA_DRIVER names another file than libcuda.so.1; it is ignored under elevated privileges.
#pragma once

#include <cuda.h>

#include <string>

namespace rondo::cuda {

// X(function): must be there. cuda.h's macros turn names into the versions it was written for.
// clang-format off
#define RONDO_CUDA_FUNCTIONS(X) \
  X(cuInit) \
  X(cuDriverGetVersion) \
  X(cuGetErrorName) \
  X(cuGetErrorString) \
  X(cuDeviceGetCount) \
  X(cuDeviceGet) \
  X(cuDeviceGetName) \
  X(cuDeviceGetAttribute) \
  X(cuDeviceTotalMem) \
  X(cuDeviceGetUuid) \
  X(cuDevicePrimaryCtxRetain) \
  X(cuDevicePrimaryCtxRelease) \
  X(cuCtxPushCurrent) \
  X(cuCtxPopCurrent) \
  X(cuModuleLoadData) \
  X(cuModuleUnload) \
  X(cuModuleGetFunction) \
  X(cuFuncGetAttribute) \
  X(cuFuncSetAttribute) \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor) \
  X(cuLaunchKernel) \
  X(cuLaunchCooperativeKernel) \
  X(cuStreamCreate) \
  X(cuStreamDestroy) \
  X(cuStreamQuery) \
  X(cuMemHostAlloc) \
  X(cuMemFreeHost) \
  X(cuMemHostGetDevicePointer) \
  X(cuMemcpyHtoDAsync) \
  X(cuMemcpyDtoHAsync) \
  X(cuMemsetD8Async) \
  X(cuMemPoolCreate) \
  X(cuMemPoolDestroy) \
  X(cuMemAllocAsync) \
  X(cuMemPoolSetAttribute) \
  X(cuMemAllocFromPoolAsync) \
  X(cuMemFreeAsync)
// X(function): nullptr where the driver is older.
#define RONDO_CUDA_OPTIONAL_FUNCTIONS(X) \
  X(cuFuncLoad) \
  X(cuFuncGetName) \
  X(cuModuleGetFunctionCount) \
  X(cuModuleEnumerateFunctions) \
  X(cuModuleGetLoadingMode) \
  X(cuMemAlloc) \
  X(cuMemFree) \
  X(cuPointerSetAttribute) \
  X(cuImportExternalMemory) \
  X(cuExternalMemoryGetMappedBuffer) \
  X(cuDestroyExternalMemory)
// clang-format on

struct driver {
#define RONDO_CUDA_MEMBER(function) decltype(&::function) function = nullptr;
  RONDO_CUDA_FUNCTIONS(RONDO_CUDA_MEMBER)
  RONDO_CUDA_OPTIONAL_FUNCTIONS(RONDO_CUDA_MEMBER)
#undef RONDO_CUDA_MEMBER

  int version = 0;      // 13000 for 13.0; what the driver supports
  std::string missing;  // why it cannot be used, one sentence; empty if it can
  std::string remedy;

  bool usable() const { return missing.empty(); }
};

// Opened at the first call; any thread.
const driver& the_driver();

}  // namespace rondo::cuda
