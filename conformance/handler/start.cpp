// on_start: when it runs, with what, and what becomes of a launch that it refuses.
#include "../support/hooks_record.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include "../kernels/hooks.hpp"

#include <rondo/host_services.hpp>

#include <atomic>

namespace rondo::conformance {

namespace {

using kernels::hooks_reply;
using kernels::hooks_request;
using kernels::hooks_setup;

constexpr std::uint64_t launch_ns = 30 * ns_per_second;

kernel_spec started_with(const hooks_setup& setup) {
  kernel_spec spec;
  spec.handler = "ConformanceHooks";
  spec.start = encoded(setup);
  return spec;
}

std::string text_of(std::uint32_t length) {
  std::string text;
  for (std::uint32_t i = 0; i < length; ++i) text += kernels::letter(i);
  return text;
}

// The reply to `request` of a kernel that was started with `given`, `starts` times.
hooks_reply expect_started(test_kernel& kernel, const hooks_request& request, std::uint64_t given,
                           std::uint64_t starts, const place& at = place::current()) {
  const auto reply = kernel.receive(at).as<hooks_reply>(at);
  expect_equal(reply.starts, starts, "how often on_start had run when a request came; it", at);
  expect_equal(reply.unstarted, 0u, "the requests that came before on_start, or after on_stop,",
               at);
  require(reply.proof == kernels::hooks_proof(given, request.nonce),
          "what on_start was given is not the start argument that the kernel was created with", at);
  return reply;
}

void expect_refused_launch(test_kernel& kernel, rondo_status due, const hooks_setup& setup,
                           std::uint32_t state, const place& at = place::current()) {
  explanation_record why;
  expect_status(kernel.try_launch(launch_ns, why.sink()), due,
                "launch of a kernel whose on_start failed", at);
  const auto text = text_of(setup.text_length);
  require(why.message.find(text) != std::string::npos,
          "launch does not say what on_start said: '" + why.message + "' has no '" + text + "'",
          at);
  if (due == RONDO_HANDLER_FAILED)
    require(why.message.find(std::to_string(setup.user_code)) != std::string::npos,
            "launch does not tell the code that on_start failed with: '" + why.message +
                "' has no " + std::to_string(setup.user_code),
            at);
  kernel.expect_state(state, "after a launch that on_start refused", at);
}

}  // namespace

RONDO_CASE(handler, start, runs_once_before_the_first_request, core, "HOOK-01", RONDO_CAP_HOOKS) {
  hooks_setup setup;
  setup.nonce = it.number();
  test_kernel kernel(it, started_with(setup));
  kernel.launch();
  std::vector<hooks_request> sent;
  for (int i = 0; i < 10; ++i) sent.push_back({it.number()});
  for (int i = 0; i < 5; ++i) kernel.send(sent[static_cast<std::size_t>(i)]);
  kernel.activate();
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (i == 7) kernel.deactivate().activate();
    if (i >= 5) kernel.send(sent[i]);
    const auto reply = expect_started(kernel, sent[i], setup.nonce, 1);
    expect_equal(reply.requests, i + 1, "the requests since on_start ran; their count");
  }
}

// try_create() overwrites the bytes that it gave when create has returned.
RONDO_CASE(handler, start, sees_what_create_was_given_though_it_is_gone, core, "LIFE-10",
           RONDO_CAP_HOOKS) {
  hooks_setup setup;
  setup.nonce = it.number();
  test_kernel kernel(it, started_with(setup));
  kernel.start();
  const hooks_request request{it.number()};
  kernel.send(request);
  (void)expect_started(kernel, request, setup.nonce, 1);
}

RONDO_CASE(handler, start, runs_again_at_each_relaunch, core, "HOOK-01 HOOK-03",
           RONDO_CAP_HOOKS " " RONDO_CAP_RELAUNCH) {
  hooks_setup setup;
  setup.nonce = it.number();
  test_kernel kernel(it, started_with(setup));
  for (std::uint64_t life = 1; life <= 4; ++life) {
    rule("HOOK-01");
    kernel.launch();
    if (life != 2) {  // that one ends without ever having been active
      kernel.activate();
      const hooks_request request{it.number()};
      kernel.send(request);
      const auto reply = expect_started(kernel, request, setup.nonce, life);
      expect_equal(reply.requests, 1u, "the requests since on_start ran; their count");
      rule("HOOK-03");
      expect_equal(reply.stops, life - 1, "how often on_stop has run in earlier launches; it");
    }
    kernel.terminate(life % 2 == 0 ? RONDO_TERMINATE_DISCARD : RONDO_TERMINATE_DRAIN);
  }
}

// The hook takes its time, and launch waits for it; what it wrote at its end is there.
RONDO_CASE(handler, start, has_written_when_launch_returns, core, "LIFE-19",
           RONDO_CAP_HOOKS " " RONDO_CAP_BUFFER) {
  hooks_record record(it);
  hooks_setup setup;
  setup.nonce = it.number();
  setup.record.handle = record.handle();
  setup.start_us = 50'000;
  test_kernel kernel(it, started_with(setup));
  kernel.launch();
  require(record.read().started == kernels::secret(setup.nonce, kernels::start_salt),
          "launch returned OK before on_start had come to its end");
  kernel.expect_state(RONDO_STATE_LAUNCHED, "when launch has returned OK");
}
RONDO_CASE(handler, start, has_returned_when_launch_has, core, "LIFE-19",
           RONDO_CAP_HOOKS " " RONDO_CAP_HOST_IMAGE) {
  static std::atomic<int> returned;
  static rondo_status (*real)(void*, const void*, std::uint32_t, rondo_invocation*);
  rondo_handler handler = it.handler("ConformanceHooks");
  real = handler.on_start;
  returned = 0;
  handler.on_start = [](void* state, const void* argument, std::uint32_t bytes,
                        rondo_invocation* call) {
    let_pass(std::chrono::milliseconds(50), "a launch that does not wait for on_start returns now");
    const auto status = real(state, argument, bytes, call);
    ++returned;
    return status;
  };
  auto spec = started_with({});
  spec.other_handler = &handler;
  test_kernel kernel(it, spec);
  kernel.launch();
  expect_equal(returned.load(), 1, "how often on_start had returned when launch returned OK; it");
  kernel.expect_state(RONDO_STATE_LAUNCHED, "when launch has returned OK");
}

