// Buffers on a device.
#include "buffer_storage.hpp"

#include <rondo/host_services.hpp>

#include <fmt/format.h>

namespace rondo {

buffer::storage::storage(std::shared_ptr<detail::open_device> device, std::uint64_t bytes)
    : device_(std::move(device)), bytes_(bytes) {
  if (!device_->api().has(RONDO_CAP_BUFFER))
    throw error(RONDO_UNSUPPORTED, device_->name(), "this backend has no buffers",
                "Send the data in messages, or use another backend");
  const host_call_guard guard;
  detail::explanation why;
  why.require(device_->api().buffer.create(device_->handle(), bytes, &handle_, why.sink()),
              device_->name());
}

buffer::storage::~storage() {
  const host_call_guard guard;
  device_->api().buffer.destroy(device_->handle(), handle_);
}

void buffer::storage::write(std::uint64_t offset, const void* from, std::uint64_t bytes) {
  const host_call_guard guard;
  detail::explanation why;
  why.require(
      device_->api().buffer.write(device_->handle(), handle_, offset, from, bytes, why.sink()),
      fmt::format("buffer on {}", device_->name()));
}

void buffer::storage::read(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  const host_call_guard guard;
  detail::explanation why;
  why.require(device_->api().buffer.read(device_->handle(), handle_, offset, to, bytes, why.sink()),
              fmt::format("buffer on {}", device_->name()));
}

buffer::buffer(std::shared_ptr<storage> memory) : memory_(std::move(memory)) {}
buffer_ref buffer::ref() const noexcept { return {memory_->handle()}; }
std::uint64_t buffer::bytes() const noexcept { return memory_->bytes(); }
void buffer::write_bytes(std::uint64_t offset, const void* from, std::uint64_t bytes) {
  memory_->write(offset, from, bytes);
}
void buffer::read_bytes(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  memory_->read(offset, to, bytes);
}

}  // namespace rondo
