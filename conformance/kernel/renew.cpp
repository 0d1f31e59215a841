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

// One lease that nobody ever takes over, and one that was taken over in the launch before: in
// neither case has the kernel anything to wait for but the life of its process. Time is let pass,
// and nothing may happen in it.
RONDO_CASE(kernel, renew, a_lease_that_nobody_has_taken_over_lasts, core, "LIFE-17 LIFE-16",
           RONDO_CAP_LEASE) {
  kernel_spec spec;
  spec.lease_ns = 2 * ns_per_second;
  test_kernel untouched(it, spec);
  untouched.start();
  spec.id = "given-back";
  test_kernel given_back(it, spec);
  given_back.start();
  if (it.has(RONDO_CAP_RELAUNCH)) {
    {
      const host_call_guard guard;
      expect_status(it.api().kernel.renew(given_back.handle()), RONDO_OK, "renew");
    }
    given_back.terminate();
    given_back.start();
  }
  let_pass(std::chrono::seconds(3), "neither lease may end");
  untouched.expect_state(RONDO_STATE_ACTIVE, "after a lease and a half that nobody took over");
  (void)untouched.call<kernels::nonce_reply>(kernels::nonce_request{});
  rule("LIFE-16");
  given_back.expect_state(RONDO_STATE_ACTIVE,
                          "a lease and a half after the launch that gave its lease back");
  (void)given_back.call<kernels::nonce_reply>(kernels::nonce_request{});
}

}  // namespace rondo::conformance
