// All hooks: where they run, beside what, and what request they see. The handler's functions are
// the case's own, which note who called them.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include "../kernels/hooks.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

namespace rondo::conformance {

namespace {
namespace watching {

enum part : std::size_t { start, handle, timer, stop, parts };
constexpr std::array<const char*, parts> names = {"on_start", "invoke", "on_timer", "on_stop"};

// What the functions of the one kernel that runs have noted.
struct notes {
  std::array<std::atomic<int>, parts> calls{};
  std::atomic<int> inside{0};
  std::atomic<int> beside{0};     // calls while another was not done
  std::atomic<int> requested{0};  // hooks that saw a request
  std::mutex mutex;
  std::array<std::thread::id, parts> thread;  // of the last call

  void clear() {
    for (auto& each : calls) each = 0;
    inside = beside = requested = 0;
    thread = {};
  }
};
notes noted;
rondo_status (*real)(void*, const void*, rondo_emitter*, rondo_invocation*);

// While one of the functions runs.
class visit {
 public:
  explicit visit(part which) {
    if (noted.inside++ != 0) ++noted.beside;
    ++noted.calls[which];
    const std::lock_guard lock(noted.mutex);
    noted.thread[which] = std::this_thread::get_id();
  }
  ~visit() { --noted.inside; }
  visit(const visit&) = delete;
};

// Long enough for another function to come in beside this one, were that allowed.
void stay_a_while() {
  const auto end = now_ns() + 30'000'000;
  while (now_ns() < end && noted.beside == 0)
    let_pass(std::chrono::microseconds(100), "nothing may run beside it");
}

void look_at_request(const rondo_invocation& call) {
  constexpr rondo_envelope none{};
  if (call.request == nullptr || std::memcmp(call.request, &none, sizeof none) != 0)
    ++noted.requested;
}

rondo_status run_hook(part which, const rondo_invocation* call) {
  const visit here(which);
  look_at_request(*call);
  return RONDO_OK;
}

rondo_status handle_and_ask_for_a_timer(void* state, const void* payload, rondo_emitter* out,
                                        rondo_invocation* call) {
  const visit here(handle);
  auto* const timed = reinterpret_cast<rondo_timed_invocation*>(call);
  if (call->struct_size >= sizeof *timed && timed->timer_at_ns != nullptr)
    *timed->timer_at_ns = now_ns() + 1'000'000;
  stay_a_while();
  return real(state, payload, out, call);
}

rondo_handler watched(bench& it) {
  noted.clear();
  rondo_handler handler = it.handler("ConformanceNonce");
  real = handler.invoke;
  handler.invoke = handle_and_ask_for_a_timer;
  handler.on_start = [](void*, const void*, std::uint32_t, rondo_invocation* call) {
    return run_hook(start, call);
  };
  handler.on_stop = [](void*, rondo_invocation* call) { return run_hook(stop, call); };
  if (it.has(RONDO_CAP_TIMER))
    handler.on_timer = [](void*, rondo_invocation* call) { return run_hook(timer, call); };
  return handler;
}

// Three requests that lie there when the kernel becomes active, each with a timer that is due while
// it is handled; and one more that is handled when the kernel is terminated.
void live(test_kernel& kernel, bench& it) {
  kernel.launch();
  for (std::uint64_t i = 0; i < 3; ++i) kernel.send(kernels::nonce_request{i, {}});
  kernel.activate();
  for (std::uint64_t i = 0; i < 3; ++i)
    expect_equal(kernel.receive().as<kernels::nonce_reply>().proof,
                 kernels::secret(i, kernels::nonce_salt), "the proof of a handler that is watched");
  if (it.has(RONDO_CAP_TIMER))
    (void)eventually([] { return noted.calls[timer] > 0; }, it.patience());
  kernel.send(kernels::nonce_request{});
  (void)eventually([] { return noted.calls[handle] == 4; }, it.patience());
  kernel.terminate(RONDO_TERMINATE_DISCARD);
}

void expect_all_ran(bench& it) {
  for (const part each : {start, handle, timer, stop})
    if (each != timer || it.has(RONDO_CAP_TIMER))
      require(noted.calls[each] > 0,
              std::string(names[each]) + " of a handler that is watched never ran");
}

void expect_one_thread() {
  const std::lock_guard lock(noted.mutex);
  for (const part each : {start, timer, stop})
    require(noted.calls[each] == 0 || noted.thread[each] == noted.thread[handle],
            std::string(names[each]) + " ran on another thread than invoke");
}

}  // namespace watching
}  // namespace

RONDO_CASE(handler, hooks, run_where_the_handler_runs_and_never_beside_it, core, "HOOK-05 HOOK-06",
           RONDO_CAP_HOOKS " " RONDO_CAP_HOST_IMAGE) {
  const rondo_handler handler = watching::watched(it);
  kernel_spec spec;
  spec.other_handler = &handler;
  test_kernel kernel(it, spec);
  watching::live(kernel, it);
  watching::expect_all_ran(it);
  expect_equal(watching::noted.beside.load(), 0,
               "how often a hook or invoke was called while another of them ran; it");
  watching::expect_one_thread();
  rule("HOOK-06");
  expect_equal(watching::noted.requested.load(), 0,
               "how many hooks saw a request that is not of zeros; it");
}

// Whichever of the pool's threads they run on.
RONDO_CASE(handler, hooks, in_a_pool_run_never_beside_the_handler, core, "HOOK-05",
           RONDO_CAP_HOOKS " " RONDO_CAP_HOST_IMAGE " " RONDO_CAP_POOL) {
  const rondo_handler handler = watching::watched(it);
  kernel_spec spec;
  spec.other_handler = &handler;
  spec.threads = RONDO_THREADS_POOL;
  test_kernel kernel(it, spec);
  watching::live(kernel, it);
  watching::expect_all_ran(it);
  expect_equal(watching::noted.beside.load(), 0,
               "how often a hook or invoke was called while another of them ran; it");
}

// On a device, too: the next reply says what the hooks before it were shown.
RONDO_CASE(handler, hooks, see_no_request, core, "HOOK-06", RONDO_CAP_HOOKS) {
  kernel_spec spec;
  spec.handler = "ConformanceHooks";
  spec.start = encoded(kernels::hooks_setup{});
  test_kernel kernel(it, spec);
  for (int life = 0; life < 3; ++life) {
    kernel.start();
    for (int i = 0; i < 3; ++i)
      expect_equal(kernel.call<kernels::hooks_reply>(kernels::hooks_request{}).asked, 0u,
                   "how many of on_start and on_stop were shown a request; it");
    if (!it.has(RONDO_CAP_RELAUNCH)) return;
    kernel.terminate();
  }
}

}  // namespace rondo::conformance
