// Building kernels: what is refused, with which status, and that nothing stays behind.
#include "../support/kernel.hpp"
#include "../support/reporter.hpp"
#include "../support/suite.hpp"
#include "../support/system.hpp"

namespace rondo::conformance {

namespace {

// Refused with this status, the out parameter untouched.
void expect_refused(bench& it, const kernel_spec& spec, std::initializer_list<rondo_status> due,
                    const std::string& what, std::string_view main_rule,
                    const place& at = place::current()) {
  auto* const untouched = reinterpret_cast<rondo_kernel*>(&it);
  rondo_kernel* out = untouched;
  const rondo_status status = try_create(it, spec, out);
  if (status == RONDO_OK && out != nullptr && out != untouched) it.api().kernel.destroy(out);
  rule(main_rule);
  expect_one_of(status, due, what, at);
  rule("ABI-05");
  require(out == untouched, what + " failed and has changed its out parameter", at);
}

}  // namespace

RONDO_CASE(kernel, create, capacities_are_powers_of_two, core, "QUEUE-09 ABI-05", "") {
  for (const bool input : {true, false}) {
    const std::string which = input ? "an input" : "an output";
    const auto with = [&](std::uint64_t capacity) {
      kernel_spec spec;
      (input ? spec.input_capacity : spec.output_capacity) = capacity;
      return spec;
    };
    expect_refused(it, with(0), {RONDO_CAPACITY_ZERO}, "create with " + which + " of 0 slots",
                   "QUEUE-09");
    for (const std::uint64_t odd : {3u, 6u, 1000u})
      expect_refused(it, with(odd), {RONDO_CAPACITY_NOT_POWER_OF_TWO},
                     "create with " + which + " of " + std::to_string(odd) + " slots", "QUEUE-09");
    for (const int bits : {40, 56, 58, 63})
      expect_refused(it, with(std::uint64_t{1} << bits),
                     {RONDO_CAPACITY_OVERFLOW, RONDO_OUT_OF_MEMORY, RONDO_LIMIT_REACHED},
                     "create with " + which + " of 2^" + std::to_string(bits) + " slots",
                     "QUEUE-09");
  }
}

RONDO_CASE(kernel, create, unknown_options_are_refused, core, "OPT-01 ABI-05", "") {
  kernel_spec spec;
  spec.options = {{"no.such.option", "1"}};
  expect_refused(it, spec, {RONDO_INVALID_ARGUMENT}, "create with an unknown option", "OPT-01");
}

RONDO_CASE(kernel, create, numbers_that_no_field_lists_are_refused, core, "OPT-02 ABI-05", "") {
  const auto expect = [&](const kernel_spec& spec, const std::string& what) {
    expect_refused(it, spec, {RONDO_INVALID_ARGUMENT, RONDO_UNSUPPORTED, RONDO_TOO_LARGE},
                   "create with " + what, "OPT-02");
  };
  kernel_spec spec;
  spec.wait = 99;
  expect(spec, "wait 99");
  spec = {};
  spec.threads = 99;
  expect(spec, "threads 99");
  spec = {};
  spec.publication = 99;
  expect(spec, "publication 99");
  spec = {};
  spec.input_payload = RONDO_MAX_PAYLOAD + 1;
  expect(spec, "a slot of 64 KiB and a byte in its input");
  spec = {};
  spec.output_payload = RONDO_MAX_PAYLOAD + 1;
  expect(spec, "a slot of 64 KiB and a byte in its output");
  spec = {};
  spec.output_flags = RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST;
  expect(spec, "an output that is to reject and to drop");
}

RONDO_CASE(kernel, create, an_output_that_rejects_and_drops_is_refused, core, "QUEUE-23 ABI-05",
           RONDO_CAP_OUTPUT_FULL) {
  kernel_spec spec;
  spec.output_flags = RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST;
  expect_refused(it, spec, {RONDO_INVALID_ARGUMENT},
                 "create with an output that rejects and drops the newest", "QUEUE-23");
}

RONDO_CASE(kernel, create, a_handler_without_an_image_is_refused, core, "EXEC-06 ABI-05", "") {
  rondo_handler handler = it.handler("ConformanceNonce");
  handler.invoke = nullptr;
  kernel_spec spec;
  spec.other_handler = &handler;
  spec.without_image = true;
  expect_refused(it, spec, {RONDO_NO_IMAGE}, "create of a handler without any image", "EXEC-06");
}

RONDO_CASE(kernel, create, a_state_that_cannot_be_made_is_told, core, "ABI-05 ABI-07",
           RONDO_CAP_HOST_IMAGE) {
  static int destroyed;
  destroyed = 0;
  rondo_handler handler = it.handler("ConformanceNonce");
  handler.construct = [](void*, rondo_error_sink*) -> rondo_status { return RONDO_HANDLER_THREW; };
  handler.destroy = [](void*) { ++destroyed; };
  kernel_spec spec;
  spec.other_handler = &handler;
  const auto before = count_holdings();
  expect_refused(it, spec, {RONDO_HANDLER_THREW}, "create of a handler whose state cannot be made",
                 "ABI-05");
  expect_equal(destroyed, 0, "how often a state that was never made was destroyed");
  expect_equal(count_holdings(before.threads).threads, before.threads,
               "the number of threads after a create that failed");
}

RONDO_CASE(kernel, create, each_kernel_has_a_state_of_its_own, core, "EXEC-03", "") {
  kernel_spec spec;
  spec.handler = "ConformanceCounter";
  test_kernel one(it, spec);
  spec.id = "other";
  test_kernel other(it, spec);
  one.start();
  other.start();
  for (std::uint64_t i = 1; i <= 5; ++i)
    expect_equal(one.call<kernels::counter_reply>(kernels::counter_request{10}).total, 10 * i,
                 "the sum that the first kernel keeps");
  const auto reply = other.call<kernels::counter_reply>(kernels::counter_request{1});
  expect_equal(reply.total, 1u, "the sum of a kernel that was sent one request; it");
  expect_equal(reply.requests, 1u, "the number of requests of the second kernel");
}

RONDO_CASE(kernel, create, a_state_is_constructed_once_and_destroyed_once, core, "EXEC-03",
           RONDO_CAP_HOST_IMAGE) {
  static int constructed, destroyed;
  static rondo_status (*construct)(void*, rondo_error_sink*);
  static void (*destroy)(void*);
  constructed = destroyed = 0;
  rondo_handler handler = it.handler("ConformanceCounter");
  construct = handler.construct;
  destroy = handler.destroy;
  handler.construct = [](void* state, rondo_error_sink* error) {
    ++constructed;
    return construct(state, error);
  };
  handler.destroy = [](void* state) {
    ++destroyed;
    destroy(state);
  };
  kernel_spec spec;
  spec.other_handler = &handler;
  {
    test_kernel kernel(it, spec);
    expect_equal(constructed, 1, "how often create constructed the handler's state");
    kernel.start();
    (void)kernel.call<kernels::counter_reply>(kernels::counter_request{1});
    kernel.terminate();
    expect_equal(destroyed, 0, "how often terminate destroyed the handler's state");
  }
  expect_equal(constructed, 1, "how often the handler's state was constructed in a kernel's life");
  expect_equal(destroyed, 1, "how often destroy destroyed the handler's state");
}

RONDO_CASE(kernel, create, the_state_begins_zeroed_and_aligned, core, "EXEC-08",
           RONDO_CAP_HOST_IMAGE) {
  static bool zeroed, aligned;
  static rondo_status (*construct)(void*, rondo_error_sink*);
  static std::uint64_t bytes;
  rondo_handler handler = it.handler("ConformanceNonce");
  construct = handler.construct;
  handler.state_alignment = 256;
  handler.state_bytes = bytes = 1024;
  handler.construct = [](void* state, rondo_error_sink* error) {
    zeroed = aligned = true;
    for (std::uint64_t i = 0; i < bytes; ++i)
      if (static_cast<unsigned char*>(state)[i] != 0) zeroed = false;
    aligned = reinterpret_cast<std::uintptr_t>(state) % 256 == 0;
    return construct(state, error);
  };
  zeroed = aligned = false;
  kernel_spec spec;
  spec.other_handler = &handler;
  for (int i = 0; i < 3; ++i) {
    test_kernel kernel(it, spec);
    require(zeroed, "the memory that a handler's state is constructed in is not zeroed");
    require(aligned, "a state with an alignment of 256 is not aligned to it");
  }
}

RONDO_CASE(kernel, create, nothing_is_left_of_a_kernel, core, "LIFE-12", "") {
  const auto once = [&](bool launched) {
    test_kernel kernel(it);
    if (!launched) return;
    kernel.start();
    kernel.send(kernels::nonce_request{});
    (void)kernel.receive();
    kernel.terminate();
  };
  for (int i = 0; i < 3; ++i) once(true), once(false);
  const auto before = count_holdings();
  for (int i = 0; i < 10; ++i) once(true), once(false);
  const auto after = count_holdings(before.threads);
  expect_equal(after.threads, before.threads, "the number of threads after twenty more kernels");
  expect_equal(after.descriptors, before.descriptors,
               "the number of open descriptors after twenty more kernels");
  expect_equal(after.host_bytes, before.host_bytes, "the bytes held of the host's allocator");
  require(after.heap_bytes < before.heap_bytes + 64 * 1024,
          "twenty kernels left " + std::to_string(after.heap_bytes - before.heap_bytes) +
              " bytes behind");
}

RONDO_CASE(kernel, create, a_thousand_kernels_leave_nothing, robust, "LIFE-12", "") {
  const auto once = [&] {
    test_kernel kernel(it);
    kernel.start();
    kernel.send(kernels::nonce_request{});
    (void)kernel.receive();
    kernel.terminate();
  };
  for (int i = 0; i < 20; ++i) once();
  const auto before = count_holdings();
  for (int i = 0; i < 1000; ++i) {
    if (i % 100 == 0) current_reporter().alive();  // the watchdog is for what hangs
    once();
  }
  const auto after = count_holdings(before.threads);
  expect_equal(after.threads, before.threads, "the number of threads after a thousand kernels");
  expect_equal(after.descriptors, before.descriptors,
               "the number of open descriptors after a thousand kernels");
  require(after.heap_bytes < before.heap_bytes + 100'000,
          "a thousand kernels left " + std::to_string(after.heap_bytes - before.heap_bytes) +
              " bytes behind, more than a hundred each");
}

}  // namespace rondo::conformance
