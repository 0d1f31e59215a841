// What may be asked of a kernel at any time, whatever its handler does.
#include "../support/busy.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <array>

namespace rondo::conformance {

namespace {

// Everything that "never blocks" and can be asked of a kernel at work.
void ask_all(bench& it, test_kernel& kernel) {
  const auto& api = it.api();
  rondo_backend* const backend = it.backend();
  rondo_device* const device = it.device();
  char text[256];
  std::uint32_t length = 0;
  {
    const host_call_guard guard;
    (void)api.kernel.state(kernel.handle());
    (void)api.kernel.input(kernel.handle());
    (void)api.kernel.output(kernel.handle());
    (void)api.kernel.failure(kernel.handle(), text, sizeof text, &length);
    (void)api.backend.device_count(backend);
    (void)api.backend.why_none(backend, text, sizeof text);
    (void)api.backend.device_properties(device, nullptr, [](void*, rondo_string, rondo_string) {});
  }
  (void)kernel.counters();
  (void)kernel.info(kernel.input());
  received none;
  (void)kernel.try_receive(none);
}

void copy_to_and_fro(bench& it, bool is_visible) {
  const rondo_buffer_table& buffers = it.api().buffer;
  rondo_device* const device = it.device();
  std::array<std::byte, 256> bytes{std::byte{7}}, back{};
  rondo_buffer_handle handle = 0;
  void* host = nullptr;
  const host_call_guard guard;
  expect_status(is_visible ? buffers.create_visible(device, bytes.size(), &handle, &host, nullptr)
                           : buffers.create(device, bytes.size(), &handle, nullptr),
                RONDO_OK, "create of a buffer beside a busy handler");
  expect_status(buffers.write(device, handle, 0, bytes.data(), bytes.size(), nullptr), RONDO_OK,
                "write beside a busy handler");
  expect_status(buffers.read(device, handle, 0, back.data(), back.size(), nullptr), RONDO_OK,
                "read beside a busy handler");
  require(back == bytes, "what was read beside a busy handler is not what was written");
  expect_status(buffers.destroy(device, handle), RONDO_OK, "destroy beside a busy handler");
}

// What concerns the device, and no kernel that is at work on it.
void make_and_copy(bench& it) {
  kernel_spec spec = busy_spec();  // whose code is there already
  spec.id = "beside";
  test_kernel(it, spec).destroy();
  if (it.has(RONDO_CAP_BUFFER)) copy_to_and_fro(it, false);
  if (it.has(RONDO_CAP_HOST_VISIBLE)) copy_to_and_fro(it, true);
}

// Whether all of it was done while the handler was at work for so long. A machine that is busy with
// other things may be too slow for that.
template <class Calls>
bool is_done_meanwhile(bench& it, std::uint64_t microseconds, Calls&& calls) {
  test_kernel kernel(it, busy_spec());
  kernel.start();
  busy_handler handler(kernel, microseconds);
  calls(kernel);
  const bool is_at_work = kernel.counters().messages_in == 0;
  (void)handler.pushed();
  return is_at_work;
}

// By no clock: the handler has not returned when everything was done.
template <class Calls>
void expect_done_meanwhile(bench& it, std::string_view what, Calls&& calls,
                           const place& at = place::current()) {
  bool is_done = false;
  for (const std::uint64_t microseconds : {200'000u, 800'000u, 2'000'000u})
    if ((is_done = is_done_meanwhile(it, microseconds, calls))) break;
  require(is_done,
          std::string(what) +
              " one returned only when a handler that was at work for two seconds had returned",
          at);
}

}  // namespace

RONDO_CASE(kernel, ask, what_never_blocks_does_not_wait_for_the_handler, core, "ABI-15",
           RONDO_CAP_EMITS) {
  expect_done_meanwhile(it, "of calls that never block",
                        [&](test_kernel& kernel) { ask_all(it, kernel); });
}

// A handler may take as long as it likes: a call that waits for it keeps no bound at all.
RONDO_CASE(kernel, ask, making_and_copying_do_not_wait_for_a_handler, core, "ABI-14",
           RONDO_CAP_EMITS) {
  expect_done_meanwhile(it, "of creating, copying and destroying",
                        [&](test_kernel&) { make_and_copy(it); });
}

}  // namespace rondo::conformance
