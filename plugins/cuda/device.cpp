// CUDA devices: what there are, why one cannot be used, and opening them.
#include "device.hpp"

#include "kernel.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>

namespace rondo::cuda {

namespace {

// 16-byte accesses in one piece and warp-wide reductions are there from Ampere on.
constexpr int least_capability = 80;

int attribute(CUdevice device, CUdevice_attribute which) {
  int value = 0;
  the_driver().cuDeviceGetAttribute(&value, which, device);
  return value;
}

std::string why_unusable(const device_facts& d) {
  const int capability = d.capability_major * 10 + d.capability_minor;
  if (capability < least_capability)
    return "its compute capability is " + std::to_string(d.capability_major) + '.' +
           std::to_string(d.capability_minor) + ", and 8.0 or higher is needed";
  if (attribute(d.handle, CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING) == 0)
    return "it does not share addresses with the host";
  switch (attribute(d.handle, CU_DEVICE_ATTRIBUTE_COMPUTE_MODE)) {
    case CU_COMPUTEMODE_PROHIBITED:
      return "its compute mode is Prohibited: nobody may use it (nvidia-smi -q -d COMPUTE)";
    case CU_COMPUTEMODE_EXCLUSIVE_PROCESS: {
      // Whether another process has it shows only when one tries.
      CUcontext context = nullptr;
      const CUresult code = the_driver().cuDevicePrimaryCtxRetain(&context, d.handle);
      if (code != CUDA_SUCCESS)
        return "another process has it for itself (compute mode Exclusive_Process): " +
               describe(code);
      the_driver().cuDevicePrimaryCtxRelease(d.handle);
      return {};
    }
    default: return {};
  }
}

device_facts facts_of(int index) {
  device_facts d;
  check(the_driver().cuDeviceGet(&d.handle, index), "cuda device " + std::to_string(index),
        "it cannot be described");
  char name[128] = "";
  the_driver().cuDeviceGetName(name, sizeof name, d.handle);
  d.name = name;
  std::size_t bytes = 0;
  the_driver().cuDeviceTotalMem(&bytes, d.handle);
  d.memory_bytes = bytes;
  d.multiprocessors = attribute(d.handle, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  d.shared_bytes = attribute(d.handle, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  d.capability_major = attribute(d.handle, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  d.capability_minor = attribute(d.handle, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  d.cooperative = attribute(d.handle, CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH) != 0;
  d.unusable = why_unusable(d);
  return d;
}

const char* loading_mode() {
  CUmoduleLoadingMode mode{};
  if (the_driver().cuModuleGetLoadingMode == nullptr ||
      the_driver().cuModuleGetLoadingMode(&mode) != CUDA_SUCCESS)
    return "unknown";
  return mode == CU_MODULE_LAZY_LOADING ? "lazy" : "eager";
}

// The driver's own version, as its kernel module states it: "580.159.04". The driver API knows only
// the CUDA version it serves. Empty where there is no such module to ask, as on WSL2.
std::string driver_version() {
  std::string version;
  std::ifstream("/sys/module/nvidia/version") >> version;
  return version;
}

// One set of parts per device and process, whatever the number of runtimes: giving memory back
// waits for every resident kernel, also for those of another runtime.
std::shared_ptr<device_parts> shared_parts(const device_facts& facts, std::uint32_t index) {
  static std::mutex mutex;
  static std::map<std::uint32_t, std::weak_ptr<device_parts>> open;
  const std::lock_guard lock(mutex);
  auto parts = open[index].lock();
  if (parts == nullptr) open[index] = parts = std::make_shared<device_parts>(facts, index);
  return parts;
}

}  // namespace

primary_context::primary_context(CUdevice device, const std::string& name) : device_(device) {
  check(the_driver().cuDevicePrimaryCtxRetain(&context_, device), name,
        "no context can be had on it");
}

primary_context::~primary_context() { the_driver().cuDevicePrimaryCtxRelease(device_); }

device_parts::device_parts(const device_facts& of, std::uint32_t at)
    : facts(of),
      index(at),
      context(of.handle, name()),
      pinned(context.get()),
      memory(context.get(), of.handle),
      buffers(memory, pinned),
      streams(context.get()),
      images(context.get(), pinned, streams, watch),
      residents(static_cast<std::uint32_t>(of.multiprocessors)) {
  std::string why_no_bar;
  bar = bar_window::open(context.get(), of.handle, why_no_bar);
  ping = ping_device(context.get(), pinned, bar);
  if (!bar) ping.bar.why_not = why_no_bar;
  if (!ping.bar.answered) bar.reset();
}

void device_parts::keep_for_ever() {
  buffers.quarantine();
  static_cast<void>(new std::shared_ptr<device_parts>(shared_from_this()));
}

void device_parts::require_alive() const {
  if (!watch.is_lost()) return;
  throw failure(RONDO_DEVICE_LOST, name(), "the device failed: " + watch.why_lost(),
                "It takes no more work in this process; restart it, or go on with another device");
}

std::unique_ptr<backend::kernel> cuda_device::create_kernel(const rondo_kernel_params& params) {
  parts_->require_alive();
  return std::make_unique<kernel>(parts_, params);
}

rondo_buffer_handle cuda_device::create_buffer(std::uint64_t bytes) {
  parts_->require_alive();
  return parts_->buffers.create(bytes);
}

rondo_buffer_handle cuda_device::create_visible_buffer(std::uint64_t bytes, void*& host) {
  parts_->require_alive();
  return parts_->buffers.create_visible(bytes, host);
}

rondo_status cuda_device::destroy_buffer(rondo_buffer_handle handle) {
  return parts_->buffers.destroy(handle);
}

void cuda_device::write_buffer(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                               std::uint64_t bytes) {
  parts_->buffers.write(handle, offset, from, bytes);
}

void cuda_device::read_buffer(rondo_buffer_handle handle, std::uint64_t offset, void* to,
                              std::uint64_t bytes) {
  parts_->buffers.read(handle, offset, to, bytes);
}

std::vector<std::pair<std::string, std::string>> cuda_device::properties() {
  const device_facts& f = parts_->facts;
  const ping_result& p = parts_->ping;
  const auto text = [](std::uint64_t n) { return std::to_string(n); };
  std::vector<std::pair<std::string, std::string>> all = {
      {"compute_capability", text(static_cast<std::uint64_t>(f.capability_major)) + '.' +
                                 text(static_cast<std::uint64_t>(f.capability_minor))},
      {"driver_cuda_version",
       text(static_cast<std::uint64_t>(the_driver().version / 1000)) + '.' +
           text(static_cast<std::uint64_t>(the_driver().version % 1000 / 10))},
      {"module_loading", loading_mode()},
      {"placement", to_string(p.best)},
      {"cooperative_grids", f.cooperative ? "yes" : "no"},
      {"resident_grids_max", text(residency::max_grids)},
      {"resident_grids", text(parts_->residents.grids())},
      {"abandoned_grids", text(parts_->residents.lost())},
      {"pinned_bytes", text(parts_->pinned.pinned_bytes())},
      {"pinned_used_bytes", text(parts_->pinned.used_bytes())},
      {"device_used_bytes", text(parts_->memory.used_bytes())},
      {"streams_in_use", text(parts_->streams.in_use())},
      {"clock_error_ns", text(p.clock_error_ns)}};
  if (auto version = driver_version(); !version.empty())
    all.insert(all.begin() + 1, {"driver_version", std::move(version)});
  const auto add_ping = [&](const char* where, const ping_figures& figures) {
    const std::string key = std::string("ping_") + where;
    if (!figures.answered) {
      all.emplace_back(key, "none: " + figures.why_not);
      return;
    }
    all.emplace_back(key + "_p50_ns", text(figures.p50_ns));
    all.emplace_back(key + "_p99_ns", text(figures.p99_ns));
  };
  add_ping("pinned", p.pinned);
  add_ping("bar", p.bar);
  if (parts_->watch.is_lost()) all.emplace_back("lost", parts_->watch.why_lost());
  return all;
}

cuda_backend::cuda_backend() {
  const driver& d = the_driver();
  if (!d.usable()) {
    why_none_ = d.missing;
    return;
  }
  int count = 0;
  check(d.cuDeviceGetCount(&count), "cuda", "devices cannot be counted");
  for (int i = 0; i < count; ++i) devices_.push_back(facts_of(i));
  if (devices_.empty()) why_none_ = "the NVIDIA driver works and sees no GPU";
}

std::uint32_t cuda_backend::device_count() { return static_cast<std::uint32_t>(devices_.size()); }

std::string cuda_backend::why_none() {
  if (!why_none_.empty()) return why_none_;
  std::string all;
  for (std::size_t i = 0; i < devices_.size(); ++i)
    if (!devices_[i].unusable.empty())
      all +=
          (all.empty() ? "" : "; ") + ("device " + std::to_string(i)) + ": " + devices_[i].unusable;
  return all;
}

rondo_status cuda_backend::device_info(std::uint32_t index, rondo_device_info& out) {
  if (index >= devices_.size()) return RONDO_INVALID_ARGUMENT;
  const device_facts& d = devices_[index];
  out.index = index;
  out.usable = d.unusable.empty() ? 1 : 0;
  out.max_resident_kernels = residency::max_grids;
  ::rondo::backend::put_text(out.name, d.name);
  ::rondo::backend::put_text(out.reason, d.unusable);
  out.memory_bytes = d.memory_bytes;
  out.processors = static_cast<std::uint32_t>(d.multiprocessors);
  return RONDO_OK;
}

std::unique_ptr<::rondo::backend::device> cuda_backend::open_device(std::uint32_t index,
                                                                    const rondo_option* options,
                                                                    std::uint64_t option_count) {
  const std::string name = "cuda device " + std::to_string(index);
  if (index >= devices_.size())
    throw failure(RONDO_NO_SUCH_DEVICE, name,
                  devices_.empty() ? why_none()
                                   : "there are " + std::to_string(devices_.size()) +
                                         " CUDA devices, counted from 0",
                  "Choose one that `rondo backends` lists");
  if (option_count != 0)
    throw failure(
        RONDO_INVALID_ARGUMENT, name,
        "there is no device option '" + std::string(::rondo::backend::text(options[0].key)) + "'",
        "Open the device without options");
  if (!devices_[index].unusable.empty())
    throw failure(RONDO_NO_USABLE_DEVICE, name, devices_[index].unusable,
                  "Use another device; `rondo backends` lists them");
  return std::make_unique<cuda_device>(shared_parts(devices_[index], index));
}

}  // namespace rondo::cuda
