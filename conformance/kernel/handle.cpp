// Proof that the handler, and nothing else, makes the replies.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace rondo::conformance {

namespace {

void expect_proof(const received& reply, const kernels::nonce_request& request, std::uint64_t salt,
                  const place& at = place::current()) {
  require(reply.payload.size() != sizeof request ||
              std::memcmp(reply.payload.data(), &request, sizeof request) != 0,
          "the reply is the request itself: the backend echoes, and no handler ran", at);
  const auto answer = reply.as<kernels::nonce_reply>(at);
  count_check();
  if (answer.proof == kernels::secret(request.nonce, salt)) return;
  fail("the reply is not what the handler computes from the request's nonce: " +
           std::string(answer.proof == request.nonce
                           ? "it repeats the request, so the backend echoes and no handler ran"
                       : answer.proof == 0 ? "it is empty, so no handler ran"
                                           : "another handler ran, or none"),
       at);
}

}  // namespace

RONDO_CASE(kernel, handle, a_reply_is_the_handlers_function_of_a_nonce, core, "EXEC-01", "") {
  test_kernel kernel(it);
  kernel.start();
  for (int i = 1; i <= 20; ++i) {
    kernels::nonce_request request;
    request.nonce = it.number();
    kernel.send(request);
    expect_proof(kernel.receive(), request, kernels::nonce_salt);
  }
}

RONDO_CASE(kernel, handle, each_request_is_handled_once_and_in_order, core, "EXEC-02", "") {
  test_kernel kernel(it);
  kernel.start();
  std::uint64_t chain = kernels::chain_start;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    kernels::nonce_request request;
    request.nonce = it.number();
    chain = kernels::secret(chain ^ request.nonce, kernels::chain_salt);
    const auto reply = kernel.call<kernels::nonce_reply>(request);
    expect_equal(
        reply.count, i,
        "how many requests the handler has seen after " + std::to_string(i) + " were sent; it");
    require(reply.chain == chain, "what the handler remembers is not what it was sent, in order");
  }
}

RONDO_CASE(kernel, handle, two_handlers_answer_the_same_request_differently, core, "EXEC-01", "") {
  test_kernel one(it);
  kernel_spec spec;
  spec.handler = "ConformanceOther";
  spec.id = "another";
  test_kernel other(it, spec);
  one.start();
  other.start();
  kernels::nonce_request request;
  request.nonce = it.number();
  one.send(request);
  other.send(request);
  expect_proof(one.receive(), request, kernels::nonce_salt);
  expect_proof(other.receive(), request, kernels::other_salt);
}

RONDO_CASE(kernel, handle, loops_switches_and_early_returns_are_all_there, core, "EXEC-01", "") {
  kernel_spec spec;
  spec.handler = "ConformanceControl";
  test_kernel kernel(it, spec);
  kernel.start();
  for (std::uint32_t kind = 0; kind < 6; ++kind)
    for (const std::uint32_t rounds : {0u, 1u, 5u, 64u, 200u}) {
      const kernels::control_request request{kind, rounds, it.number()};
      expect_equal(kernel.call<kernels::control_reply>(request).value, kernels::walk(request),
                   "what the handler computes, compared with the same code in this process,");
    }
}

RONDO_CASE(kernel, handle, the_invocation_shows_envelope_and_tag, core, "EXEC-04 EXEC-14", "") {
  for (const std::uint64_t tag : {std::uint64_t{1}, std::uint64_t{77}, it.number()}) {
    kernel_spec spec;
    spec.kernel_tag = tag;
    test_kernel kernel(it, spec);
    kernel.start();
    for (int i = 1; i <= 3; ++i) {
      rule("EXEC-04");
      const std::uint64_t correlation = it.number();
      kernel.send(kernels::nonce_request{}, correlation);
      const auto reply = kernel.receive().as<kernels::nonce_reply>();
      expect_equal(reply.kernel_tag, tag, "the kernel_tag that the handler sees");
      expect_equal(reply.correlation_id, correlation, "the correlation_id that the handler sees");
      expect_equal(reply.message_id, i, "the message_id that the handler sees");
      rule("EXEC-14");
      expect_equal(reply.lanes, 1u, "the lanes that a handler sees which is not cooperative");
    }
  }
}

// A backend that does not run host images has to run the device's.
RONDO_CASE(kernel, handle, the_handler_runs_where_the_backend_says, core, "EXEC-01", "") {
  test_kernel kernel(it);
  kernel.start();
  const auto reply = kernel.call<kernels::nonce_reply>(kernels::nonce_request{});
  const bool host = it.has(RONDO_CAP_HOST_IMAGE);
  require((reply.on_device == 0) == host,
          host ? "the backend advertises image.host, and the handler ran on a device"
               : "the backend runs device images, and the handler ran on the host");
}

RONDO_CASE(kernel, handle, an_emitting_handler_gives_none_one_or_many_replies, core, "EXEC-05",
           RONDO_CAP_EMITS) {
  kernel_spec spec;
  spec.handler = "ConformanceEmit";
  test_kernel kernel(it, spec);
  kernel.start();
  for (const std::uint32_t count : {0u, 1u, 3u, 40u}) {
    const kernels::emit_request request{it.number(), count, 0};
    kernel.send(request, 1000 + count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const received reply = kernel.receive();
      expect_equal(reply.header.correlation_id, 1000 + count,
                   "the correlation of an emitted reply");
      const auto one = reply.as<kernels::emit_reply>();
      expect_equal(one.index, i, "the place of an emitted reply among " + std::to_string(count));
      expect_equal(one.proof, kernels::secret(request.nonce, kernels::emit_salt + i),
                   "the proof of an emitted reply");
    }
    kernel.expect_silence(std::chrono::milliseconds(5), "all emitted replies were taken");
  }
}

