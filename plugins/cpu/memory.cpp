// Buffers of the CPU device.
#include "memory.hpp"

#include <rondo/backend/backend.hpp>

#include <cstdlib>
#include <cstring>
#include <new>

namespace rondo::cpu {

using backend::failure;

namespace {
std::string name_of(rondo_buffer_handle handle) { return "buffer " + std::to_string(handle); }

// Never freed, and not lost sight of either: a leak checker would take it for a leak.
void keep_for_good(std::uint64_t address) noexcept {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::uint64_t>;
  const std::lock_guard lock(mutex);
  try {
    kept.push_back(address);
  } catch (const std::bad_alloc&) {  // it is kept all the same
  }
}
}  // namespace

buffer_table::buffer_table() : entries_(capacity), generations_(capacity) {
  free_.reserve(capacity);
  for (std::uint32_t i = capacity; i-- > 0;) free_.push_back(i);
}

buffer_table::~buffer_table() {
  for (auto& entry : entries_)
    if (entry.handle != 0) let_go(entry.address);
}

void buffer_table::let_go(std::uint64_t address) const {
  if (quarantined_) keep_for_good(address);
  else std::free(reinterpret_cast<void*>(address));
}

rondo_buffer_handle buffer_table::create(std::uint64_t bytes) {
  if (bytes == 0)
    throw failure(RONDO_INVALID_ARGUMENT, "buffer", "a buffer of 0 bytes was asked for",
                  "ask for at least one byte");
  const std::lock_guard lock(mutex_);
  if (free_.empty())
    throw failure(RONDO_LIMIT_REACHED, "buffer",
                  "all " + std::to_string(capacity) + " buffers of the device are in use",
                  "release buffers that are no longer needed");
  void* memory = std::calloc(1, bytes);
  if (memory == nullptr)
    throw failure(RONDO_OUT_OF_MEMORY, "buffer",
                  "the host has no " + std::to_string(bytes) + " bytes for a buffer",
                  "ask for less, or release buffers that are no longer needed");
  const std::uint32_t index = free_.back();
  free_.pop_back();
  const std::uint64_t handle = std::uint64_t{++generations_[index]} << 32 | index;
  rondo_buffer_entry& entry = entries_[index];
  entry.address = reinterpret_cast<std::uint64_t>(memory);
  entry.bytes = bytes;
  __atomic_store_n(&entry.handle, handle, __ATOMIC_RELEASE);  // SYNC: buffer-entry
  return handle;
}

rondo_buffer_entry& buffer_table::find(rondo_buffer_handle handle) {
  const auto index = static_cast<std::uint32_t>(handle);
  if (handle == 0 || index >= capacity || entries_[index].handle != handle)
    throw failure(RONDO_NO_SUCH_BUFFER, name_of(handle), "the handle is not alive",
                  "keep the buffer while its handle is in use");
  return entries_[index];
}

rondo_status buffer_table::destroy(rondo_buffer_handle handle) {
  const std::lock_guard lock(mutex_);
  rondo_buffer_entry& entry = find(handle);
  __atomic_store_n(&entry.handle, 0, __ATOMIC_RELEASE);
  let_go(entry.address);
  if (!quarantined_) free_.push_back(static_cast<std::uint32_t>(handle));
  return RONDO_OK;
}

std::byte* buffer_table::range(rondo_buffer_handle handle, std::uint64_t offset,
                               std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const rondo_buffer_entry& entry = find(handle);
  if (offset > entry.bytes || bytes > entry.bytes - offset)
    throw failure(RONDO_INVALID_ARGUMENT, name_of(handle),
                  "bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes) +
                      " are not in a buffer of " + std::to_string(entry.bytes) + " bytes",
                  "stay inside the buffer");
  return reinterpret_cast<std::byte*>(entry.address) + offset;
}

void* buffer_table::address(rondo_buffer_handle handle) { return range(handle, 0, 0); }

void buffer_table::write(rondo_buffer_handle handle, std::uint64_t offset, const void* from,
                         std::uint64_t bytes) {
  std::byte* const to = range(handle, offset, bytes);  // also of nothing: the handle may be dead
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void buffer_table::read(rondo_buffer_handle handle, std::uint64_t offset, void* to,
                        std::uint64_t bytes) {
  const std::byte* const from = range(handle, offset, bytes);
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void buffer_table::quarantine() {
  const std::lock_guard lock(mutex_);
  quarantined_ = true;
}

}  // namespace rondo::cpu
