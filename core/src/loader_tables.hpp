// Tables of functions as a plugin hands them over, and as the host calls them: every slot filled.
// Used by loader_descriptor.cpp alone.
#pragma once

#include <rondo/abi.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace rondo::loading {

// What stands in for a function that a plugin does not have.
template <class Function>
struct stub;
template <class Result, class... Arguments>
struct stub<Result (*)(Arguments...)> {
  static Result call(Arguments...) noexcept {
    if constexpr (std::is_same_v<Result, rondo_status>) return RONDO_UNSUPPORTED;
    else if constexpr (!std::is_void_v<Result>) return Result{};
  }
};

// All tables are two uint32_t and then function pointers.
inline constexpr std::size_t first_slot = 2 * sizeof(std::uint32_t);
static_assert(sizeof(void (*)()) == sizeof(std::uintptr_t) && first_slot % sizeof(void*) == 0);

template <class Table, class... Slots>
void fill_with_stubs(Table& table, Slots&... slots) {
  static_assert(sizeof(Table) == first_slot + sizeof...(Slots) * sizeof(void (*)()),
                "a slot of this table has no stub");
  table.struct_size = sizeof(Table);
  table.reserved = 0;
  ((slots = stub<Slots>::call), ...);
}

inline void fill_with_stubs(rondo_backend_table& t) {
  fill_with_stubs(t, t.open, t.close, t.device_count, t.why_none, t.device_info, t.open_device,
                  t.close_device, t.device_properties);
}
inline void fill_with_stubs(rondo_kernel_table& t) {
  fill_with_stubs(t, t.create, t.launch, t.activate, t.deactivate, t.terminate, t.destroy, t.state,
                  t.input, t.output, t.counters, t.renew, t.failure);
}
inline void fill_with_stubs(rondo_queue_table& t) {
  fill_with_stubs(t, t.push, t.pop, t.push_batch, t.pop_batch, t.reserve, t.commit, t.abandon,
                  t.peek, t.release, t.info, t.map);
}
inline void fill_with_stubs(rondo_buffer_table& t) {
  fill_with_stubs(t, t.create, t.destroy, t.write, t.read, t.create_visible);
}

// A table where the plugin keeps it; nothing at all if it has none.
struct provided_table {
  const std::byte* functions = nullptr;
  std::size_t size = 0;

  // The function pointer at this offset as a number; 0 if the table ends before it.
  std::uintptr_t slot(std::size_t offset) const {
    std::uintptr_t value = 0;
    if (offset + sizeof value <= size) std::memcpy(&value, functions + offset, sizeof value);
    return value;
  }
};

// Copies what is there over the stubs.
template <class Table>
void adopt(Table& to, const provided_table& from) {
  fill_with_stubs(to);
  for (std::size_t at = first_slot; at < sizeof(Table); at += sizeof(std::uintptr_t))
    if (const auto function = from.slot(at); function != 0)
      std::memcpy(reinterpret_cast<std::byte*>(&to) + at, &function, sizeof function);
}

struct slot_name {
  std::size_t offset;
  std::string_view name;
};

#define RONDO_SLOT(table, function) \
  slot_name { offsetof(table, function), #function }

inline constexpr slot_name required_of_backend[] = {
    RONDO_SLOT(rondo_backend_table, open),         RONDO_SLOT(rondo_backend_table, close),
    RONDO_SLOT(rondo_backend_table, device_count), RONDO_SLOT(rondo_backend_table, device_info),
    RONDO_SLOT(rondo_backend_table, open_device),  RONDO_SLOT(rondo_backend_table, close_device)};
inline constexpr slot_name required_of_kernel[] = {
    RONDO_SLOT(rondo_kernel_table, create),    RONDO_SLOT(rondo_kernel_table, launch),
    RONDO_SLOT(rondo_kernel_table, activate),  RONDO_SLOT(rondo_kernel_table, deactivate),
    RONDO_SLOT(rondo_kernel_table, terminate), RONDO_SLOT(rondo_kernel_table, destroy),
    RONDO_SLOT(rondo_kernel_table, state),     RONDO_SLOT(rondo_kernel_table, input),
    RONDO_SLOT(rondo_kernel_table, output),    RONDO_SLOT(rondo_kernel_table, counters)};
inline constexpr slot_name required_of_queue[] = {RONDO_SLOT(rondo_queue_table, push),
                                                  RONDO_SLOT(rondo_queue_table, pop),
                                                  RONDO_SLOT(rondo_queue_table, info)};

// A capability is a promise that these functions are there.
inline constexpr slot_name slots_of_mapped[] = {RONDO_SLOT(rondo_queue_table, map)};
inline constexpr slot_name slots_of_zero_copy[] = {
    RONDO_SLOT(rondo_queue_table, reserve), RONDO_SLOT(rondo_queue_table, commit),
    RONDO_SLOT(rondo_queue_table, abandon), RONDO_SLOT(rondo_queue_table, peek),
    RONDO_SLOT(rondo_queue_table, release)};
inline constexpr slot_name slots_of_batch[] = {RONDO_SLOT(rondo_queue_table, push_batch),
                                               RONDO_SLOT(rondo_queue_table, pop_batch)};
inline constexpr slot_name slots_of_lease[] = {RONDO_SLOT(rondo_kernel_table, renew)};
inline constexpr slot_name slots_of_buffer[] = {
    RONDO_SLOT(rondo_buffer_table, create), RONDO_SLOT(rondo_buffer_table, destroy),
    RONDO_SLOT(rondo_buffer_table, write), RONDO_SLOT(rondo_buffer_table, read)};
inline constexpr slot_name slots_of_host_visible[] = {
    RONDO_SLOT(rondo_buffer_table, create_visible)};

#undef RONDO_SLOT

}  // namespace rondo::loading
