// Kernels that share threads, by a backend that says that it has some to share. One that knows
// nothing of pools cannot refuse them, so the whole of plugin and core is looked at.
#include "../support/bench.hpp"
#include "../support/suite.hpp"

#include "../kernels/handlers.hpp"

#include <rondo/runtime.hpp>

namespace rondo::conformance {

RONDO_CASE(capability, pool, kernel_pool, core, "CAP-01 POOL-01", "") {
  namespace kernels = conformance_kernels;
  auto runtime = it.open_runtime();
  auto options = it.launch();
  options.threads = kernel_threads::pool;
  if (!it.has(RONDO_CAP_POOL)) {
    try {
      (void)runtime.launch<kernels::nonce_handler>(options);
    } catch (const error& refusal) {
      return expect_status(refusal.code(), RONDO_UNSUPPORTED, "launch in a pool");
    }
    fail("a kernel was launched in a pool, and kernel.pool is not advertised");
  }
  auto kernel = runtime.launch<kernels::nonce_handler>(options);
  kernel.activate();
  rule("POOL-01");
  for (std::uint64_t i = 1; i <= 20; ++i) {
    const std::uint64_t nonce = it.number();
    const auto reply = kernel.call({nonce, {}}, it.patience());
    require(reply.has_value(), "a call to a kernel in a pool failed");
    require(reply->proof == kernels::secret(nonce, kernels::nonce_salt),
            "the reply of a kernel in a pool is not what its handler computes");
    expect_equal(reply->count, i, "how many requests the handler has seen; it");
  }
}

}  // namespace rondo::conformance
