// Buffers on a device.
#include "buffer_storage.hpp"

#include <rondo/host_services.hpp>

#include <fmt/format.h>

namespace rondo {

namespace {

void require_offered(const detail::open_device& device, memory kind) {
  if (!device.api().has(RONDO_CAP_BUFFER))
    throw error(RONDO_UNSUPPORTED, device.name(), "this backend has no buffers",
                "Send the data in messages, or use another backend");
  if (kind == memory::host_visible && !device.api().has(RONDO_CAP_HOST_VISIBLE))
    throw error(RONDO_UNSUPPORTED, device.name(),
                "this backend has no buffers that the host sees without a copy",
                "Create it with memory::device, and copy with write and read");
}

}  // namespace

std::shared_ptr<buffer::storage> buffer::storage::make(std::shared_ptr<detail::open_device> device,
                                                       std::uint64_t bytes, memory kind) {
  auto made = std::make_shared<storage>(device, bytes, kind);
  device->buffers().enter(made->handle(), made);
  return made;
}

std::shared_ptr<buffer::storage> buffer::storage::find(detail::open_device& device,
                                                       buffer_ref ref) {
  auto found = std::static_pointer_cast<storage>(device.buffers().find(ref.handle));
  if (found == nullptr)
    throw error(
        RONDO_NO_SUCH_BUFFER, fmt::format("buffer {:#x} on {}", ref.handle, device.name()),
        ref ? "no buffer with this handle is alive there" : "the handle is 0, which means none",
        "Keep a copy of the buffer until its handle has come back");
  return found;
}

buffer::storage::storage(std::shared_ptr<detail::open_device> device, std::uint64_t bytes,
                         memory kind)
    : device_(std::move(device)), bytes_(bytes), kind_(kind) {
  require_offered(*device_, kind);
  const host_call_guard guard;
  detail::explanation why;
  const auto& api = device_->api().buffer;
  if (kind == memory::device) {
    why.require(api.create(device_->handle(), bytes, &handle_, why.sink()), device_->name());
    return;
  }
  void* host = nullptr;
  why.require(api.create_visible(device_->handle(), bytes, &handle_, &host, why.sink()),
              device_->name());
  host_ = static_cast<std::byte*>(host);
}

// Forgotten first: once it is destroyed the device may give its place to another.
buffer::storage::~storage() {
  device_->buffers().forget(handle_);
  const host_call_guard guard;
  device_->api().buffer.destroy(device_->handle(), handle_);
}

std::string buffer::storage::name() const { return fmt::format("buffer on {}", device_->name()); }

void buffer::storage::write(std::uint64_t offset, const void* from, std::uint64_t bytes) {
  const host_call_guard guard;
  detail::explanation why;
  why.require(
      device_->api().buffer.write(device_->handle(), handle_, offset, from, bytes, why.sink()),
      name());
}

void buffer::storage::read(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  const host_call_guard guard;
  detail::explanation why;
  why.require(device_->api().buffer.read(device_->handle(), handle_, offset, to, bytes, why.sink()),
              name());
}

buffer::buffer(std::shared_ptr<storage> shared) : shared_(std::move(shared)) {}
buffer_ref buffer::ref() const noexcept { return {shared_->handle()}; }
std::uint64_t buffer::bytes() const noexcept { return shared_->bytes(); }
memory buffer::kind() const noexcept { return shared_->kind(); }
long buffer::use_count() const noexcept { return shared_.use_count(); }

buffer_slice buffer::slice(std::uint64_t offset, std::uint64_t bytes) const {
  const buffer_slice part{ref(), offset, bytes};
  if (!part.lies_in(shared_->bytes()))
    throw error(RONDO_INVALID_ARGUMENT, shared_->name(),
                fmt::format("{} bytes from {} on are not in a buffer of {} bytes", bytes, offset,
                            shared_->bytes()),
                "Stay inside the buffer");
  return part;
}
buffer_slice buffer::slice(std::uint64_t offset) const {
  return slice(offset, offset < shared_->bytes() ? shared_->bytes() - offset : 0);
}

void buffer::write_bytes(std::uint64_t offset, const void* from, std::uint64_t bytes) {
  shared_->write(offset, from, bytes);
}
void buffer::read_bytes(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  shared_->read(offset, to, bytes);
}

std::span<std::byte> buffer::host_bytes() const {
  if (shared_->host() == nullptr)
    throw error(RONDO_UNSUPPORTED, shared_->name(),
                "it is device memory, which the host does not see",
                "Create it with memory::host_visible, or copy with write and read");
  return {shared_->host(), shared_->bytes()};
}

}  // namespace rondo
