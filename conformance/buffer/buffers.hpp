// The buffers of the device under test, through the functions of its table.
#pragma once

#include "../support/kernel.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

class buffers {
 public:
  explicit buffers(bench& it) : api_(it.api().buffer), device_(it.device()) {}

  rondo_buffer_handle create(std::uint64_t bytes, const place& at = place::current()) {
    rondo_buffer_handle out = 0;
    explanation_record why;
    const host_call_guard guard;
    const auto status = api_.create(device_, bytes, &out, why.sink());
    if (status != RONDO_OK)
      fail("create of a buffer of " + std::to_string(bytes) + " bytes returned " +
               status_text(status) + ": " + why.message,
           at);
    require(out != 0, "create gave the handle 0, which means none", at);
    return out;
  }
  // Of memory that the host uses in place.
  rondo_buffer_handle create_visible(std::uint64_t bytes, void*& host,
                                     const place& at = place::current()) {
    rondo_buffer_handle out = 0;
    explanation_record why;
    const host_call_guard guard;
    const auto status = api_.create_visible(device_, bytes, &out, &host, why.sink());
    if (status != RONDO_OK)
      fail("create_visible of a buffer of " + std::to_string(bytes) + " bytes returned " +
               status_text(status) + ": " + why.message,
           at);
    require(out != 0 && host != nullptr, "create_visible gave no handle, or no memory", at);
    return out;
  }
  rondo_status destroy(rondo_buffer_handle handle) {
    const host_call_guard guard;
    return api_.destroy(device_, handle);
  }
  rondo_status write(rondo_buffer_handle handle, std::uint64_t at, const void* from,
                     std::uint64_t bytes) {
    const host_call_guard guard;
    return api_.write(device_, handle, at, from, bytes, nullptr);
  }
  rondo_status read(rondo_buffer_handle handle, std::uint64_t at, void* to, std::uint64_t bytes) {
    const host_call_guard guard;
    return api_.read(device_, handle, at, to, bytes, nullptr);
  }

  static kernel_spec spec(const char* handler = "ConformanceBuffer") {
    kernel_spec of;
    of.handler = handler;
    return of;
  }

 private:
  const rondo_buffer_table& api_;
  rondo_device* device_;
};

}  // namespace rondo::conformance
