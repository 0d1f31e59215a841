// A capability that is advertised works; one that is not returns UNSUPPORTED and changes nothing.
// Each case looks at both sides of the capability that it is named after, queue_batch at
// queue.batch, so that none is ever left out.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <rondo/host_services.hpp>

#include <sched.h>

namespace rondo::conformance {

namespace {

// Create is refused without a trace.
void expect_not_offered(bench& it, const kernel_spec& spec, const std::string& what) {
  auto* const untouched = reinterpret_cast<rondo_kernel*>(&it);
  rondo_kernel* out = untouched;
  explanation_record why;
  const auto status = try_create(it, spec, out, why.sink());
  if (status == RONDO_OK) it.api().kernel.destroy(out);
  if (status == RONDO_OK)
    fail(what +
         " is not advertised, and create accepts it: either advertise it, or refuse it with "
         "UNSUPPORTED");
  expect_status(status, RONDO_UNSUPPORTED, "create with " + what + ", which is not advertised,");
  require(out == untouched, "a create that was refused has changed its out parameter");
  require(why.calls == 1 && !why.message.empty(), "a refusal that says nothing");
}

// Creates with this, and works if it is offered; is refused if it is not.
void expect_offered(bench& it, bool offered, const kernel_spec& spec, const std::string& what) {
  if (!offered) return expect_not_offered(it, spec, what);
  test_kernel kernel(it, spec);
  kernel.start();
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
}

// A call on a running kernel that must be refused and leave the kernel as it was.
template <class Call>
void expect_refused(test_kernel& kernel, const std::string& what, Call&& call) {
  rule("ABI-03");
  // What was asked before is counted and its slot freed soon after its reply.
  const auto is_empty = [&] { return kernel.info(kernel.input()).depth == 0; };
  eventually(is_empty, std::chrono::seconds(1));
  const auto before = kernel.counters_when([&](const rondo_kernel_counters& now) {
    expect_equal(now.messages_in, kernel.last_id(),
                 "messages_in of a kernel that has answered all");
  });
  {
    const host_call_guard guard;
    expect_status(call(), RONDO_UNSUPPORTED, what + ", whose capability is not advertised,");
  }
  kernel.expect_silence(std::chrono::milliseconds(2), what + " was refused");
  expect_equal(kernel.counters().messages_in, before.messages_in,
               "messages_in after a call that was refused");
  expect_equal(kernel.info(kernel.input()).depth, 0u, "the input's depth after a refused call");
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
}

rondo_claim blank_claim() {
  rondo_claim claim{};
  claim.struct_size = sizeof claim;
  return claim;
}

}  // namespace

RONDO_CASE(capability, honesty, queue_batch, core, "CAP-01 ABI-03", "") {
  test_kernel kernel(it);
  kernel.start();
  const kernels::nonce_request request{};
  const rondo_envelope header{sizeof request, RONDO_TYPE_REQUEST, 3, 0, 0, 1, 1};
  const void* payload = &request;
  std::uint64_t done = 0;
  if (it.has(RONDO_CAP_BATCH)) {
    expect_status(it.api().queue.push_batch(kernel.input(), &header, &payload, 1, &done), RONDO_OK,
                  "push_batch, which is advertised,");
    (void)kernel.receive().as<kernels::nonce_reply>();
    return;
  }
  expect_refused(kernel, "push_batch", [&] {
    return it.api().queue.push_batch(kernel.input(), &header, &payload, 1, &done);
  });
  rondo_envelope back{};
  void* room = &back;
  expect_refused(kernel, "pop_batch", [&] {
    return it.api().queue.pop_batch(kernel.output(), &back, &room, 0, 1, &done);
  });
}

RONDO_CASE(capability, honesty, queue_zero_copy, core, "CAP-01 ABI-03", "") {
  test_kernel kernel(it);
  kernel.start();
  auto claim = blank_claim();
  if (it.has(RONDO_CAP_ZERO_COPY)) {
    expect_status(it.api().queue.reserve(kernel.input(), 8, &claim), RONDO_OK,
                  "reserve, which is advertised,");
    expect_status(it.api().queue.abandon(kernel.input(), &claim), RONDO_OK, "abandon");
    return;
  }
  expect_refused(kernel, "reserve",
                 [&] { return it.api().queue.reserve(kernel.input(), 8, &claim); });
  rondo_view view{};
  view.struct_size = sizeof view;
  expect_refused(kernel, "peek", [&] { return it.api().queue.peek(kernel.output(), &view); });
}

RONDO_CASE(capability, honesty, queue_mapped, core, "CAP-01 ABI-03", "") {
  test_kernel kernel(it);
  kernel.start();
  rondo_ring_map map{};
  map.struct_size = sizeof map;
  if (it.has(RONDO_CAP_MAPPED)) {
    expect_status(it.api().queue.map(kernel.input(), &map), RONDO_OK, "map, which is advertised,");
    return;
  }
  expect_refused(kernel, "map", [&] { return it.api().queue.map(kernel.input(), &map); });
}

namespace {

void expect_publication(bench& it, std::uint32_t publication, const char* name) {
  kernel_spec spec;
  spec.publication = publication;
  expect_offered(it, it.has(name), spec, name);
  if (!it.has(name)) return;
  test_kernel kernel(it, spec);
  expect_equal(kernel.info(kernel.input()).publication, publication,
               std::string("the publication of an input that was asked to have ") + name);
}

}  // namespace

RONDO_CASE(capability, honesty, publish_word, core, "CAP-01", "") {
  expect_publication(it, RONDO_PUBLISH_WORD, RONDO_CAP_PUBLISH_WORD);
}
RONDO_CASE(capability, honesty, publish_counted, core, "CAP-01", "") {
  expect_publication(it, RONDO_PUBLISH_COUNTED, RONDO_CAP_PUBLISH_COUNTED);
}
RONDO_CASE(capability, honesty, publish_chunked, core, "CAP-01", "") {
  expect_publication(it, RONDO_PUBLISH_CHUNKED, RONDO_CAP_PUBLISH_CHUNKED);
}

RONDO_CASE(capability, honesty, queue_timed, core, "CAP-01", "") {
  kernel_spec spec;
  spec.input_flags = RONDO_QUEUE_TIMED;
  expect_offered(it, it.has(RONDO_CAP_TIMED), spec, RONDO_CAP_TIMED);
}

RONDO_CASE(capability, honesty, queue_urgent, core, "CAP-01", "") {
  kernel_spec spec;
  spec.lanes = 2;
  expect_offered(it, it.has(RONDO_CAP_URGENT), spec, RONDO_CAP_URGENT);
}

RONDO_CASE(capability, honesty, queue_drop_oldest, core, "CAP-01", "") {
  kernel_spec spec;
  spec.input_flags = RONDO_QUEUE_DROP_OLDEST;
  expect_offered(it, it.has(RONDO_CAP_DROP_OLDEST), spec, RONDO_CAP_DROP_OLDEST);
}

RONDO_CASE(capability, honesty, queue_output_full, core, "CAP-01", "") {
  for (const std::uint32_t flag : {RONDO_QUEUE_REJECT, RONDO_QUEUE_DROP_NEWEST}) {
    kernel_spec spec;
    spec.output_flags = flag;
    expect_offered(it, it.has(RONDO_CAP_OUTPUT_FULL), spec, RONDO_CAP_OUTPUT_FULL);
  }
}

RONDO_CASE(capability, honesty, wait_park, core, "CAP-01", "") {
  for (const std::uint32_t wait : {RONDO_WAIT_PARK, RONDO_WAIT_SPIN_THEN_PARK}) {
    kernel_spec spec;
    spec.wait = wait;
    expect_offered(it, it.has(RONDO_CAP_PARK), spec, RONDO_CAP_PARK);
  }
}

RONDO_CASE(capability, honesty, thread_pin, core, "CAP-01", "") {
  cpu_set_t allowed;
  require(::sched_getaffinity(0, sizeof allowed, &allowed) == 0, "the processors cannot be asked");
  kernel_spec spec;
  for (int cpu = 0; cpu < CPU_SETSIZE && spec.cpu < 0; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) spec.cpu = cpu;
  expect_offered(it, it.has(RONDO_CAP_PIN), spec, RONDO_CAP_PIN);
}

RONDO_CASE(capability, honesty, kernel_hang_detection, core, "CAP-01", "") {
  kernel_spec spec;
  spec.handler_deadline_ns = 5'000'000'000;
  expect_offered(it, it.has(RONDO_CAP_HANG_DETECTION), spec, RONDO_CAP_HANG_DETECTION);
}

RONDO_CASE(capability, honesty, kernel_lease, core, "CAP-01 ABI-03", "") {
  kernel_spec spec;
  spec.lease_ns = 5'000'000'000;
  expect_offered(it, it.has(RONDO_CAP_LEASE), spec, RONDO_CAP_LEASE);
  if (it.has(RONDO_CAP_LEASE)) return;
  test_kernel kernel(it);
  kernel.start();
  expect_refused(kernel, "renew", [&] { return it.api().kernel.renew(kernel.handle()); });
}

RONDO_CASE(capability, honesty, kernel_latency, core, "CAP-01 TEL-22", "") {
  const bool offered = it.has(RONDO_CAP_LATENCY);
  test_kernel kernel(it);
  kernel.start();
  (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  (void)kernel.counters_at(1);
  rule(offered ? "CAP-01" : "TEL-22");
  kernel.counters_when([&](const rondo_kernel_counters& now) {
    std::uint64_t in_buckets = 0;
    for (std::uint32_t i = 0; i < RONDO_LATENCY_BUCKETS; ++i)
      in_buckets += now.handling[i] + (offered ? 0 : now.queueing[i]);
    expect_equal(in_buckets, offered ? 1u : 0u,
                 offered ? "how many of one request are in the buckets of handling"
                         : "how many are in buckets, which are not advertised,");
  });
}

RONDO_CASE(capability, honesty, kernel_relaunch, core, "CAP-01", "") {
  test_kernel kernel(it);
  kernel.start();
  kernel.terminate();
  const auto status = kernel.try_launch(30'000'000'000);
  if (it.has(RONDO_CAP_RELAUNCH)) {
    expect_status(status, RONDO_OK, "a second launch, which is advertised,");
    kernel.activate();
    (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
    return;
  }
  expect_one_of(status, {RONDO_INVALID_STATE, RONDO_UNSUPPORTED},
                "a second launch, which is not advertised,");
  kernel.expect_state(RONDO_STATE_TERMINATED, "after a launch that was refused");
}

RONDO_CASE(capability, honesty, handler_emits, core, "CAP-01 EXEC-05", "") {
  kernel_spec spec;
  spec.handler = "ConformanceEmit";
  if (!it.has(RONDO_CAP_EMITS))
    return expect_not_offered(it, spec, "a handler that emits (RONDO_HANDLER_EMITS)");
  test_kernel kernel(it, spec);
  kernel.start();
  const kernels::emit_request request{it.number(), 3, 0};
  kernel.send(request);
  for (std::uint32_t i = 0; i < request.count; ++i)
    expect_equal(kernel.receive().as<kernels::emit_reply>().proof,
                 kernels::secret(request.nonce, kernels::emit_salt + i),
                 "the proof of a reply of a handler that emits, which is advertised,");
}

// Without it a kernel needs an image of the backend's own.
RONDO_CASE(capability, honesty, image_host, core, "CAP-01 EXEC-06", "") {
  kernel_spec spec;
  spec.without_image = true;
  if (it.has(RONDO_CAP_HOST_IMAGE)) {
    test_kernel kernel(it, spec);
    kernel.start();
    const auto nonce = it.number();
    expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{nonce}).proof,
                 kernels::secret(nonce, kernels::nonce_salt),
                 "the proof of a reply by the host image, which is advertised,");
    return;
  }
  rondo_kernel* out = nullptr;
  const auto status = try_create(it, spec, out);
  if (status == RONDO_OK) it.api().kernel.destroy(out);
  expect_one_of(status, {RONDO_NO_IMAGE, RONDO_UNSUPPORTED},
                "create with nothing but a host image, which is not advertised,");
}

RONDO_CASE(capability, honesty, buffer, core, "CAP-01 ABI-03 ABI-05", "") {
  rondo_buffer_handle handle = 5;
  const auto status = it.api().buffer.create(it.device(), 64, &handle, nullptr);
  if (it.has(RONDO_CAP_BUFFER)) {
    expect_status(status, RONDO_OK, "create of a buffer, which is advertised,");
    expect_status(it.api().buffer.destroy(it.device(), handle), RONDO_OK, "destroy");
    return;
  }
  expect_status(status, RONDO_UNSUPPORTED, "create of a buffer, which is not advertised,");
  expect_equal(handle, 5u, "the out parameter of a create that was refused");
}

RONDO_CASE(capability, honesty, buffer_host_visible, core, "CAP-01 ABI-03 ABI-05", "") {
  rondo_buffer_handle handle = 5;
  void* at = &handle;
  const auto status = it.api().buffer.create_visible(it.device(), 64, &handle, &at, nullptr);
  if (it.has(RONDO_CAP_HOST_VISIBLE)) {
    require(it.has(RONDO_CAP_BUFFER), "buffers that the host sees are advertised, and none else");
    expect_status(status, RONDO_OK, "create_visible, which is advertised,");
    expect_status(it.api().buffer.destroy(it.device(), handle), RONDO_OK, "destroy");
    return;
  }
  expect_status(status, RONDO_UNSUPPORTED, "create_visible, which is not advertised,");
  require(handle == 5 && at == &handle, "a create that was refused has changed its out parameters");
}

RONDO_CASE(capability, honesty, an_urgent_lane_is_offered_or_refused, core, "CAP-01", "") {
  kernel_spec spec;
  spec.lanes = 2;
  rondo_kernel* out = nullptr;
  const auto status = try_create(it, spec, out);
  if (status == RONDO_OK) it.api().kernel.destroy(out);
  expect_one_of(status, {RONDO_OK, RONDO_UNSUPPORTED}, "create with an urgent lane");
  for (const std::uint32_t lanes : {0u, 3u, 1000u}) {
    spec.lanes = lanes;
    out = nullptr;
    const auto refused = try_create(it, spec, out);
    if (refused == RONDO_OK && out != nullptr) it.api().kernel.destroy(out);
    expect_one_of(refused, {RONDO_INVALID_ARGUMENT, RONDO_UNSUPPORTED},
                  "create with " + std::to_string(lanes) + " lanes");
  }
}

}  // namespace rondo::conformance
