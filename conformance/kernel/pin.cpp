// Where a kernel runs that was given a processor of its own.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <sched.h>

#include <atomic>

namespace rondo::conformance {

namespace {

// Which processors the thread that handled last may run on: how many, and the first of them.
std::atomic<int> allowed_count, allowed_first;
rondo_status (*real)(void*, const void*, rondo_emitter*, rondo_invocation*);

int first_of(const cpu_set_t& set) {
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) return cpu;
  return -1;
}

rondo_status look_and_handle(void* state, const void* payload, rondo_emitter* out,
                             rondo_invocation* call) {
  cpu_set_t here;
  CPU_ZERO(&here);
  allowed_count = ::sched_getaffinity(0, sizeof here, &here) == 0 ? CPU_COUNT(&here) : -1;
  allowed_first = first_of(here);
  return real(state, payload, out, call);
}

}  // namespace

RONDO_CASE(kernel, pin, the_handler_runs_on_its_processor_alone, core, "EXEC-09",
           RONDO_CAP_PIN " " RONDO_CAP_HOST_IMAGE) {
  cpu_set_t ours;
  CPU_ZERO(&ours);
  require(::sched_getaffinity(0, sizeof ours, &ours) == 0, "the processors cannot be asked");
  rondo_handler handler = it.handler("ConformanceNonce");
  real = handler.invoke;
  handler.invoke = look_and_handle;
  kernel_spec spec;
  spec.other_handler = &handler;
  for (int tried = 0; tried < 4 && CPU_COUNT(&ours) > 0; ++tried) {
    spec.cpu = first_of(ours);
    CPU_CLR(spec.cpu, &ours);
    test_kernel kernel(it, spec);
    kernel.start();
    (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
    const std::string whom =
        "the handler of a kernel that was given processor " + std::to_string(spec.cpu);
    expect_equal(allowed_count.load(), 1, "how many processors may run " + whom);
    expect_equal(allowed_first.load(), spec.cpu, "the processor that may run " + whom);
  }
}

}  // namespace rondo::conformance
