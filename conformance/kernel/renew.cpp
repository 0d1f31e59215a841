// What renewing a lease answers in each state of a kernel.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

namespace rondo::conformance {

RONDO_CASE(kernel, renew, it_is_ok_until_the_kernel_has_ended, core, "LIFE-16", RONDO_CAP_LEASE) {
  for (const std::uint64_t lease_s : {30u, 0u}) {
    kernel_spec spec;
    spec.lease_ns = lease_s * ns_per_second;
    test_kernel kernel(it, spec);
    const auto expect = [&](rondo_status due, const char* of) {
      const host_call_guard guard;
      expect_status(it.api().kernel.renew(kernel.handle()), due,
                    std::string("renew of ") + of + " kernel with a lease of " +
                        std::to_string(lease_s) + " s");
    };
    expect(RONDO_OK, "a created");
    kernel.launch();
    expect(RONDO_OK, "a launched");
    kernel.activate();
    expect(RONDO_OK, "an active");
    kernel.deactivate();
    expect(RONDO_OK, "an inactive");
    kernel.terminate();
    expect(RONDO_TERMINATED, "a terminated");
  }
}

}  // namespace rondo::conformance
