// The comparison behind every probe of a device image. Uses nothing of CUDA, so that it is tested
// where there is no GPU.
#include "image_check.hpp"

#include <rondo/backend/backend.hpp>
#include <rondo/ring/layout.hpp>

#include <cstddef>
#include <cstring>
#include <string>

namespace rondo::cuda {

using backend::failure;
using backend::text;

namespace {

struct fact {
  const char* name;
  std::size_t offset;
};
#define RONDO_FACT(name, value) {#name, offsetof(device::layout_facts, name)},
constexpr fact all_facts[] = {RONDO_LAYOUT_FACTS(RONDO_FACT)};
#undef RONDO_FACT

[[noreturn]] void refuse(const std::string& handler, const std::string& name, std::uint64_t here,
                         std::uint64_t there) {
  throw failure(RONDO_VERSION_MISMATCH, handler,
                name + " is " + std::to_string(here) + " for this backend and " +
                    std::to_string(there) + " in the module's device image",
                "Build the module and the backend with the same version of the SDK");
}

std::uint32_t bit_of(device::hook which, bool is_there) {
  return is_there ? device::hook_bit(which) : 0;
}

}  // namespace

std::uint32_t hooks_of(const rondo_handler& whole) {
  return bit_of(device::hook::start, whole.on_start != nullptr) |
         bit_of(device::hook::stop, whole.on_stop != nullptr) |
         bit_of(device::hook::timer, whole.on_timer != nullptr);
}

void check_layout(const rondo_image& image, const rondo_handler& handler) {
  if (image.ring_layout_version != ring::layout_version)
    refuse(std::string(text(handler.id)), "ring_layout_version", ring::layout_version,
           image.ring_layout_version);
}

void check_answer(const device::probe_record& seen, const rondo_handler& handler) {
  const std::string id(text(handler.id));
  const device::layout_facts own = device::current_layout();
  for (const fact& each : all_facts) {
    std::uint32_t here = 0, there = 0;
    std::memcpy(&here, reinterpret_cast<const std::byte*>(&own) + each.offset, sizeof here);
    std::memcpy(&there, reinterpret_cast<const std::byte*>(&seen.layout) + each.offset,
                sizeof there);
    if (here != there) refuse(id, each.name, here, there);
  }
  const auto same = [&](const char* name, std::uint64_t host_image, std::uint64_t device_image) {
    if (host_image == device_image) return;
    throw failure(RONDO_VERSION_MISMATCH, id,
                  std::string(name) + " is " + std::to_string(host_image) +
                      " in the module's host image and " + std::to_string(device_image) +
                      " in its device image",
                  "Build the whole module anew");
  };
  const rondo_handler whole = backend::whole(handler);
  const rondo_message_type starts_with =
      whole.start_type != nullptr ? *whole.start_type : rondo_message_type{};
  same("the request's largest size", handler.request.max_bytes, seen.request_max_bytes);
  same("the response's largest size", handler.response.max_bytes, seen.response_max_bytes);
  same("the request's schema", handler.request.schema_hash, seen.request_schema);
  same("the response's schema", handler.response.schema_hash, seen.response_schema);
  same("the state's size", handler.state_bytes, seen.state_bytes);
  same("the state's alignment", handler.state_alignment, seen.state_alignment);
  same("the handler's kind", handler.flags, seen.handler_flags);
  same("which hooks it has", hooks_of(whole), seen.hooks);
  same("the start argument's schema", starts_with.schema_hash, seen.start_schema);
  same("the start argument's largest size", starts_with.max_bytes, seen.start_max_bytes);
}

}  // namespace rondo::cuda
