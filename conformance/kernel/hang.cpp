// A handler that has hung, and comes back when its kernel is long gone: what it works with is still
// there, as the thread that runs it cannot be told otherwise.
#include "../support/kernel.hpp"
#include "../support/suite.hpp"

#include <array>
#include <atomic>
#include <thread>

namespace rondo::conformance {

namespace {
namespace hanging {

constexpr std::uint64_t tag = 4711;
constexpr std::uint64_t state_bytes = 4096, longest_ns = 30 * ns_per_second;
constexpr unsigned char of_state = 0x3c, of_room = 0x5c;

std::atomic<bool> is_at_work, may_look, has_looked;
std::atomic<int> message_changed, state_changed, room_changed;

bool is_all(const void* memory, std::uint64_t bytes, unsigned char value) {
  const auto* const first = static_cast<const unsigned char*>(memory);
  for (std::uint64_t i = 0; i < bytes; ++i)
    if (first[i] != value) return false;
  return true;
}

rondo_status construct(void* state, rondo_error_sink*) {
  std::memset(state, of_state, state_bytes);
  return RONDO_OK;
}

rondo_status hang_and_look(void* state, const void* payload, rondo_emitter* out,
                           rondo_invocation* call) {
  kernels::nonce_request seen;
  std::memcpy(&seen, payload, sizeof seen);
  const rondo_envelope header = *call->request;
  constexpr std::uint32_t bytes = sizeof(kernels::nonce_reply);
  void* const room = out->reserve(out, bytes);
  if (room != nullptr) std::memset(room, of_room, bytes);
  is_at_work = true;
  const std::uint64_t end = now_ns() + longest_ns;
  while (!may_look && now_ns() < end)
    let_pass(std::chrono::milliseconds(1), "it looks now and then whether it may go on");
  if (std::memcmp(&seen, payload, sizeof seen) != 0) ++message_changed;
  if (std::memcmp(&header, call->request, sizeof header) != 0) ++message_changed;
  if (!is_all(state, state_bytes, of_state)) ++state_changed;
  if (room != nullptr && !is_all(room, bytes, of_room)) ++room_changed;
  has_looked = true;
  return RONDO_TERMINATED;
}

rondo_handler handler_like(const rondo_handler& other) {
  rondo_handler handler = other;
  handler.state_bytes = state_bytes;
  handler.state_alignment = 16;
  handler.construct = construct;
  handler.destroy = [](void*) {};
  handler.invoke = hang_and_look;
  return handler;
}

// Kernels of the same shape, which would be given the memory if it were free.
void use_memory(bench& it) {
  for (int i = 0; i < 8; ++i) {
    kernel_spec spec;
    spec.id = "after-" + std::to_string(i);
    rondo_handler handler = it.handler("ConformanceNonce");
    handler.state_bytes = state_bytes;
    spec.other_handler = &handler;
    test_kernel kernel(it, spec);
    kernel.start();
    for (std::uint64_t n = 0; n < 3; ++n)
      (void)kernel.call<kernels::nonce_reply>(kernels::nonce_request{~n, {}});
  }
}

}  // namespace hanging
}  // namespace

RONDO_CASE(kernel, hang, what_a_hung_handler_works_with_is_not_used_again, core, "LIFE-05",
           RONDO_CAP_HOST_IMAGE) {
  using namespace hanging;
  is_at_work = may_look = has_looked = false;
  message_changed = state_changed = room_changed = 0;
  static rondo_handler handler;  // its thread may outlive the case
  handler = handler_like(it.handler("ConformanceNonce"));
  kernel_spec spec;
  spec.other_handler = &handler;
  spec.kernel_tag = tag;
  test_kernel kernel(it, spec);
  kernel.start();
  // A backend may run handlers in push.
  std::jthread sender([&] { (void)kernel.try_send(kernels::nonce_request{it.with().seed, {}}); });
  struct release {
    ~release() { may_look = true; }
  } before_the_sender_is_joined;
  require(eventually([] { return is_at_work.load(); }, it.patience()),
          "the handler was not called");
  rondo_terminate_report report{};
  expect_status(kernel.try_terminate(RONDO_TERMINATE_DISCARD, ns_per_second / 10, report),
                RONDO_HANDLER_HUNG, "terminate of a kernel whose handler does not return");
  kernel.destroy();
  use_memory(it);
  may_look = true;
  require(eventually([] { return has_looked.load(); }, it.patience()),
          "a handler that came back did not go on");
  expect_equal(message_changed.load(), 0,
               "how much of a hung handler's request was overwritten; it");
  expect_equal(state_changed.load(), 0, "how much of a hung handler's state was overwritten; it");
  expect_equal(room_changed.load(), 0, "how much of its room for a reply was overwritten; it");
}

}  // namespace rondo::conformance
