// How a handler gives its replies: the ways to write one, and what becomes of a handler that waits
// for room when its kernel ends.
#include "../support/busy.hpp"
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <atomic>

namespace rondo::conformance {

namespace {
namespace replying {

using kernels::nonce_reply;
using kernels::nonce_request;

constexpr std::int32_t own_code = 77;

// What the handler below has done.
std::atomic<int> handled, ahead, stale;

// The reply in the room that was reserved ahead, with its description. False if there is no room.
bool write_ahead(const nonce_reply& reply, rondo_emitter& out) {
  if (out.struct_size < sizeof out || out.ahead.room == nullptr ||
      out.ahead.room_bytes < sizeof reply)
    return false;
  std::memcpy(out.ahead.room, &reply, sizeof reply);
  out.ahead.length = sizeof reply;
  out.ahead.version = static_cast<std::uint16_t>(rondo::detail::message_of<nonce_reply>.version);
  out.ahead.is_filled = 1;
  ++ahead;
  return true;
}

// By turns in one way and in the other; every fifth request fails behind its reply, if that can
// still be taken back.
rondo_status reply_either_way(void*, const void* payload, rondo_emitter* out,
                              rondo_invocation* call) {
  const int n = ++handled;
  if (out->struct_size >= sizeof *out && out->ahead.is_filled != 0) ++stale;
  nonce_reply reply;
  reply.proof =
      kernels::secret(static_cast<const nonce_request*>(payload)->nonce, kernels::nonce_salt);
  const bool fails = n % 5 == 0;
  const bool is_written = (n % 2 == 0 || fails) && write_ahead(reply, *out);
  if (fails) {
    call->user_code = own_code;
    return call->failure_code = RONDO_HANDLER_FAILED;
  }
  if (is_written) return RONDO_OK;
  void* const room = out->reserve(out, sizeof reply);
  if (room == nullptr) return RONDO_TERMINATED;
  std::memcpy(room, &reply, sizeof reply);
  const auto version = static_cast<std::uint16_t>(rondo::detail::message_of<nonce_reply>.version);
  out->commit(out, sizeof reply, version, 0);
  return RONDO_OK;
}

// Its handler has more replies than there is room, and nobody takes any.
void end_amid_replies(bench& it, std::uint32_t mode, const rondo_handler* handler = nullptr) {
  kernel_spec spec;
  spec.other_handler = handler;
  spec.handler = "ConformanceEmit";
  spec.output_capacity = 4;
  test_kernel kernel(it, spec);
  kernel.start();
  const kernels::emit_request request{it.number(), 50, 0};
  kernel.send(request);
  require(eventually([&] { return kernel.info(kernel.output()).depth >= 4; }, it.patience()),
          "a handler with fifty replies has not filled an output of four");
  rondo_terminate_report report{};
  const auto status = kernel.try_terminate(mode, ns_per_second, report);
  expect_one_of(status, {RONDO_OK, RONDO_TIMEOUT},
                "terminate of a kernel whose handler waits for room");
  kernel.expect_state(RONDO_STATE_TERMINATED, "after its handler waited for room");
  for (std::uint32_t i = 0; i < 4; ++i)
    expect_equal(kernel.receive().as<kernels::emit_reply>().proof,
                 kernels::secret(request.nonce, kernels::emit_salt + i),
                 "the proof of a reply that was there when the kernel ended");
}

}  // namespace replying
}  // namespace

RONDO_CASE(handler, replies, a_wait_for_room_ends_with_its_kernel, core, "EXEC-11",
           RONDO_CAP_EMITS) {
  replying::end_amid_replies(it, RONDO_TERMINATE_DISCARD);
  replying::end_amid_replies(it, RONDO_TERMINATE_DRAIN);
}

// Whatever a backend does to end the wait, the handler's own frames are left as it leaves them.
RONDO_CASE(handler, replies, a_handler_is_left_by_its_own_return, core, "ABI-06",
           RONDO_CAP_HOST_IMAGE " " RONDO_CAP_EMITS) {
  static std::atomic<int> entered, left;
  static rondo_status (*real)(void*, const void*, rondo_emitter*, rondo_invocation*);
  entered = left = 0;
  rondo_handler handler = it.handler("ConformanceEmit");
  real = handler.invoke;
  handler.invoke = [](void* state, const void* payload, rondo_emitter* out,
                      rondo_invocation* call) {
    ++entered;
    const auto status = real(state, payload, out, call);
    ++left;
    return status;
  };
  for (const std::uint32_t mode : {RONDO_TERMINATE_DISCARD, RONDO_TERMINATE_DRAIN})
    replying::end_amid_replies(it, mode, &handler);
  expect_equal(entered.load(), 2, "how often a handler that waits for room was called; it");
  expect_equal(left.load(), 2,
               "how often it returned, of two calls that their kernel's end ended,");
}

// The backend may offer room ahead, or not; the handler uses it or not.
RONDO_CASE(handler, replies, both_ways_to_write_one_do_the_same, core, "EXEC-12",
           RONDO_CAP_HOST_IMAGE) {
  rondo_handler handler = it.handler("ConformanceNonce");
  handler.invoke = replying::reply_either_way;
  replying::handled = replying::ahead = replying::stale = 0;
  kernel_spec spec;
  spec.other_handler = &handler;
  test_kernel kernel(it, spec);
  kernel.start();
  for (std::uint64_t n = 1; n <= 40; ++n) {
    kernels::nonce_request request;
    request.nonce = it.number();
    kernel.send(request, 1000 + n);
    const received reply = kernel.receive();
    const std::string whose = " of reply " + std::to_string(n) + ", written by turns in both ways";
    expect_equal(reply.header.correlation_id, 1000 + n, "the correlation" + whose);
    expect_equal(reply.header.message_id, n, "the message_id" + whose);
    if (n % 5 == 0) expect_equal(reply.failure().user_code, replying::own_code, "the code" + whose);
    else
      expect_equal(reply.as<kernels::nonce_reply>().proof,
                   kernels::secret(request.nonce, kernels::nonce_salt), "the proof" + whose);
  }
  kernel.expect_silence(std::chrono::milliseconds(2), "each request was answered once");
  expect_equal(replying::stale.load(), 0,
               "how often is_filled was set before the handler was called; it");
}

}  // namespace rondo::conformance
