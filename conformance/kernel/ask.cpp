// What may be asked of a kernel at any time, whatever its handler does.
#include "../support/busy.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

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

// Whether all of it was told while the handler was at work for so long. A machine that is busy with
// other things may be too slow for that.
bool is_told_meanwhile(bench& it, std::uint64_t microseconds) {
  test_kernel kernel(it, busy_spec());
  kernel.start();
  busy_handler handler(kernel, microseconds);
  ask_all(it, kernel);
  const bool is_at_work = kernel.counters().messages_in == 0;
  (void)handler.pushed();
  return is_at_work;
}

}  // namespace

// By no clock: the handler has not returned when everything was told.
RONDO_CASE(kernel, ask, what_never_blocks_does_not_wait_for_the_handler, core, "ABI-15",
           RONDO_CAP_EMITS) {
  bool is_told = false;
  for (const std::uint64_t microseconds : {200'000u, 800'000u, 2'000'000u})
    if ((is_told = is_told_meanwhile(it, microseconds))) break;
  require(is_told,
          "of calls that never block one returned only when a handler that was at work for two "
          "seconds had returned");
}

}  // namespace rondo::conformance
