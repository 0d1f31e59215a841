// What the device offers, and what is refused when it is opened.
#include "device.hpp"

#include "kernel.hpp"

#include <cstring>
#include <string>

namespace starter {

using rondo::backend::failure;
using rondo::backend::text;

std::unique_ptr<rondo::backend::kernel> device::create_kernel(const rondo_kernel_params& params) {
  return std::make_unique<kernel>(params, buffers_);
}

rondo_buffer_handle device::create_buffer(std::uint64_t bytes) {
  if (bytes == 0)
    throw failure(RONDO_INVALID_ARGUMENT, "buffer", "0 bytes were asked for", "ask for more");
  return buffers_->create(bytes);
}

rondo_status device::destroy_buffer(rondo_buffer_handle handle) {
  return buffers_->destroy(handle), RONDO_OK;
}

void device::write_buffer(rondo_buffer_handle handle, std::uint64_t at, const void* from,
                          std::uint64_t bytes) {
  std::memcpy(buffers_->range(handle, at, bytes), from, bytes);
}

void device::read_buffer(rondo_buffer_handle handle, std::uint64_t at, void* to,
                         std::uint64_t bytes) {
  std::memcpy(to, buffers_->range(handle, at, bytes), bytes);
}

rondo_status backend::device_info(std::uint32_t index, rondo_device_info& out) {
  if (index != 0) return RONDO_INVALID_ARGUMENT;
  out.index = 0;
  out.usable = 1;
  out.processors = 1;
  rondo::backend::put_text(out.name, "the sender's thread");
  rondo::backend::put_text(out.reason, "");
  return RONDO_OK;
}

std::unique_ptr<rondo::backend::device> backend::open_device(std::uint32_t index,
                                                             const rondo_option* options,
                                                             std::uint64_t option_count) {
  if (index != 0)
    throw failure(RONDO_NO_SUCH_DEVICE, "starter", "there is one device, number 0", "open it");
  if (option_count != 0)
    throw failure(RONDO_INVALID_ARGUMENT, "starter",
                  "there is no option '" + std::string(text(options[0].key)) + "'", "leave it out");
  return std::make_unique<device>();
}

}  // namespace starter
