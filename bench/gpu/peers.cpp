// What a user would do without a ring, through the driver's own functions.
#include "bench.hpp"
#include "kernels.hpp"

#include <cuda.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <stdexcept>

extern "C" __attribute__((visibility("hidden"))) const unsigned char rondo_gpu_bench_image[];

namespace gpu_bench {

namespace {

void* library() {
  static void* const opened = dlopen("libcuda.so.1", RTLD_NOW);
  if (opened == nullptr) throw std::runtime_error(std::string("no NVIDIA driver: ") + dlerror());
  return opened;
}
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define DRIVER(function) reinterpret_cast<decltype(&::function)>(dlsym(library(), TEXT(function)))
void check(CUresult code, const char* what) {
  if (code != CUDA_SUCCESS)
    throw std::runtime_error(
        fmt::format("{} failed with CUDA result {}", what, static_cast<int>(code)));
}
#define CALL(function, ...) check(DRIVER(function)(__VA_ARGS__), TEXT(function))

struct session {
  CUdevice device = 0;
  CUcontext context = nullptr;
  CUmodule module = nullptr;
  CUstream stream = nullptr;
  session() {
    CALL(cuInit, 0);
    CALL(cuDeviceGet, &device, 0);
    CALL(cuDevicePrimaryCtxRetain, &context, device);
    CALL(cuCtxSetCurrent, context);
    CALL(cuModuleLoadData, &module, rondo_gpu_bench_image);
    CALL(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
  }
  CUfunction function(const char* name) const {
    CUfunction found = nullptr;
    CALL(cuModuleGetFunction, &found, module, name);
    return found;
  }
};

session& the_session() {
  static session opened;
  return opened;
}

template <class Exchange>
row measure(const std::string& name, int count, volatile request& in, const volatile response& out,
            Exchange&& exchange) {
  row r{.name = name, .mode = "round_trip", .size_bytes = 64};
  std::uint64_t seed = now_ns();
  for (int i = 0; i < count + 100; ++i) {
    random_pause(seed);
    const std::uint64_t nonce = seed | 1;
    const std::uint64_t begin = now_ns();
    in.nonce = nonce;
    for (int k = 0; k < 14; ++k) in.value[k] = static_cast<float>(k + i % 7);
    exchange();
    const std::uint64_t proof = out.proof;
    const std::uint64_t end = now_ns();
    if (proof != expected_mark(nonce)) throw std::runtime_error(name + ": a wrong reply");
    if (i < 100) continue;
    ++r.proof;
    r.samples.push_back(end - begin);
  }
  return r;
}

}  // namespace

std::vector<row> measure_peers(int count) {
  session& s = the_session();
  void* memory = nullptr;
  CALL(cuMemHostAlloc, &memory, 4096, CU_MEMHOSTALLOC_DEVICEMAP);
  auto* in = static_cast<request*>(memory);
  auto* out = reinterpret_cast<response*>(static_cast<char*>(memory) + 2048);
  const CUfunction peer = s.function("peer");
  void* mapped[] = {&in, &out};
  std::vector<row> rows;
  rows.push_back(measure("peer/mapped+launch+sync", count, *in, *out, [&] {
    CALL(cuLaunchKernel, peer, 1, 1, 1, 32, 1, 1, 0, s.stream, mapped, nullptr);
    CALL(cuStreamSynchronize, s.stream);
  }));
  CUgraph graph = nullptr;
  CUgraphExec ready = nullptr;
  CALL(cuStreamBeginCapture, s.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  CALL(cuLaunchKernel, peer, 1, 1, 1, 32, 1, 1, 0, s.stream, mapped, nullptr);
  CALL(cuStreamEndCapture, s.stream, &graph);
  CALL(cuGraphInstantiate, &ready, graph, 0);
  rows.push_back(measure("peer/mapped+graph+sync", count, *in, *out, [&] {
    CALL(cuGraphLaunch, ready, s.stream);
    CALL(cuStreamSynchronize, s.stream);
  }));
  CUdeviceptr on_device = 0;
  CALL(cuMemAlloc, &on_device, 4096);
  CUdeviceptr answer_there = on_device + 2048;
  void* copied[] = {&on_device, &answer_there};
  rows.push_back(measure("peer/memcpy+launch+memcpy+sync", count, *in, *out, [&] {
    CALL(cuMemcpyHtoDAsync, on_device, in, sizeof *in, s.stream);
    CALL(cuLaunchKernel, peer, 1, 1, 1, 32, 1, 1, 0, s.stream, copied, nullptr);
    CALL(cuMemcpyDtoHAsync, out, answer_there, sizeof *out, s.stream);
    CALL(cuStreamSynchronize, s.stream);
  }));
  return rows;
}

struct neighbours::parts {
  int multiprocessors = 0;
  CUdeviceptr from = 0, to = 0;
  void* host = nullptr;
  CUevent begin = nullptr, end = nullptr;
  CUfunction copy = nullptr;

  parts() {
    session& s = the_session();
    CALL(cuDeviceGetAttribute, &multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
         s.device);
    CALL(cuMemAlloc, &from, device_bytes);
    CALL(cuMemAlloc, &to, device_bytes);
    CALL(cuMemHostAlloc, &host, host_bytes, 0);
    CALL(cuEventCreate, &begin, CU_EVENT_DEFAULT);
    CALL(cuEventCreate, &end, CU_EVENT_DEFAULT);
    copy = s.function("copy_words");
  }
  template <class Work>
  std::uint64_t timed(Work&& work) {
    session& s = the_session();
    CALL(cuCtxSetCurrent, s.context);
    CALL(cuEventRecord, begin, s.stream);
    work();
    CALL(cuEventRecord, end, s.stream);
    CALL(cuStreamSynchronize, s.stream);
    float ms = 0;
    CALL(cuEventElapsedTime, &ms, begin, end);
    return static_cast<std::uint64_t>(static_cast<double>(ms) * 1e6);
  }
};

neighbours::neighbours() : parts_(new parts) {}
neighbours::~neighbours() { delete parts_; }

std::uint64_t neighbours::device_copy_ns() {
  return parts_->timed([&] {
    std::uint64_t count = device_bytes / 16;
    void* arguments[] = {&parts_->from, &parts_->to, &count};
    // Half of the threads that fit: enough for the bandwidth, and a resident warp on a
    // multiprocessor does not push one of the blocks into a second wave.
    const auto blocks = static_cast<unsigned>(parts_->multiprocessors) * 4;
    CALL(cuLaunchKernel, parts_->copy, blocks, 1, 1, 256, 1, 1, 0, the_session().stream, arguments,
         nullptr);
  });
}

std::uint64_t neighbours::host_copy_ns() {
  return parts_->timed([&] {
    CALL(cuMemcpyDtoHAsync, parts_->host, parts_->from, host_bytes, the_session().stream);
  });
}

}  // namespace gpu_bench
