// Hooks and timers of handlers: what is advertised works, and a handler that needs what is not
// advertised is refused before it runs. A backend that knows nothing of a hook cannot refuse it, so
// the whole of plugin and core is looked at.
#include "../support/bench.hpp"
#include "../support/suite.hpp"

#include "../kernels/hooks.hpp"

#include <rondo/runtime.hpp>

namespace rondo::conformance {

namespace {

namespace kernels = conformance_kernels;

template <class Launch>
void expect_refused(const std::string& hook, Launch&& launch) {
  try {
    (void)launch();
  } catch (const error& refusal) {
    expect_status(refusal.code(), RONDO_UNSUPPORTED, "launch of a handler with " + hook);
    return require(std::string_view(refusal.what()).find(hook) != std::string_view::npos,
                   "the refusal does not name " + hook + ": " + refusal.what());
  }
  fail("a handler with " + hook + " was launched, and its capability is not advertised");
}

}  // namespace

RONDO_CASE(capability, hooks, handler_hooks, core, "CAP-01 HOOK-01", "") {
  auto runtime = it.open_runtime();
  kernels::hooks_setup setup;
  setup.nonce = it.number();
  if (!it.has(RONDO_CAP_HOOKS))
    return expect_refused(
        "on_start", [&] { return runtime.launch<kernels::hooks_handler>(it.launch(), setup); });
  auto kernel = runtime.launch<kernels::hooks_handler>(it.launch(), setup);
  kernel.activate();
  const auto reply = kernel.call({7}, it.patience());
  require(reply.has_value(), "a call to a handler with on_start failed");
  rule("HOOK-01");
  require(reply->starts == 1 && reply->proof == kernels::hooks_proof(setup.nonce, 7),
          "on_start did not see what the kernel was launched with");
}

RONDO_CASE(capability, hooks, handler_timer, core, "CAP-01 TIME-01", "") {
  auto runtime = it.open_runtime();
  if (!it.has(RONDO_CAP_TIMER))
    return expect_refused("on_timer",
                          [&] { return runtime.launch<kernels::timer_handler>(it.launch()); });
  auto kernel = runtime.launch<kernels::timer_handler>(it.launch());
  kernel.activate();
  kernels::timer_request request;
  request.after_ns[0] = 1'000'000;
  require(kernel.call(request, it.patience()).has_value(), "a call that asks for a timer failed");
  rule("TIME-01");
  require(eventually(
              [&] {
                const auto reply = kernel.call({}, it.patience());
                return reply.has_value() && reply->ticks == 1;
              },
              it.patience()),
          "a timer that was asked for in a millisecond never came");
}

}  // namespace rondo::conformance
