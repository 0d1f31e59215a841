// Buffers of a CUDA device.
#include "buffers.hpp"

#include <cstring>

namespace rondo::cuda {

namespace {

std::string text(std::uint64_t n) { return std::to_string(n); }
std::string name_of(rondo_buffer_handle handle) { return "buffer " + text(handle); }

void require_bytes(std::uint64_t bytes) {
  if (bytes == 0)
    throw failure(RONDO_INVALID_ARGUMENT, "buffer", "a buffer of 0 bytes was asked for",
                  "Ask for at least one byte");
}

}  // namespace

buffer_table::buffer_table(device_memory& memory, pinned_arena& pinned)
    : memory_(memory),
      pinned_(pinned),
      table_(memory.allocate(capacity * sizeof(rondo_buffer_entry))),
      entries_(capacity),
      visible_(capacity),
      generations_(capacity) {
  free_.reserve(capacity);
  for (std::uint32_t i = capacity; i-- > 0;) free_.push_back(i);
}

buffer_table::~buffer_table() {
  for (std::uint32_t i = 0; i < capacity; ++i)
    if (entries_[i].handle != 0) give_back(entries_[i], visible_[i]);
  memory_.release(table_, capacity * sizeof(rondo_buffer_entry));
}

void buffer_table::give_back(const rondo_buffer_entry& entry, std::byte* visible) {
  if (quarantined_) return;
  if (visible == nullptr) memory_.release(entry.address, entry.bytes);
  else pinned_.release({visible, entry.address, pinned_arena::rounded(entry.bytes)});
}

void buffer_table::publish(std::uint32_t index) {
  memory_.write(table_ + index * sizeof(rondo_buffer_entry), &entries_[index],
                sizeof(rondo_buffer_entry));
}

std::uint32_t buffer_table::free_index() const {
  if (free_.empty())
    throw failure(RONDO_LIMIT_REACHED, "buffer",
                  "all " + text(capacity) + " buffers of the device are in use",
                  "Release buffers that are no longer needed");
  return free_.back();
}

rondo_buffer_handle buffer_table::create(std::uint64_t bytes) {
  require_bytes(bytes);
  const std::lock_guard lock(mutex_);
  free_index();
  return enter({0, memory_.allocate(bytes), bytes, 0}, nullptr);
}

rondo_buffer_handle buffer_table::create_visible(std::uint64_t bytes, void*& host) {
  require_bytes(bytes);
  const std::lock_guard lock(mutex_);
  free_index();
  const pinned_block block = pinned_.allocate(bytes);
  const rondo_buffer_handle handle = enter({0, block.device, bytes, 0}, block.host);
  host = block.host;
  return handle;
}

// Gives the memory back if the device cannot be told of it.
rondo_buffer_handle buffer_table::enter(const rondo_buffer_entry& made, std::byte* visible) {
  const std::uint32_t index = free_index();
  const std::uint64_t handle = std::uint64_t{++generations_[index]} << 32 | index;
  entries_[index] = made;
  entries_[index].handle = handle;
  try {
    publish(index);
  } catch (...) {
    entries_[index] = {};
    give_back(made, visible);
    throw;
  }
  visible_[index] = visible;
  free_.pop_back();
  return handle;
}

std::uint32_t buffer_table::find(rondo_buffer_handle handle) const {
  const auto index = static_cast<std::uint32_t>(handle);
  if (handle == 0 || index >= capacity || entries_[index].handle != handle)
    throw failure(RONDO_NO_SUCH_BUFFER, name_of(handle), "the handle is not alive",
                  "Keep the buffer while its handle is in use");
  return index;
}

rondo_status buffer_table::destroy(rondo_buffer_handle handle) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t index = find(handle);
  const rondo_buffer_entry entry = entries_[index];
  entries_[index] = {};
  publish(index);  // if the device is lost the memory is lost too
  give_back(entry, visible_[index]);
  visible_[index] = nullptr;
  free_.push_back(index);
  return RONDO_OK;
}

buffer_table::place buffer_table::range(rondo_buffer_handle handle, std::uint64_t offset,
                                        std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const std::uint32_t index = find(handle);
  const rondo_buffer_entry& entry = entries_[index];
  if (offset > entry.bytes || bytes > entry.bytes - offset)
    throw failure(RONDO_INVALID_ARGUMENT, name_of(handle),
                  "bytes " + text(offset) + " to " + text(offset + bytes) +
                      " are not in a buffer of " + text(entry.bytes) + " bytes",
                  "Stay inside the buffer");
  std::byte* const visible = visible_[index];
  return {entry.address + offset, visible == nullptr ? nullptr : visible + offset};
}

// What the host sees needs no copy engine: the host's own stores and loads are in order with its
// pushes and pops.
void buffer_table::write(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                         std::uint64_t bytes) {
  const place to = range(handle, offset, bytes);
  if (to.visible == nullptr) memory_.write(to.address, from, bytes);
  else if (bytes != 0) std::memcpy(to.visible, from, bytes);
}

void buffer_table::read(rondo_buffer_handle handle, std::uint64_t offset, void* to,
                        std::uint64_t bytes) {
  const place from = range(handle, offset, bytes);
  if (from.visible == nullptr) memory_.read(to, from.address, bytes);
  else if (bytes != 0) std::memcpy(to, from.visible, bytes);
}

void buffer_table::quarantine() {
  const std::lock_guard lock(mutex_);
  quarantined_ = true;
}

}  // namespace rondo::cuda
