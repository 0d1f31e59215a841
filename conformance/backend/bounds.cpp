// How long calls may take, by the clock. The bounds are a thousand times what the calls need, so
// that only one that hangs breaks them, and no machine that is busy with other things.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <array>

namespace rondo::conformance {

namespace {

constexpr std::uint64_t bound_s = 10, long_bound_s = 30;

template <class Call>
void expect_within(std::uint64_t seconds, std::string_view what, Call&& call) {
  const std::uint64_t begin = now_ns();
  call();
  const std::uint64_t took = now_ns() - begin;
  require(took <= seconds * ns_per_second, std::string(what) + " took " +
                                               std::to_string(took / 1'000'000) + " ms; " +
                                               std::to_string(seconds) + " s are allowed");
}

void use_buffer(bench& it) {
  const rondo_buffer_table& buffers = it.api().buffer;
  rondo_device* const device = it.device();
  std::array<std::byte, 4096> bytes{};
  rondo_buffer_handle handle = 0;
  const host_call_guard guard;
  expect_within(bound_s, "create of a buffer", [&] {
    expect_status(buffers.create(device, bytes.size(), &handle, nullptr), RONDO_OK, "create");
  });
  expect_within(bound_s, "write", [&] {
    expect_status(buffers.write(device, handle, 0, bytes.data(), bytes.size(), nullptr), RONDO_OK,
                  "write");
  });
  expect_within(bound_s, "read", [&] {
    expect_status(buffers.read(device, handle, 0, bytes.data(), bytes.size(), nullptr), RONDO_OK,
                  "read");
  });
  expect_within(bound_s, "destroy of a buffer",
                [&] { expect_status(buffers.destroy(device, handle), RONDO_OK, "destroy"); });
}

}  // namespace

RONDO_CASE(backend, bounds, each_call_keeps_its_own, core, "ABI-14", "") {
  (void)it.plugin();
  expect_within(bound_s, "open", [&] { (void)it.backend(); });
  expect_within(long_bound_s, "open_device", [&] { (void)it.device(); });
  rondo_kernel* kernel = nullptr;
  expect_within(long_bound_s, "create of a kernel",
                [&] { expect_status(try_create(it, {}, kernel), RONDO_OK, "create"); });
  expect_within(bound_s, "destroy of a kernel", [&] {
    const host_call_guard guard;
    it.api().kernel.destroy(kernel);
  });
  if (it.has(RONDO_CAP_BUFFER)) use_buffer(it);
  expect_within(bound_s, "close_device", [&] { it.close_device(); });
  expect_within(bound_s, "close", [&] { it.close_backend(); });
}

}  // namespace rondo::conformance
