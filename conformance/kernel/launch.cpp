// How many kernels are resident at once.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <algorithm>
#include <memory>

namespace rondo::conformance {

namespace {

constexpr std::uint64_t launch_ns = 30'000'000'000;
// Where a device names no limit, or one that is not worth reaching.
constexpr std::uint32_t enough = 40, most = 256;

std::uint32_t limit_of(bench& it) {
  rondo_device_info info{};
  info.struct_size = sizeof info;
  const host_call_guard guard;
  expect_status(it.api().backend.device_info(it.backend(), it.with().device, &info), RONDO_OK,
                "device_info");
  return info.max_resident_kernels;
}

void expect_answer(test_kernel& kernel, std::uint64_t nonce) {
  expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{nonce, {}}).proof,
               kernels::secret(nonce, kernels::nonce_salt),
               "the proof of one of many resident kernels");
}

}  // namespace

RONDO_CASE(kernel, launch, no_more_are_resident_than_the_device_says, concurrent, "LIFE-13", "") {
  const std::uint32_t limit = limit_of(it);
  const std::uint32_t tried = limit == 0 ? enough : std::min(limit + 1, most);
  std::vector<std::unique_ptr<test_kernel>> resident;
  rondo_status last = RONDO_OK;
  while (last == RONDO_OK && resident.size() < tried) {
    kernel_spec spec;
    spec.id = "resident-" + std::to_string(resident.size());
    auto one = std::make_unique<test_kernel>(it, spec);
    last = one->try_launch(launch_ns);
    expect_one_of(last, {RONDO_OK, RONDO_LIMIT_REACHED},
                  "launch beside " + std::to_string(resident.size()) + " resident kernels");
    if (last == RONDO_OK) resident.push_back(std::move(one));
  }
  require(limit == 0 || resident.size() <= limit,
          std::to_string(resident.size()) + " kernels are resident, and the device says that " +
              std::to_string(limit) + " can be");
  require(!resident.empty(), "not one kernel could be launched");
  for (std::size_t i = 0; i < resident.size(); ++i) resident[i]->activate();
  for (std::size_t i = 0; i < resident.size(); ++i) expect_answer(*resident[i], i);
  resident.back()->terminate();
  resident.pop_back();
  kernel_spec spec;
  spec.id = "in-its-place";
  test_kernel next(it, spec);
  next.start();
  expect_answer(next, 1);
}

}  // namespace rondo::conformance
