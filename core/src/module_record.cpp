// The entry of a kernel module and what it says.
#include "module_record.hpp"

#include "plugin_objects.hpp"

#include <rondo/naming.hpp>

#include <fmt/format.h>

#include <exception>

namespace rondo::detail {

namespace {

error refused(const std::string& origin, std::string what) {
  return error(RONDO_BAD_DESCRIPTOR, origin, std::move(what),
               "Rebuild the module with this version's rondo_add_kernels()");
}

void check_handler(const rondo_handler* handler, const std::string& origin) {
  // Records of modules that know no hooks end before them.
  if (handler == nullptr || handler->struct_size < offsetof(rondo_handler, on_start))
    throw refused(origin, "a handler's record is missing or too short");
  if (!is_valid_kernel_id(view_of(handler->id)))
    throw refused(origin, fmt::format("'{}' is not a handler id", view_of(handler->id)));
  for (const auto* type : {&handler->request, &handler->response}) {
    if (!is_valid_message_type(view_of(type->wire_name)))
      throw refused(origin, fmt::format("'{}' is not a message name", view_of(type->wire_name)));
    if (type->max_bytes > RONDO_MAX_PAYLOAD)
      throw refused(origin,
                    fmt::format("message {} has {} bytes; {} are allowed", view_of(type->wire_name),
                                type->max_bytes, static_cast<int>(RONDO_MAX_PAYLOAD)));
  }
  const auto alignment = handler->state_alignment;
  if (handler->construct == nullptr || handler->destroy == nullptr || alignment == 0 ||
      (alignment & (alignment - 1)) != 0)
    throw refused(origin, fmt::format("handler {} has no usable state", view_of(handler->id)));
}

void check_images(const rondo_module& record, const std::string& origin) {
  if (record.image_count > 0 && record.images == nullptr)
    throw refused(origin, "its images are missing");
  for (std::uint64_t i = 0; i < record.image_count; ++i) {
    const auto& image = record.images[i];
    if (image.struct_size < sizeof image || (image.bytes == nullptr && image.size > 0))
      throw refused(origin, "an image's record is too short or has no bytes");
    for (std::uint64_t k = 0; k < i; ++k)
      if (view_of(record.images[k].backend) == view_of(image.backend))
        throw refused(origin, fmt::format("it has two images for {}", view_of(image.backend)));
  }
}

void check_scenarios(const rondo_module& record, const std::string& origin) {
  if (record.scenario_count > 0 && record.scenarios == nullptr)
    throw refused(origin, "its scenarios are missing");
  for (std::uint64_t i = 0; i < record.scenario_count; ++i) {
    const auto* const one = record.scenarios[i];
    if (one == nullptr || one->struct_size < sizeof *one || one->open == nullptr ||
        one->next == nullptr || one->check == nullptr || one->close == nullptr)
      throw refused(origin, "a scenario's record is missing, too short or without a function");
  }
}

const rondo_module* called(rondo_module_entry_fn entry, const std::string& origin) {
  if (entry == nullptr) throw refused(origin, "it has no entry");
  try {
    return entry();
  } catch (const std::exception& thrown) {
    throw refused(origin, fmt::format("its entry threw an exception: {}", thrown.what()));
  } catch (...) {
    throw refused(origin, "its entry threw an exception");
  }
}

}  // namespace

const rondo_module& enter_module(rondo_module_entry_fn entry, const std::string& origin) {
  const rondo_module* const record = called(entry, origin);
  if (record == nullptr) throw refused(origin, "its entry returned nothing");
  if (record->magic != RONDO_MODULE_MAGIC)
    throw refused(origin, "its record has a wrong magic number");
  if (record->struct_size < sizeof(rondo_module)) throw refused(origin, "its record is too short");
  if (record->abi_version != RONDO_ABI_VERSION)
    throw error(RONDO_ABI_MISMATCH, origin,
                fmt::format("the module was built for ABI version {}, this librondo speaks {}",
                            record->abi_version, RONDO_ABI_VERSION),
                "Rebuild the module against this version");
  if (record->handler_count == 0 || record->handlers == nullptr)
    throw refused(origin, "it has no handler");
  for (std::uint64_t i = 0; i < record->handler_count; ++i)
    check_handler(record->handlers[i], origin);
  check_images(*record, origin);
  check_scenarios(*record, origin);
  return *record;
}

}  // namespace rondo::detail
