// What must not depend on a handler that does not return: other calls, which some faults let wait
// for it, and its own memory, which others use anew while it still works with it.
#include "wrapped.hpp"

#include <algorithm>
#include <map>

namespace rondo::faults {

namespace {

std::mutex kernels_mutex;
std::vector<rondo_kernel*> kernels;

struct work {
  void* state;
  std::uint64_t state_bytes;
  void* payload;
  std::uint32_t length;
};
std::mutex works_mutex;
std::map<std::uint64_t, work> works;  // of handlers that have not returned, by their kernel's tag

}  // namespace

void enter_kernel(rondo_kernel* kernel) {
  const std::lock_guard lock(kernels_mutex);
  kernels.push_back(kernel);
}
void leave_kernel(rondo_kernel* kernel) {
  const std::lock_guard lock(kernels_mutex);
  std::erase(kernels, kernel);
}

// Not for ever, so that no case hangs.
void wait_for_the_handler(rondo_kernel* kernel) {
  const std::uint64_t end = now_ns() + 3'000'000'000;
  rondo_kernel_counters now{};
  now.struct_size = sizeof now;
  do {
    inner.kernel.counters(kernel->inner, &now);
    const std::lock_guard lock(kernel->mutex);
    if (now.messages_in >= kernel->pushes) return;
  } while (sleep_ms(1), now_ns() < end);
}

void wait_for_all_handlers() {
  const std::lock_guard lock(kernels_mutex);
  for (rondo_kernel* const kernel : kernels) wait_for_the_handler(kernel);
}

rondo_status run_and_remember(const rondo_handler& real, void* state, const void* payload,
                              rondo_emitter* out, rondo_invocation* call) {
  const std::uint64_t tag = call->kernel_tag;
  {
    const std::lock_guard lock(works_mutex);
    works[tag] = {state, real.state_bytes, const_cast<void*>(payload), call->request->length};
  }
  const auto status = real.invoke(state, payload, out, call);
  const std::lock_guard lock(works_mutex);
  works.erase(tag);
  return status;
}

void use_memory_of_hung(std::uint64_t tag) {
  const std::lock_guard lock(works_mutex);
  const auto found = works.find(tag);
  if (found == works.end()) return;
  const work& of = found->second;
  if (broken(fault::hung_message_reused)) std::memset(of.payload, 0x77, of.length);
  if (broken(fault::hung_state_reused)) std::memset(of.state, 0x77, of.state_bytes);
}

}  // namespace rondo::faults
