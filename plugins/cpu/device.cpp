// The CPU device.
#include "device.hpp"

#include "kernel.hpp"

#include <rondo/ring/wait.hpp>

#include <unistd.h>

#include <charconv>
#include <fstream>
#include <string>

namespace rondo::cpu {

using ::rondo::backend::failure;

namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "CPU";
}

constexpr std::uint32_t most_pool_threads = 1024;

// The option of that name; as many as there are processors without it.
std::uint32_t pool_size(const processor_set& processors, const rondo_option* options,
                        std::uint64_t count) {
  auto size = static_cast<std::uint32_t>(processors.count());
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view key = ::rondo::backend::text(options[i].key);
    if (key != "pool_threads")
      throw failure(RONDO_INVALID_ARGUMENT, "cpu device 0",
                    "there is no device option '" + std::string(key) + "'",
                    "the only one is pool_threads");
    const std::string_view value = ::rondo::backend::text(options[i].value);
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    if (error != std::errc() || end != value.data() + value.size() || size == 0 ||
        size > most_pool_threads)
      throw failure(RONDO_INVALID_ARGUMENT, "cpu device 0",
                    "pool_threads is '" + std::string(value) + "'",
                    "give a number from 1 to " + std::to_string(most_pool_threads));
  }
  return size;
}

}  // namespace

std::unique_ptr<backend::kernel> device::create_kernel(const rondo_kernel_params& params) {
  const bool shares = backend::whole(params).threads == RONDO_THREADS_POOL;
  return std::make_unique<kernel>(params, buffers_, processors_, shares ? pool_ : nullptr);
}

std::vector<std::pair<std::string, std::string>> device::properties() {
  return {{"default_publication", "word"},
          {"chunked_publication", ring::platform::chunks_are_atomic() ? "yes" : "no"},
          {"sleepers_ordered_by", ring::detail::has_membarrier ? "membarrier" : "full barriers"},
          {"pool_threads", std::to_string(pool_->size())}};
}

rondo_buffer_handle device::create_buffer(std::uint64_t bytes) { return buffers_->create(bytes); }

rondo_buffer_handle device::create_visible_buffer(std::uint64_t bytes, void*& host) {
  const rondo_buffer_handle handle = buffers_->create(bytes);
  host = buffers_->address(handle);
  return handle;
}

rondo_status device::destroy_buffer(rondo_buffer_handle handle) {
  return buffers_->destroy(handle);
}

void device::write_buffer(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                          std::uint64_t bytes) {
  buffers_->write(handle, offset, from, bytes);
}

void device::read_buffer(rondo_buffer_handle handle, std::uint64_t offset, void* to,
                         std::uint64_t bytes) {
  buffers_->read(handle, offset, to, bytes);
}

rondo_status cpu_backend::device_info(std::uint32_t index, rondo_device_info& out) {
  if (index != 0) return RONDO_INVALID_ARGUMENT;
  out.index = 0;
  out.usable = 1;
  out.max_resident_kernels = 0;
  ::rondo::backend::put_text(out.name, processor_name());
  ::rondo::backend::put_text(out.reason, "");
  out.memory_bytes = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                     static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  out.processors = static_cast<std::uint32_t>(processors_.count());
  return RONDO_OK;
}

std::unique_ptr<::rondo::backend::device> cpu_backend::open_device(std::uint32_t index,
                                                                   const rondo_option* options,
                                                                   std::uint64_t option_count) {
  if (index != 0)
    throw failure(RONDO_NO_SUCH_DEVICE, "cpu device " + std::to_string(index),
                  "the CPU backend has one device, number 0", "open device 0");
  return std::make_unique<device>(processors_, pool_size(processors_, options, option_count));
}

}  // namespace rondo::cpu