// More replies than the output has room for: the handler waits, and nothing is lost.
RONDO_CASE(kernel, handle, an_emitting_handler_waits_for_room, core, "EXEC-05 QUEUE-02",
           RONDO_CAP_EMITS) {
  kernel_spec spec;
  spec.handler = "ConformanceEmit";
  spec.output_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.start();
  const kernels::emit_request request{it.number(), 50, 0};
  kernel.send(request);
  eventually([&] { return kernel.info(kernel.output()).depth >= 4; }, it.patience());
  for (std::uint32_t i = 0; i < 50; ++i)
    expect_equal(kernel.receive().as<kernels::emit_reply>().index, i,
                 "the place of a reply from a handler that emits more than fits");
}

namespace {

bool keeps_what_is_written(unsigned char* room, std::uint32_t bytes) {
  // Looked at often, as it is another thread's doing if it changes.
  std::memset(room, 0x5a, bytes);
  const auto is_kept = [&] {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return std::all_of(room, room + bytes, [](unsigned char byte) { return byte == 0x5a; });
  };
  for (int i = 1; i <= 1000; ++i) {
    if (!is_kept()) return false;
    if (i % 100 == 0) std::this_thread::yield();  // to who has no processor of his own
  }
  return true;
}

}  // namespace

// The emitter is looked at by a handler that asks for room of every size before it goes on.
RONDO_CASE(kernel, handle, room_for_replies_is_aligned, core, "EXEC-07", RONDO_CAP_HOST_IMAGE) {
  static std::atomic<int> rooms, askew, changed;
  static rondo_status (*real)(void*, const void*, rondo_emitter*, rondo_invocation*);
  rondo_handler handler = it.handler("ConformanceNonce");
  real = handler.invoke;
  rooms = askew = changed = 0;
  handler.invoke = [](void* state, const void* payload, rondo_emitter* out,
                      rondo_invocation* call) {
    for (const std::uint32_t bytes : {1u, 7u, 16u, 40u}) {
      auto* const room = static_cast<unsigned char*>(out->reserve(out, bytes));
      ++rooms;
      if (room == nullptr || reinterpret_cast<std::uintptr_t>(room) % 16 != 0) ++askew;
      if (room != nullptr && !keeps_what_is_written(room, bytes)) ++changed;
    }
    return real(state, payload, out, call);
  };
  kernel_spec spec;
  spec.other_handler = &handler;
  test_kernel kernel(it, spec);
  kernel.start();
  for (std::uint64_t i = 0; i < 5; ++i)
    expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{i, {}}).proof,
                 kernels::secret(i, kernels::nonce_salt), "the proof of a handler that asks often");
  expect_equal(rooms.load(), 20, "how often a handler was given room for a reply");
  expect_equal(askew.load(), 0, "how much of that room was not aligned to 16 bytes");
  expect_equal(changed.load(), 0, "how much of that room did not keep what the handler wrote");
}

// Whatever shape a backend accepts, it answers each request once; what it does not offer it
// refuses.
RONDO_CASE(kernel, handle, every_grid_and_block_that_is_accepted_answers_once, core, "EXEC-02",
           "") {
  for (const std::uint32_t grid : {0u, 1u, 2u, 8u})
    for (const std::uint32_t block : {0u, 1u, 32u, 256u, 100'000u}) {
      kernel_spec spec;
      spec.grid = grid;
      spec.block = block;
      const std::string shape = std::to_string(grid) + " x " + std::to_string(block);
      rondo_kernel* made = nullptr;
      const auto status = try_create(it, spec, made);
      if (status != RONDO_OK) {
        expect_one_of(status, {RONDO_UNSUPPORTED, RONDO_INVALID_ARGUMENT, RONDO_LIMIT_REACHED},
                      "create with a shape of " + shape);
        require(grid != 0 || block != 0, "the shape that the backend chooses itself is refused");
        continue;
      }
      it.api().kernel.destroy(made);
      test_kernel kernel(it, spec);
      const auto launched = kernel.try_launch(30'000'000'000);
      expect_one_of(launched, {RONDO_OK, RONDO_LIMIT_REACHED}, "launch with a shape of " + shape);
      if (launched != RONDO_OK) continue;
      kernel.activate();
      for (std::uint64_t i = 1; i <= 1100; ++i)
        expect_equal(kernel.call<kernels::nonce_reply>(kernels::nonce_request{i, {}}).count, i,
                     "how many requests a handler has seen with a shape of " + shape + "; it");
    }
}

RONDO_CASE(kernel, handle, a_kernel_that_was_idle_for_long_answers, robust, "EXEC-01 LIFE-01", "") {
  test_kernel kernel(it);
  kernel.start();
  let_pass(std::chrono::seconds(15), "it is idle for so long");
  kernel.expect_state(RONDO_STATE_ACTIVE, "after 15 s without a message");
  kernels::nonce_request request;
  request.nonce = it.number();
  kernel.send(request);
  expect_proof(kernel.receive(), request, kernels::nonce_salt);
}

}  // namespace rondo::conformance
