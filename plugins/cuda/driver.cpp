// Opening the CUDA driver.
#include "driver.hpp"

#include <dlfcn.h>

#include <cstdlib>

namespace rondo::cuda {

namespace {

// The first driver with everything that the required list names.
constexpr int least_version = 12000;

std::string text_of(int version) {
  return std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10);
}

void refuse(driver& d, std::string why, std::string remedy) {
  d.missing = std::move(why);
  d.remedy = std::move(remedy);
}

// The macros of cuda.h are expanded before the name becomes text.
#define RONDO_CUDA_TEXT_OF(name) #name
#define RONDO_CUDA_TEXT(name) RONDO_CUDA_TEXT_OF(name)
#define RONDO_CUDA_LOAD(function) \
  d.function = reinterpret_cast<decltype(d.function)>(dlsym(library, RONDO_CUDA_TEXT(function)));

bool load_functions(driver& d, void* library) {
  RONDO_CUDA_FUNCTIONS(RONDO_CUDA_LOAD)
  RONDO_CUDA_OPTIONAL_FUNCTIONS(RONDO_CUDA_LOAD)
#define RONDO_CUDA_CHECK(function)                                               \
  if (d.function == nullptr) {                                                   \
    refuse(d, "the NVIDIA driver has no function " RONDO_CUDA_TEXT(function),    \
           "Install a driver for CUDA " + text_of(least_version) + " or newer"); \
    return false;                                                                \
  }
  RONDO_CUDA_FUNCTIONS(RONDO_CUDA_CHECK)
  return true;
}

std::string explain(const driver& d, CUresult code) {
  const char* name = nullptr;
  const char* text = nullptr;
  d.cuGetErrorName(code, &name);
  d.cuGetErrorString(code, &text);
  return std::string(name != nullptr ? name : "an unknown error") + ", " +
         (text != nullptr ? text : "no text");
}

driver open_driver() {
  driver d;
  const char* named = ::secure_getenv("RONDO_CUDA_DRIVER");
  const std::string file = named != nullptr && *named != '\0' ? named : "libcuda.so.1";
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    refuse(d, "no NVIDIA driver: " + std::string(dlerror()),
           "Install the NVIDIA driver, on a machine with an NVIDIA GPU");
    return d;
  }
  if (!load_functions(d, library)) return d;
  if (const CUresult code = d.cuInit(0); code != CUDA_SUCCESS) {
    refuse(d, "the NVIDIA driver does not start: " + explain(d, code),
           code == CUDA_ERROR_NO_DEVICE ? "Check with nvidia-smi that a GPU is there and visible"
                                        : "Check with nvidia-smi that driver and GPU work");
    return d;
  }
  d.cuDriverGetVersion(&d.version);
  // Device images are made by the toolkit that this library was built with; an older driver of the
  // same major version runs them.
  const int wanted =
      CUDA_VERSION / 1000 * 1000 > least_version ? CUDA_VERSION / 1000 * 1000 : least_version;
  if (d.version < wanted)
    refuse(d,
           "the NVIDIA driver supports CUDA " + text_of(d.version) +
               ", and the device images were made with CUDA " + text_of(CUDA_VERSION),
           "Install a driver for CUDA " + text_of(wanted) + " or newer");
  return d;
}

}  // namespace

const driver& the_driver() {
  static const driver opened = open_driver();
  return opened;
}

}  // namespace rondo::cuda
