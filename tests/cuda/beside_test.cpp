// What other code of the process does with the driver beside kernels of ours: most goes on beside a
// resident one, what waits for it is known, and beside an event-driven one nothing waits.
#include "support.hpp"

#include <cuda.h>
#include <dlfcn.h>

#include <atomic>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace cuda_test {
namespace {

// Another library of the same process: it shares nothing with the plugin but the primary context.
class other_library {
 public:
  other_library() : driver_(dlopen("libcuda.so.1", RTLD_NOW)) {
    if (driver_ == nullptr) throw std::runtime_error(dlerror());
    check(call(&cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", &context_, 0));
    enter();
    // Before any kernel is resident: making a stream may wait for one.
    check(call(&cuStreamCreate, "cuStreamCreate", &stream_, CU_STREAM_NON_BLOCKING));
    check(call(&cuMemAlloc, "cuMemAlloc_v2", &memory_, bytes));
    check(call(&cuEventCreate, "cuEventCreate", &event_, CU_EVENT_DISABLE_TIMING));
    CUmodule module = nullptr;
    check(call(&cuModuleLoadData, "cuModuleLoadData", &module, code));
    check(call(&cuModuleGetFunction, "cuModuleGetFunction", &kernel_, module, "nothing"));
    launches_its_kernel();
  }
  ~other_library() { call(&cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", 0); }
  other_library(const other_library&) = delete;
  other_library& operator=(const other_library&) = delete;

  void enter() { check(call(&cuCtxSetCurrent, "cuCtxSetCurrent", context_)); }

  void copies_and_waits_for_its_stream() {
    std::vector<std::byte> pageable(bytes, std::byte{5}), back(bytes);
    check(
        call(&cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", memory_, pageable.data(), bytes, stream_));
    check(call(&cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", back.data(), memory_, bytes, stream_));
    check(call(&cuStreamSynchronize, "cuStreamSynchronize", stream_));
    if (back != pageable) throw std::runtime_error("other bytes came back");
  }
  void waits_for_an_event() {
    check(call(&cuEventRecord, "cuEventRecord", event_, stream_));
    check(call(&cuEventSynchronize, "cuEventSynchronize", event_));
  }
  void uses_the_default_stream() {
    check(call(&cuMemsetD8Async, "cuMemsetD8Async", memory_, static_cast<unsigned char>(1), bytes,
               nullptr));
    check(call(&cuStreamSynchronize, "cuStreamSynchronize", nullptr));
  }
  void loads_a_module() {
    CUmodule module = nullptr;
    check(call(&cuModuleLoadData, "cuModuleLoadData", &module, code));
  }
  // Its own kernel, loaded before.
  void launches_its_kernel() {
    check(call(&cuLaunchKernel, "cuLaunchKernel", kernel_, 1u, 1u, 1u, 1u, 1u, 1u, 0u, stream_,
               nullptr, nullptr));
    check(call(&cuStreamSynchronize, "cuStreamSynchronize", stream_));
  }
  void allocates() {
    CUdeviceptr more = 0;
    check(call(&cuMemAlloc, "cuMemAlloc_v2", &more, bytes));
    left_.push_back(more);
  }
  void frees() {
    check(call(&cuMemFree, "cuMemFree_v2", memory_));
    check(call(&cuMemAlloc, "cuMemAlloc_v2", &memory_, bytes));
  }
  void synchronizes_the_device() { check(call(&cuCtxSynchronize, "cuCtxSynchronize")); }

 private:
  static constexpr std::size_t bytes = 1 << 20;
  static constexpr const char* code =
      ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry nothing() { ret; }\n";

  template <class F, class... A>
  CUresult call(F, const char* name, A... arguments) {
    const auto function = reinterpret_cast<F>(dlsym(driver_, name));
    if (function == nullptr) throw std::runtime_error(std::string("no function ") + name);
    return function(arguments...);
  }
  static void check(CUresult code) {
    if (code != CUDA_SUCCESS) throw std::runtime_error("CUDA result " + std::to_string(code));
  }

  void* driver_;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  CUevent event_ = nullptr;
  CUfunction kernel_ = nullptr;
  CUdeviceptr memory_ = 0;
  std::vector<CUdeviceptr> left_;  // freed with the context
};

struct operation {
  const char* name;
  void (other_library::*run)();
  bool waits_for_residents;
};
constexpr operation operations[] = {
    {"a copy and cuStreamSynchronize", &other_library::copies_and_waits_for_its_stream, false},
    {"cuEventSynchronize", &other_library::waits_for_an_event, false},
    {"the default stream", &other_library::uses_the_default_stream, false},
    {"a launch of a kernel that is loaded", &other_library::launches_its_kernel, false},
    {"cuMemAlloc", &other_library::allocates, false},
    {"cuMemFree", &other_library::frees, true},
    {"cuModuleLoadData", &other_library::loads_a_module, true},
    {"cuCtxSynchronize", &other_library::synchronizes_the_device, true},
};

// On a thread of its own, which has to be joined when the kernels have ended.
std::future<void> start(other_library& library, const operation& which) {
  return std::async(std::launch::async, [&library, &which] {
    library.enter();
    (library.*which.run)();
  });
}

TEST_F(on_gpu, other_code_goes_on_beside_resident_kernels_but_for_what_is_known_to_wait) {
  other_library library;
  for (const operation& each : operations) {
    SCOPED_TRACE(each.name);
    auto kernel = rt->launch<plain_teller>(how());
    kernel.activate();
    converse(kernel, 1, 3);
    auto done = start(library, each);
    const auto seen = done.wait_for(each.waits_for_residents ? 300ms : 2s);
    // A driver in which it no longer waits would be better, and docs/cuda.md wrong.
    EXPECT_EQ(seen == std::future_status::ready, !each.waits_for_residents);
    converse(kernel, 1, 3);
    kernel.terminate();
    EXPECT_EQ(done.wait_for(5s), std::future_status::ready) << "after the kernel ended";
    EXPECT_NO_THROW(done.get());
    rt->remove(kernel.id());
  }
}

TEST_F(on_gpu, nothing_waits_for_an_event_driven_kernel) {
  other_library library;
  auto kernel = rt->launch<plain_teller>(how("event"));
  kernel.activate();
  for (const operation& each : operations) {
    SCOPED_TRACE(each.name);
    converse(kernel, 1, 3);
    auto done = start(library, each);
    converse(kernel, 1, 3);
    EXPECT_EQ(done.wait_for(2s), std::future_status::ready);
    EXPECT_NO_THROW(done.get());
  }
  EXPECT_TRUE(kernel.flush(5s));
  EXPECT_EQ(kernel.snapshot().messages_in, 6 * std::size(operations));
}

}  // namespace
}  // namespace cuda_test
