// rondo_cuda_experiments: what the CUDA driver does beside a kernel that is resident. Each
// operation is tried on a thread of its own while a kernel polls; one that is not done after two
// seconds waits for that kernel, which is then told to end. One asks whether a trap ends a grid
// that hangs; it costs the context, so it comes in a process of its own. One has a kernel read
// memory that was allocated after its launch.
//
// Prints JSON. Every kernel ends by itself after ten seconds. With the name of one of the last two
// as argument, trap or late-memory, it does that alone: a tool that watches a program can be shown
// so what it makes of it.
#include <cuda.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

extern "C" __attribute__((visibility("hidden"))) const unsigned char rondo_experiments_image[];

namespace {

using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint64_t kernel_limit_ns = 10'000'000'000;
constexpr auto patience = 2s;

void* library() {
  static void* const opened = dlopen("libcuda.so.1", RTLD_NOW);
  if (opened == nullptr) throw std::runtime_error(std::string("no NVIDIA driver: ") + dlerror());
  return opened;
}

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
// The driver's function of this name, in the version that cuda.h declares.
#define DRIVER(function) reinterpret_cast<decltype(&::function)>(dlsym(library(), TEXT(function)))

void check(CUresult code, const char* what) {
  if (code == CUDA_SUCCESS) return;
  throw std::runtime_error(
      fmt::format("{} failed with CUDA result {}", what, static_cast<int>(code)));
}
#define CALL(function, ...) check(DRIVER(function)(__VA_ARGS__), TEXT(function))

double ms_since(clock_type::time_point begin) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
}

struct session {
  CUdevice device = 0;
  CUcontext context = nullptr;
  CUmodule module = nullptr;

  session() {
    CALL(cuInit, 0);
    CALL(cuDeviceGet, &device, 0);
    CALL(cuDevicePrimaryCtxRetain, &context, device);
    CALL(cuCtxSetCurrent, context);
    CALL(cuModuleLoadData, &module, rondo_experiments_image);
  }
  CUfunction function(const char* name) const {
    CUfunction found = nullptr;
    CALL(cuModuleGetFunction, &found, module, name);
    return found;
  }
};

