// Hooks with what can be wrong about them. They are known by the state that they are called with:
// each kernel has its own.
#include "wrapped.hpp"

#include <algorithm>
#include <atomic>
#include <map>

namespace rondo::faults {

namespace {

struct memory {
  std::uint64_t starts = 0;              // on_start was due
  bool is_first_request = true;          // of this launch
  std::vector<std::byte> late_argument;  // of a start that has not been made
  const rondo_handler* real = nullptr;
  std::uint64_t launch = 0;        // in which the last request came
  std::uint64_t last_used_ns = 0;  // when it came
  std::uint64_t due_ns = 0;        // of the timer that was asked for last; 0: none
  bool is_owed = false;            // on_timer was due, and waits for a request
  bool drops_next = false;         // the next time that it is due it is left out
  std::uint64_t tag = 0;           // of its kernel
};
std::mutex memories_mutex;
std::map<void*, memory> memories;
// Kernels are many, and each has one thread: what a reference shows stays where it is.
memory& memory_of(void* state) {
  const std::lock_guard lock(memories_mutex);
  return memories[state];
}

const void* borrowed_argument = nullptr;
std::atomic<bool> is_discarding{false};
std::atomic<std::uint64_t> launches{0};

constexpr rondo_envelope no_request{};
// What hooks may be shown that are shown a request.
constexpr rondo_envelope old_request{8, RONDO_TYPE_REQUEST, 1, 0, 0, 1, 1};

// A hook that nobody waits for, on this thread.
template <class Hook>
void call_alone(Hook&& hook) {
  std::uint64_t again = 0;
  rondo_timed_invocation call{};
  call.base.struct_size = sizeof call;
  call.base.lanes = 1;
  call.base.request = &no_request;
  call.timer_at_ns = &again;
  hook(&call.base);
}

std::uint64_t& due_time(rondo_invocation* call) {
  static thread_local std::uint64_t none = 0;
  auto* const timed = reinterpret_cast<rondo_timed_invocation*>(call);
  const bool has_one = call->struct_size >= sizeof *timed && timed->timer_at_ns != nullptr;
  return has_one ? *timed->timer_at_ns : none = 0;
}

rondo_status start_and_tell(const rondo_handler& real, void* state, const void* argument,
                            std::uint32_t bytes, rondo_invocation* call) {
  rondo_status status = RONDO_OK;
  const auto start = [&] { status = real.on_start(state, argument, bytes, call); };
  if (broken(fault::start_elsewhere)) std::thread(start).join();
  else start();
  if (broken(fault::start_twice) && status == RONDO_OK)
    status = real.on_start(state, argument, bytes, call);
  if (status == RONDO_OK) return status;
  if (broken(fault::stop_without_start) && real.on_stop != nullptr) (void)real.on_stop(state, call);
  if (broken(fault::start_failure_passes)) return call->failure_code = RONDO_OK;
  if (broken(fault::start_failure_without_text)) call->failure_length = 0;
  if (broken(fault::start_failure_without_code)) call->user_code = 0;
  return status;
}

}  // namespace

// Another state may come to lie where this one did.
void forget_hooks_of(void* state) {
  const std::lock_guard lock(memories_mutex);
  memories.erase(state);
}

// The list has them all in a row.
bool hooks_are_broken() {
  return chosen >= fault::start_left_out && chosen <= fault::timer_failure_ends_it;
}

rondo_status start_wrongly(const rondo_handler& real, void* state, const void* argument,
                           std::uint32_t bytes, rondo_invocation* call) {
  memory& of = memory_of(state);
  ++of.starts;
  of.is_first_request = true;
  if (broken(fault::start_left_out)) return RONDO_OK;
  if (broken(fault::hooks_see_a_request)) call->request = &old_request;
  if (broken(fault::start_once_only) && of.starts > 1) return RONDO_OK;
  const auto* const first = static_cast<const std::byte*>(argument);
  if (broken(fault::start_is_late)) {
    of.late_argument.assign(first, first + bytes);
    return RONDO_OK;
  }
  if (broken(fault::start_argument_borrowed)) argument = borrowed_argument;
  const std::vector<std::byte> zeros(bytes + 1);
  if (broken(fault::start_argument_zero)) argument = zeros.data();
  return start_and_tell(real, state, argument, bytes, call);
}

rondo_status stop_wrongly(const rondo_handler& real, void* state, rondo_invocation* call) {
  if (broken(fault::stop_left_out) || broken(fault::stop_beside_handler)) return RONDO_OK;
  if (broken(fault::hooks_see_a_request)) call->request = &old_request;
  if (broken(fault::stop_only_after_drain) && is_discarding) return RONDO_OK;
  if (broken(fault::stop_twice)) (void)real.on_stop(state, call);
  const rondo_status status = real.on_stop(state, call);
  return broken(fault::stop_failure_unsaid) ? call->failure_code = RONDO_OK : status;
}

namespace {

constexpr std::uint64_t soon_ns = 1'000'000, silence_ns = 200'000'000, far_ns = 1'000'000'000,
                        hang_ns = 500'000'000;

// What a request asked of the timer, as the fault changes it.
void change_timer(memory& of, std::uint64_t before, std::uint64_t& due) {
  const bool is_new_launch = std::exchange(of.launch, launches.load()) != launches;
  if (broken(fault::timer_survives_terminate) && is_new_launch && of.due_ns != 0 && due == 0)
    due = now_ns();
  if (broken(fault::timer_early) && due != before) due = now_ns();
  if (broken(fault::timer_first_counts) && before != 0) due = before;
  const std::lock_guard lock(memories_mutex);
  of.due_ns = due;
  of.last_used_ns = now_ns();
}

}  // namespace

rondo_status time_wrongly(const rondo_handler& real, void* state, rondo_invocation* call) {
  memory& of = memory_of(state);
  of.due_ns = 0;
  if (broken(fault::timer_never) || std::exchange(of.drops_next, false)) return RONDO_OK;
  if (broken(fault::timer_needs_message) || broken(fault::timer_beside_handler))
    return of.is_owed = true, RONDO_OK;
  std::uint64_t& due = due_time(call);
  if (broken(fault::timer_waits_for_silence) && now_ns() - of.last_used_ns < silence_ns)
    return due = now_ns() + soon_ns, RONDO_OK;
  const auto status = real.on_timer(state, call);
  if (broken(fault::timer_early) && due != 0) due = now_ns();
  if (broken(fault::timer_repeats) && due == 0) due = now_ns() + soon_ns;
  if (broken(fault::timer_failure_ends_it) && status != RONDO_OK) due = 0;
  return broken(fault::timer_failure_unsaid) ? call->failure_code = RONDO_OK : status;
}

rondo_status invoke_beside_hooks(const rondo_handler& real, void* state, const void* payload,
                                 rondo_emitter* out, rondo_invocation* call) {
  memory& of = memory_of(state);
  of.real = &real;
  of.tag = call->kernel_tag;
  std::thread beside;
  if (std::exchange(of.is_owed, false)) {
    if (broken(fault::timer_beside_handler))
      beside = std::thread([&] { call_alone([&](auto* own) { real.on_timer(state, own); }); });
    else (void)real.on_timer(state, call);
  }
  const std::uint64_t before = due_time(call), began = now_ns();
  const auto status = real.invoke(state, payload, out, call);
  if (beside.joinable()) beside.join();
  if (broken(fault::stop_of_failed) && real.on_stop != nullptr && now_ns() - began > hang_ns)
    (void)real.on_stop(state, call);
  change_timer(of, before, due_time(call));
  if (!std::exchange(of.is_first_request, false)) return status;
  if (broken(fault::start_is_late) && real.on_start != nullptr)
    (void)real.on_start(state, of.late_argument.data(),
                        static_cast<std::uint32_t>(of.late_argument.size()), call);
  if (broken(fault::stop_is_early) && real.on_stop != nullptr) (void)real.on_stop(state, call);
  return status;
}

// The kernel rests: whoever calls a hook now calls it alone.
void kernel_is_inactive(std::uint64_t tag, std::thread& meanwhile) {
  const std::lock_guard lock(memories_mutex);
  for (auto& [state, of] : memories) {
    if (of.due_ns == 0 || of.tag != tag || of.due_ns > now_ns() + far_ns) continue;
    of.drops_next = broken(fault::timer_lost_while_inactive) || broken(fault::timer_while_inactive);
    if (!broken(fault::timer_while_inactive) || meanwhile.joinable()) continue;
    meanwhile = std::thread([state = state, real = of.real, due = of.due_ns] {
      while (now_ns() < due) sleep_ms(1);
      call_alone([&](auto* own) { real->on_timer(state, own); });
    });
  }
}

// Whatever is wrong with the start argument is put right before the wrapped plugin sees it.
void change_start(rondo_kernel_params& params) {
  static const std::vector<std::byte> zeros(RONDO_MAX_PAYLOAD);
  borrowed_argument = params.start_argument;
  if (!broken(fault::start_argument_unchecked)) return;
  const rondo_message_type* const type = params.handler->start_type;
  if (type == nullptr || params.start_argument == nullptr)
    params.start_argument = type == nullptr ? nullptr : zeros.data();
  params.start_bytes = type == nullptr ? 0 : std::min(params.start_bytes, type->max_bytes);
}

void kernel_is_launched() { ++launches; }
void kernel_is_terminated(std::uint64_t tag, std::uint32_t mode) {
  is_discarding = mode == RONDO_TERMINATE_DISCARD;
  if (!broken(fault::stop_beside_handler)) return;
  std::vector<std::pair<void*, const rondo_handler*>> due;
  {
    const std::lock_guard lock(memories_mutex);
    for (const auto& [state, of] : memories)
      if (of.tag == tag && of.real != nullptr && of.real->on_stop != nullptr)
        due.emplace_back(state, of.real);
  }
  for (const auto& [state, real] : due)
    call_alone([&, state = state, real = real](auto* own) { real->on_stop(state, own); });
}

}  // namespace rondo::faults