RONDO_CASE(handler, start, that_fails_makes_the_launch_fail, core, "HOOK-02 ABI-07",
           RONDO_CAP_HOOKS) {
  hooks_setup setup;
  setup.how = kernels::refusal::fail;
  setup.user_code = 40'000 + static_cast<std::int32_t>(it.number() % 10'000);
  setup.text_length = 26;
  test_kernel kernel(it, started_with(setup));
  for (int i = 0; i < 2; ++i)
    expect_refused_launch(kernel, RONDO_HANDLER_FAILED, setup, RONDO_STATE_CREATED);
  expect_status(kernel.try_activate(ns_per_second), RONDO_INVALID_STATE,
                "activate of a kernel whose on_start failed");
  kernel.destroy();
  if (it.has(RONDO_CAP_HOST_IMAGE)) {
    setup.how = kernels::refusal::raise;
    test_kernel throwing(it, started_with(setup));
    expect_refused_launch(throwing, RONDO_HANDLER_THREW, setup, RONDO_STATE_CREATED);
  }
  setup.how = kernels::refusal::none;
  test_kernel next(it, started_with(setup));
  next.start();
  next.send(hooks_request{});
  (void)expect_started(next, {}, setup.nonce, 1);
}

RONDO_CASE(handler, start, that_fails_at_a_relaunch_can_be_tried_again, core, "HOOK-02 HOOK-03",
           RONDO_CAP_HOOKS " " RONDO_CAP_RELAUNCH) {
  hooks_setup setup;
  setup.nonce = it.number();
  setup.how = kernels::refusal::fail;
  setup.at = 2;
  setup.user_code = 9;
  setup.text_length = 12;
  test_kernel kernel(it, started_with(setup));
  kernel.start();
  kernel.terminate();
  rule("HOOK-02");
  expect_refused_launch(kernel, RONDO_HANDLER_FAILED, setup, RONDO_STATE_TERMINATED);
  expect_status(kernel.try_send(hooks_request{}), RONDO_TERMINATED,
                "push to a kernel whose relaunch was refused by on_start");
  kernel.start();
  const hooks_request request{it.number()};
  kernel.send(request);
  const auto reply = expect_started(kernel, request, setup.nonce, 2);
  rule("HOOK-03");
  expect_equal(reply.stops, 1u, "how often on_stop has run; a start that failed has none; it");
}

RONDO_CASE(handler, start, an_argument_that_is_none_of_its_type_is_refused, core, "HOOK-04 ABI-05",
           RONDO_CAP_HOOKS) {
  const auto expect_refused = [&](const kernel_spec& spec, const std::string& what) {
    auto* const untouched = reinterpret_cast<rondo_kernel*>(&it);
    rondo_kernel* out = untouched;
    explanation_record why;
    const auto status = try_create(it, spec, out, why.sink());
    if (status == RONDO_OK) it.api().kernel.destroy(out);
    expect_status(status, RONDO_INVALID_ARGUMENT, "create with " + what);
    require(out == untouched, "a create that was refused has changed its out parameter");
    require(why.calls == 1 && !why.message.empty(), "a refusal that says nothing");
  };
  auto spec = started_with({});
  spec.start->push_back(std::byte{0});
  expect_refused(spec, "a start argument that is a byte too long");
  spec.start.reset();
  expect_refused(spec, "no start argument for a handler that takes one");
  kernel_spec plain;
  plain.start = encoded(hooks_setup{});
  expect_refused(plain, "a start argument for a handler that takes none");
}

// The handler's own half finds out, if the backend does not.
RONDO_CASE(handler, start, an_argument_that_is_too_short_never_reaches_it, core, "HOOK-04 HOOK-02",
           RONDO_CAP_HOOKS) {
  auto spec = started_with({});
  spec.start->pop_back();
  rondo_kernel* out = nullptr;
  const auto created = try_create(it, spec, out);
  expect_one_of(created, {RONDO_OK, RONDO_INVALID_ARGUMENT},
                "create with a start argument that is a byte too short");
  if (created != RONDO_OK) return;
  const auto& api = it.api().kernel;
  const host_call_guard guard;
  const auto launched = api.launch(out, launch_ns, nullptr);
  const auto state = api.state(out);
  rondo_terminate_report report{};
  report.struct_size = sizeof report;
  if (launched == RONDO_OK)
    (void)api.terminate(out, RONDO_TERMINATE_DISCARD, ns_per_second, &report, nullptr);
  api.destroy(out);
  rule("HOOK-02");
  expect_status(launched, RONDO_MALFORMED, "launch with a start argument that is a byte too short");
  expect_equal(state, RONDO_STATE_CREATED, "the state after a launch that was refused");
}

}  // namespace rondo::conformance
