// Orders and reports; the loop of a kernel with a thread of its own, the turn of one in a pool; the
// handler's hooks.
#include "worker_parts.hpp"

#include <algorithm>

namespace rondo::cpu {

namespace {

// A kernel in a pool that found its output full comes back after a nap, which doubles up to this.
constexpr std::uint64_t longest_put_off_ns = 5'000'000;

constexpr rondo_envelope no_request{};

}  // namespace

// ---- orders and reports

void worker::order(command what) {
  __atomic_store_n(&command_, static_cast<std::uint32_t>(what), __ATOMIC_RELEASE);  // SYNC: command
  ring::futex_wake(&command_, 1);
  ring::wake(line());
}

void worker::take_back(command what, command before) {
  auto expected = static_cast<std::uint32_t>(what);
  if (!__atomic_compare_exchange_n(&command_, &expected, static_cast<std::uint32_t>(before), false,
                                   __ATOMIC_RELEASE, __ATOMIC_RELAXED))  // SYNC: command
    return;
  ring::futex_wake(&command_, 1);
  ring::wake(line());
}

void worker::tell(report what) {
  __atomic_store_n(&report_, static_cast<std::uint32_t>(what), __ATOMIC_RELEASE);  // SYNC: report
  ring::futex_wake(&report_, 1);
}

report worker::reported() const {
  return static_cast<report>(__atomic_load_n(&report_, __ATOMIC_ACQUIRE));  // SYNC: report
}

bool worker::wait_for(report what, std::uint64_t deadline_ns) {
  for (;;) {
    const report now = reported();
    if (now == what) return true;
    if (now == report::refused || ring::now_ns() >= deadline_ns) return false;
    ring::futex_wait(&report_, static_cast<std::uint32_t>(now), deadline_ns);
  }
}

void worker::prepare_launch() {
  __atomic_store_n(&command_, static_cast<std::uint32_t>(command::pause), __ATOMIC_RELAXED);
  __atomic_store_n(&report_, static_cast<std::uint32_t>(report::none), __ATOMIC_RELAXED);
  has_warned_ = false;
}

bool worker::is_hung() const {
  if (options_.handler_deadline_ns == 0) return false;
  if (is_given_up()) return true;
  const std::uint64_t since = ring::platform::load_relaxed(&counters_.busy_since_ns);
  const std::uint64_t now = ring::now_ns();
  return since != 0 && now > since && now - since > options_.handler_deadline_ns;
}

// ---- a thread of its own

void worker::run() {
  if (!start()) return tell(report::refused);
  for (;;) {
    const command what = ordered();
    switch (what) {
      case command::pause:
        tell(report::paused);
        if (options_.rules.any()) wait_paused();
        else
          ring::futex_wait(&command_, static_cast<std::uint32_t>(command::pause),
                           ring::no_deadline);
        break;
      case command::run:
        tell(report::running);
        serve(what);
        break;
      case command::drain:
        serve(what);
        take_back(command::drain, command::stop);
        break;
      case command::stop: finish(); [[fallthrough]];
      case command::abandon: return tell(report::stopped);
    }
  }
}

// ---- a turn in a pool

turn_end worker::turn() {
  is_blocked_ = false;
  for (;;) {
    const command what = acted_ = ordered();
    if (is_given_up()) return {turn_end::over, report::stopped};
    if (what == command::stop || what == command::abandon) {
      if (what == command::stop) finish();
      return {turn_end::over, report::stopped};
    }
    if (!start()) return {turn_end::over, report::refused};
    if (what == command::pause) {
      if (reported() != report::paused) tell(report::paused);
      return {turn_end::idle};
    }
    if (what == command::run && reported() != report::running) tell(report::running);
    const turn_end end = serve_turn(what);
    if (end.what != turn_end::over) return end;
    take_back(command::drain, command::stop);
  }
}

// `over` when everything is drained.
turn_end worker::serve_turn(command during) {
  const bool emits = (handler_.flags & RONDO_HANDLER_EMITS) != 0;
  for (std::uint32_t n = 0; n < messages_per_turn; ++n) {
    if (ordered() != during) return {turn_end::more};
    if (during == command::drain && is_drained()) return {turn_end::over};
    if (during == command::run) run_due_timer();
    more_follow_ = emits || n > 0;
    if (!step()) {
      // A drain waits for senders that have claimed a slot and not yet filled it.
      if (during == command::drain) is_blocked_ = true;
      return rest_until_due();
    }
    put_off_ns_ = 0;
  }
  return {turn_end::more};
}

turn_end worker::rest_until_due() {
  const std::uint64_t now = ring::now_ns();
  ring::platform::store_relaxed(&counters_.heartbeat_ns, now);
  std::uint64_t due = acted_ == command::run ? timer_at_ns_ : 0;
  if (is_blocked_) {
    put_off_ns_ = std::clamp(2 * put_off_ns_, full_output_nap_ns, longest_put_off_ns);
    due = due == 0 ? now + put_off_ns_ : std::min(due, now + put_off_ns_);
  }
  return {turn_end::idle, report::none, due};
}

bool worker::has_work() {
  if (ordered() != acted_) return true;
  if (acted_ != command::run || is_blocked_) return false;
  ring::message next;
  return in_.peek(next) != RONDO_EMPTY;
}

// ---- hooks

// True if it did not fail.
template <class Hook>
bool worker::call_hook(Hook&& hook) {
  rondo_invocation& call = invocation_.base;
  call.request = &no_request;
  call.failure_code = RONDO_OK;
  call.user_code = 0;
  call.failure_length = 0;
  const rondo_status status = hook(&call);
  if (status != RONDO_OK && call.failure_code == RONDO_OK) call.failure_code = status;
  return call.failure_code == RONDO_OK;
}

// False if the handler does not want to be launched. Once in each launch.
bool worker::start() {
  if (is_started_) return true;
  timer_at_ns_ = 0;
  if (handler_.on_start != nullptr) {
    const auto& argument = options_.start_argument;
    if (!call_hook([&](rondo_invocation* call) {
          return handler_.on_start(state_, argument.data(),
                                   static_cast<std::uint32_t>(argument.size()), call);
        }))
      return false;
  }
  return is_started_ = true;
}

void worker::finish() {
  if (!is_started_) return;
  is_started_ = false;
  timer_at_ns_ = 0;
  if (handler_.on_stop == nullptr || is_given_up()) return;
  invocation_.timer_at_ns = nullptr;
  if (!call_hook([&](rondo_invocation* call) { return handler_.on_stop(state_, call); }))
    warn_of("on_stop");
  if (handler_.on_timer != nullptr) invocation_.timer_at_ns = &timer_at_ns_;
}

void worker::run_due_timer() {
  if (timer_at_ns_ == 0 || ring::now_ns() < timer_at_ns_) return;
  timer_at_ns_ = 0;
  const bool watched = options_.handler_deadline_ns != 0;
  if (watched) ring::platform::store_relaxed(&counters_.busy_since_ns, ring::now_ns());
  const bool done =
      call_hook([&](rondo_invocation* call) { return handler_.on_timer(state_, call); });
  if (watched) ring::platform::store_relaxed(&counters_.busy_since_ns, 0);
  if (done || has_warned_) return;
  has_warned_ = true;  // once in a launch: a timer may come a thousand times a second
  warn_of("on_timer");
}

void worker::warn_of(const char* hook) {
  const rondo_invocation& call = invocation_.base;
  backend::log(RONDO_LOG_WARNING, "cpu",
               options_.id + ": " + hook +
                   " failed: " + std::string(call.failure_text, call.failure_length));
}

backend::failure worker::refusal() const {
  const rondo_invocation& call = invocation_.base;
  std::string words(call.failure_text, call.failure_length);
  if (call.user_code != 0) words += " (code " + std::to_string(call.user_code) + ")";
  return backend::failure(call.failure_code, options_.id, "its on_start failed: " + words,
                          "the handler's own words say why it cannot start");
}

}  // namespace rondo::cpu
