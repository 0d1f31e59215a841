// Starting a backend, and what it says of its devices.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"

#include <rondo/host_services.hpp>

#include <cstring>

namespace rondo::conformance {

RONDO_CASE(backend, open, it_opens_in_time_and_has_a_device_or_says_why_not, loads, "DEV-01", "") {
  const auto begin = now_ns();
  rondo_backend* const backend = it.backend();
  require(now_ns() - begin < 10 * ns_per_second, "open took more than ten seconds");
  if (it.api().backend.device_count(backend) > 0) return;
  char why[512];
  const auto n = it.api().backend.why_none(backend, why, sizeof why);
  require(n > 0, "the backend has no device, and why_none says nothing");
}

RONDO_CASE(backend, open, why_none_keeps_to_its_room, loads, "DEV-04", "") {
  char text[64];
  for (const std::uint32_t room : {0u, 1u, 7u, 64u}) {
    std::memset(text, '#', sizeof text);
    const auto n = it.api().backend.why_none(it.backend(), text, room);
    require(n <= room, "why_none returned a length of " + std::to_string(n) + " for room of " +
                           std::to_string(room));
    for (std::uint32_t i = room; i < sizeof text; ++i)
      require(text[i] == '#', "why_none wrote behind the room that it was given");
  }
}

RONDO_CASE(backend, open, it_can_be_opened_again, core, "DEV-05", "") {
  for (int i = 0; i < 3; ++i) {
    (void)it.backend();
    it.close_backend();
  }
  (void)it.device();
}

RONDO_CASE(backend, open, two_can_be_open_at_once, concurrent, "DEV-07 DEV-05", "") {
  bench other(it.with(), "other");
  (void)it.device();
  test_kernel before(other);
  before.start();
  it.close_device();
  it.close_backend();
  rondo_device_info info{};
  info.struct_size = sizeof info;
  expect_status(other.api().backend.device_info(other.backend(), it.with().device, &info), RONDO_OK,
                "device_info of a second backend after the first was closed");
  kernel_spec spec;
  spec.id = "after";
  test_kernel after(other, spec);
  after.start();
  for (test_kernel* const kernel : {&before, &after})
    expect_equal(kernel->call<kernels::nonce_reply>(kernels::nonce_request{7, {}}).proof,
                 kernels::secret(7, kernels::nonce_salt),
                 "the proof of a kernel of the second backend after the first was closed");
}

}  // namespace rondo::conformance