CUstream make_stream() {
  CUstream stream = nullptr;
  CALL(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
  return stream;
}

// A kernel that polls host memory until this object goes.
class resident {
 public:
  explicit resident(const session& s) : stream_(make_stream()) {
    void* memory = nullptr;
    CALL(cuMemHostAlloc, &memory, 128, CU_MEMHOSTALLOC_DEVICEMAP);
    stop_ = static_cast<std::uint64_t*>(memory);
    __atomic_store_n(stop_, 0, __ATOMIC_RELEASE);
    std::uint64_t* address = stop_;
    std::uint64_t limit = kernel_limit_ns;
    void* arguments[] = {&address, &limit};
    CALL(cuLaunchKernel, s.function("stay"), 1, 1, 1, 32, 1, 1, 0, stream_, arguments, nullptr);
    std::this_thread::sleep_for(20ms);
  }
  void stop() { __atomic_store_n(stop_, 1, __ATOMIC_RELEASE); }
  bool is_there() const { return DRIVER(cuStreamQuery)(stream_) == CUDA_ERROR_NOT_READY; }

 private:
  CUstream stream_;
  std::uint64_t* stop_ = nullptr;  // freed with the process
};

nlohmann::json try_beside(const session& s, const std::string& name,
                          const std::function<void()>& prepare,
                          const std::function<void()>& operation) {
  prepare();
  resident kernel(s);
  std::atomic<bool> done{false};
  std::string failure;
  double took = 0;
  const auto begin = clock_type::now();
  std::thread worker([&] {
    try {
      CALL(cuCtxSetCurrent, s.context);
      operation();
    } catch (const std::exception& e) {
      failure = e.what();
    }
    took = ms_since(begin);
    done.store(true, std::memory_order_release);
  });
  while (!done.load(std::memory_order_acquire) && clock_type::now() - begin < patience)
    std::this_thread::sleep_for(1ms);
  const bool beside = done.load(std::memory_order_acquire) && kernel.is_there();
  kernel.stop();
  worker.join();
  nlohmann::json row{{"operation", name}, {"finishes_beside_a_resident_kernel", beside}};
  row["milliseconds"] = took;
  if (!failure.empty()) row["failure"] = failure;
  return row;
}

nlohmann::json all_beside(const session& s) {
  static CUdeviceptr memory = 0;
  static void* host = nullptr;
  static CUstream stream = make_stream();
  static std::vector<char> pageable(1 << 20);
  static CUmodule late = nullptr;
  const auto nothing_before = [] {};
  const auto have_memory = [] { CALL(cuMemAlloc, &memory, 1 << 20); };
  const auto launch = [&](CUfunction f, CUstream to) {
    CALL(cuLaunchKernel, f, 1, 1, 1, 1, 1, 1, 0, to, nullptr, nullptr);
  };
  const CUfunction loaded = s.function("nothing");
  launch(loaded, stream);
  CALL(cuStreamSynchronize, stream);
  nlohmann::json rows = nlohmann::json::array();
  const auto row = [&](const char* name, const std::function<void()>& prepare,
                       const std::function<void()>& operation) {
    rows.push_back(try_beside(s, name, prepare, operation));
  };
  row("launch of a loaded kernel in another stream, and cuStreamSynchronize", nothing_before, [&] {
    launch(loaded, stream);
    CALL(cuStreamSynchronize, stream);
  });
  row("cuMemAlloc", nothing_before, have_memory);
  row("cuMemFree", have_memory, [] { CALL(cuMemFree, memory); });
  row("cuMemHostAlloc", nothing_before, [] { CALL(cuMemHostAlloc, &host, 1 << 20, 0); });
  row(
      "cuMemFreeHost", [] { CALL(cuMemHostAlloc, &host, 1 << 20, 0); },
      [] { CALL(cuMemFreeHost, host); });
  row("cuMemAllocAsync and cuMemFreeAsync, cuStreamSynchronize", nothing_before, [] {
    CALL(cuMemAllocAsync, &memory, 1 << 20, stream);
    CALL(cuMemFreeAsync, memory, stream);
    CALL(cuStreamSynchronize, stream);
  });
  row("cuMemcpyHtoDAsync from pageable memory, cuStreamSynchronize", have_memory, [] {
    CALL(cuMemcpyHtoDAsync, memory, pageable.data(), pageable.size(), stream);
    CALL(cuStreamSynchronize, stream);
  });
  row("cuMemcpyHtoD, synchronous, legacy default stream", have_memory,
      [] { CALL(cuMemcpyHtoD, memory, pageable.data(), pageable.size()); });
  row("launch in the legacy default stream, and cuStreamSynchronize of it", nothing_before, [&] {
    launch(loaded, nullptr);
    CALL(cuStreamSynchronize, nullptr);
  });
  row("cuModuleLoadData", nothing_before,
      [] { CALL(cuModuleLoadData, &late, rondo_experiments_image); });
  row(
      "first launch of a kernel of a module loaded before, cuStreamSynchronize",
      [] { CALL(cuModuleLoadData, &late, rondo_experiments_image); },
      [&] {
        CUfunction first = nullptr;
        CALL(cuModuleGetFunction, &first, late, "nothing");
        launch(first, stream);
        CALL(cuStreamSynchronize, stream);
      });
  row(
      "cuModuleUnload", [] { CALL(cuModuleLoadData, &late, rondo_experiments_image); },
      [] { CALL(cuModuleUnload, late); });
  row("cuStreamCreate and cuStreamDestroy", nothing_before, [] {
    const CUstream one = make_stream();
    CALL(cuStreamDestroy, one);
  });
  row("cuCtxSynchronize", nothing_before, [] { CALL(cuCtxSynchronize); });
  return rows;
}

nlohmann::json trap_a_hung_grid(const session& s) {
  const CUstream hung = make_stream();
  const CUstream other = make_stream();
  std::uint64_t limit = 4'000'000'000;
  void* arguments[] = {&limit};
  const CUfunction trap = s.function("trap");
  const auto begin = clock_type::now();
  CALL(cuLaunchKernel, s.function("hang"), 1, 1, 1, 32, 1, 1, 0, hung, arguments, nullptr);
  std::this_thread::sleep_for(50ms);
  CALL(cuLaunchKernel, trap, 1, 1, 1, 1, 1, 1, 0, other, nullptr, nullptr);
  CUresult of_hung = CUDA_ERROR_NOT_READY;
  while (of_hung == CUDA_ERROR_NOT_READY && ms_since(begin) < 8000) {
    std::this_thread::sleep_for(1ms);
    of_hung = DRIVER(cuStreamQuery)(hung);
  }
  const double took = ms_since(begin);
  return {{"hung_grid_would_last_ms", 4000},
          {"ended_after_ms", took},
          {"result_of_the_hung_stream", static_cast<int>(of_hung)},
          {"trap_ended_it", took < 3500},
          {"result_of_a_later_allocation", [] {
             CUdeviceptr p = 0;
             return static_cast<int>(DRIVER(cuMemAlloc)(&p, 1 << 20));
           }()}};
}

// Without anything of Rondo in it: the access is legal, whatever a checking tool says of it.
nlohmann::json read_memory_younger_than_the_kernel(const session& s) {
  constexpr std::uint64_t content = 0x5ca1ab1e;
  void* memory = nullptr;
  CALL(cuMemHostAlloc, &memory, 256, CU_MEMHOSTALLOC_DEVICEMAP);
  auto* const words = static_cast<std::uint64_t*>(memory);
  std::uint64_t* address = words;
  std::uint64_t* answer = words + 16;
  *address = *answer = 0;
  std::uint64_t limit = kernel_limit_ns;
  void* arguments[] = {&address, &answer, &limit};
  const CUstream stays = make_stream(), copies = make_stream();
  CALL(cuLaunchKernel, s.function("read_when_told"), 1, 1, 1, 1, 1, 1, 0, stays, arguments,
       nullptr);
  std::this_thread::sleep_for(50ms);
  CUdeviceptr late = 0;
  CALL(cuMemAlloc, &late, 1 << 20);
  CALL(cuMemcpyHtoDAsync, late, &content, sizeof content, copies);
  CALL(cuStreamSynchronize, copies);
  __atomic_store_n(address, late, __ATOMIC_RELEASE);
  const CUresult ended = DRIVER(cuStreamSynchronize)(stays);
  return {{"result", static_cast<int>(ended)}, {"read_what_was_written", *answer == content}};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string only = argc > 1 ? argv[1] : "";
    if (only == "trap" || only == "late-memory") {
      const session s;
      const nlohmann::json row =
          only == "trap" ? trap_a_hung_grid(s) : read_memory_younger_than_the_kernel(s);
      std::puts(row.dump().c_str());
      return 0;
    }
    if (argc > 1) {
      fmt::print(stderr, "usage: rondo_cuda_experiments [trap | late-memory]\n");
      return 4;
    }
    const session s;
    nlohmann::json document;
    char name[128] = "";
    CALL(cuDeviceGetName, name, sizeof name, s.device);
    CUmoduleLoadingMode mode{};
    CALL(cuModuleGetLoadingMode, &mode);
    document["device"] = name;
    document["module_loading"] = mode == CU_MODULE_LAZY_LOADING ? "lazy" : "eager";
    document["beside"] = all_beside(s);
    document["late_memory"] = read_memory_younger_than_the_kernel(s);
    std::FILE* child = popen(fmt::format("exec /proc/{}/exe trap 2>&1", ::getpid()).c_str(), "r");
    std::string text;
    for (int c; child != nullptr && (c = std::fgetc(child)) != EOF;) text += static_cast<char>(c);
    if (child != nullptr) pclose(child);
    document["trap"] = nlohmann::json::parse(text, nullptr, false);
    std::puts(document.dump(2).c_str());
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "rondo_cuda_experiments: {}\n", e.what());
    return 1;
  }
}
