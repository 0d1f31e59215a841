// Buffers, with what can be wrong about them.
#include "wrapped.hpp"

#include <algorithm>
#include <map>

namespace rondo::faults {

namespace {

std::mutex mutex;  // what follows
std::map<rondo_buffer_handle, std::uint64_t> sizes;
struct late_write {
  rondo_device* device;
  rondo_buffer_handle handle;
  std::uint64_t offset;
  std::vector<std::byte> bytes;
};
std::vector<late_write> late;
// What the host is shown in place of a buffer's own memory.
struct copy_for_host {
  std::byte* real;
  std::vector<std::byte> shown;
  void to_real() const { std::memcpy(real, shown.data(), shown.size()); }
  void from_real() { std::memcpy(shown.data(), real, shown.size()); }
};
std::map<rondo_buffer_handle, copy_for_host> copies;

bool shows_late() {
  return broken(fault::host_writes_are_late) || broken(fault::handler_writes_are_late);
}

std::uint64_t size_of(rondo_buffer_handle handle) {
  const std::lock_guard lock(mutex);
  const auto found = sizes.find(handle);
  return found == sizes.end() ? 0 : found->second;
}

rondo_status create(rondo_device* device, std::uint64_t bytes, rondo_buffer_handle* out,
                    rondo_error_sink* error) {
  const auto status = ask(inner.buffer.create, device->inner, bytes, out, error);
  if (status != RONDO_OK) return status;
  {
    const std::lock_guard lock(mutex);
    sizes[*out] = bytes;
  }
  if (broken(fault::buffer_not_zeroed)) {
    const std::vector<std::byte> old(bytes, std::byte{0x5a});
    inner.buffer.write(device->inner, *out, 0, old.data(), bytes, nullptr);
  }
  return RONDO_OK;
}

rondo_status create_visible(rondo_device* device, std::uint64_t bytes, rondo_buffer_handle* out,
                            void** host, rondo_error_sink* error) {
  const auto status = ask(inner.buffer.create_visible, device->inner, bytes, out, host, error);
  if (status != RONDO_OK) return status;
  const std::lock_guard lock(mutex);
  sizes[*out] = bytes;
  if (broken(fault::buffer_not_zeroed)) std::memset(*host, 0x5a, bytes);
  if (broken(fault::host_memory_is_a_copy) || shows_late()) {
    auto& copy = copies[*out] = {static_cast<std::byte*>(*host), std::vector<std::byte>(bytes)};
    *host = copy.shown.data();
  }
  return RONDO_OK;
}

rondo_status destroy(rondo_device* device, rondo_buffer_handle handle) {
  if (broken(fault::buffer_never_destroyed) && size_of(handle) != 0) {
    const std::lock_guard lock(mutex);
    sizes.erase(handle);
    return RONDO_OK;
  }
  {
    const std::lock_guard lock(mutex);
    copies.erase(handle);
  }
  return ask(inner.buffer.destroy, device->inner, handle);
}

// Beyond the end is cut, where that is what is wrong.
std::uint64_t clamped(rondo_buffer_handle handle, std::uint64_t& offset, std::uint64_t bytes) {
  const std::uint64_t size = size_of(handle);
  if (!broken(fault::range_clamped) || size == 0) return bytes;
  offset = std::min(offset, size);
  return std::min(bytes, size - offset);
}

rondo_status write(rondo_device* device, rondo_buffer_handle handle, std::uint64_t offset,
                   const void* from, std::uint64_t bytes, rondo_error_sink* error) {
  if (broken(fault::copy_waits)) wait_for_all_handlers();
  bytes = clamped(handle, offset, bytes);
  if (broken(fault::write_is_late) && offset + bytes <= size_of(handle)) {
    const std::lock_guard lock(mutex);
    const auto* data = static_cast<const std::byte*>(from);
    late.push_back({device->inner, handle, offset, {data, data + bytes}});
    return RONDO_OK;
  }
  const auto status = ask(inner.buffer.write, device->inner, handle, offset, from, bytes, error);
  const std::lock_guard lock(mutex);
  if (const auto copy = copies.find(handle); copy != copies.end() && shows_late())
    copy->second.from_real();
  return status;
}

rondo_status read(rondo_device* device, rondo_buffer_handle handle, std::uint64_t offset, void* to,
                  std::uint64_t bytes, rondo_error_sink* error) {
  if (broken(fault::copy_waits)) wait_for_all_handlers();
  bytes = clamped(handle, offset, bytes);
  {
    const std::lock_guard lock(mutex);
    for (const auto& each : late)
      inner.buffer.write(each.device, each.handle, each.offset, each.bytes.data(),
                         each.bytes.size(), nullptr);
    late.clear();
    if (const auto copy = copies.find(handle); copy != copies.end() && shows_late())
      copy->second.to_real();
  }
  const auto status = ask(inner.buffer.read, device->inner, handle, offset, to, bytes, error);
  if (status == RONDO_NO_SUCH_BUFFER && broken(fault::dead_handle_works)) return RONDO_OK;
  return status;
}

}  // namespace

const rondo_buffer_table buffer_functions = {
    sizeof(rondo_buffer_table), 0, create, destroy, write, read, create_visible};

void message_is_pushed() {
  if (!broken(fault::handler_writes_are_late)) return;
  const std::lock_guard lock(mutex);
  for (const auto& [handle, copy] : copies) copy.to_real();
}

}  // namespace rondo::faults
