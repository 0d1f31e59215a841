// Lifecycle of a kernel on a CUDA device.
#include "kernel_parts.hpp"

#include <algorithm>

namespace rondo::cuda {

namespace {

const char* state_name(std::uint32_t state) {
  switch (state) {
    case RONDO_STATE_CREATED: return "created";
    case RONDO_STATE_LAUNCHED: return "launched";
    case RONDO_STATE_ACTIVE: return "active";
    case RONDO_STATE_INACTIVE: return "inactive";
    case RONDO_STATE_TERMINATED: return "terminated";
    default: return "failed";
  }
}

// Looks often at first, then as a sleeper: until `done`, or false when the deadline passes.
template <class Done>
bool wait_until(std::uint64_t deadline_ns, Done&& done) {
  constexpr std::uint32_t eager_looks = 20'000;
  for (std::uint32_t looks = 0; !done(); ++looks) {
    if (looks < eager_looks) {
      ring::platform::pause();
    } else {
      const timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
    if (looks % 64 == 63 && ring::now_ns() >= deadline_ns) return done();
  }
  return true;
}

}  // namespace

void kernel::require(bool allowed, const char* what) const {
  if (allowed) return;
  const std::uint32_t now = state_.load(std::memory_order_acquire);
  throw rondo::backend::failure(RONDO_INVALID_STATE, plan_.id,
                                std::string("a ") + state_name(now) + " kernel cannot be " + what,
                                "See the states in rondo/abi.h");
}

// ---- waiting

bool kernel::wait_for(std::uint32_t word, std::uint64_t deadline_ns) {
  bool there = false;
  wait_until(deadline_ns, [&] {
    const std::uint64_t answer = runner_->answer();
    there = static_cast<std::uint32_t>(answer) == word;
    return there || ending_of(answer) == ending::refused ||
           state_.load(std::memory_order_acquire) == RONDO_STATE_FAILED;
  });
  return there;
}

bool kernel::wait_for_end(std::uint64_t deadline_ns) {
  const bool ended = wait_until(deadline_ns, [&] {
    // The grid says that it is about to end before it has; asking the driver is dearer.
    if (ending_of(runner_->answer()) == ending::none && !device_->watch.is_lost() &&
        state_.load(std::memory_order_acquire) != RONDO_STATE_FAILED)
      return false;
    return runner_->result() != CUDA_ERROR_NOT_READY;
  });
  if (ended) runs_.store(false, std::memory_order_release);
  return ended;
}

// ---- the states

void kernel::launch(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  require(now == RONDO_STATE_CREATED || now == RONDO_STATE_TERMINATED, "launched");
  device_->require_alive();
  const std::uint64_t deadline = deadline_after(deadline_ns);
  renewed_ns_.store(0, std::memory_order_relaxed);
  ++grid_.args.life;
  // An event-driven kernel, too: its grid comes at any time, and must find room then.
  device_->residents.take(plan_.id, plan_.blocks, plan_.blocks_per_multiprocessor);
  holds_residency_ = true;
  try {
    runner_ =
        plan_.where == placement::event
            ? make_event_runner(device_->context.get(), device_->streams, grid_, *input_, *output_)
            : make_resident_runner(device_->context.get(), device_->streams, grid_);
    // Before it runs: from now on it can be sent away while code is loaded.
    device_->watch.add(*this);
    is_watched_ = true;
    runner_->start();
  } catch (...) {
    stop_watching();
    throw;
  }
  runs_.store(true, std::memory_order_release);
  ordered_ = command::pause;
  if (!wait_for(device::command_word(1, command::pause), deadline))
    give_up_launch(ending_of(runner_->answer()) == ending::refused);
  is_constructed_ = true;
  if (now == RONDO_STATE_TERMINATED) input_->reopen();
  launched_ns_.store(ring::now_ns(), std::memory_order_relaxed);
  state_.store(RONDO_STATE_LAUNCHED, std::memory_order_release);
}

void kernel::give_up_launch(bool is_refused) {
  if (!is_refused) runner_->order(command::stop);
  const CUresult code = runner_->result();
  if (!wait_for_end(deadline_after(grace_ns))) abandon();
  stop_watching();
  if (is_sticky(code)) device_->watch.lose(describe(code));
  device_->require_alive();
  if (is_refused) {
    is_constructed_ = true;
    say_refused();
  }
  throw rondo::backend::failure(
      RONDO_TIMEOUT, plan_.id, "the device did not begin to run it in time",
      (plan_.hooks & device::hook_bit(device::hook::start)) != 0
          ? "Raise launch_deadline, in which its on_start has to end; other work may hold the "
            "device, see nvidia-smi"
          : "Raise launch_deadline; other work may hold the device, see nvidia-smi");
}

// A change that is not made in time is not made later either: the state says what the kernel does.
void kernel::change(command to, std::uint32_t next, std::uint64_t deadline_ns) {
  std::uint32_t from = state_.load(std::memory_order_acquire);
  const std::uint32_t word = runner_->order(to);
  if (!wait_for(word, deadline_after(deadline_ns))) {
    if (state() == RONDO_STATE_FAILED) say_failed();
    runner_->order(ordered_);
    throw rondo::backend::failure(RONDO_TIMEOUT, plan_.id,
                                  "the kernel did not answer in time: its handler is still busy",
                                  "Wait longer, or launch with handler_deadline to have hangs "
                                  "detected");
  }
  ordered_ = to;
  if (!state_.compare_exchange_strong(from, next, std::memory_order_acq_rel)) say_failed();
}

void kernel::activate(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_ACTIVE) return;
  if (now == RONDO_STATE_FAILED) say_failed();
  require(now == RONDO_STATE_LAUNCHED || now == RONDO_STATE_INACTIVE, "activated");
  change(command::run, RONDO_STATE_ACTIVE, deadline_ns);
}

void kernel::deactivate(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_INACTIVE || now == RONDO_STATE_LAUNCHED) return;
  if (now == RONDO_STATE_FAILED) say_failed();
  require(now == RONDO_STATE_ACTIVE, "deactivated");
  change(command::pause, RONDO_STATE_INACTIVE, deadline_ns);
}

void kernel::terminate(std::uint32_t mode, std::uint64_t deadline_ns, rondo_terminate_report& out) {
  std::uint32_t from = out.state = state();
  if (from == RONDO_STATE_TERMINATED) return;
  require(from != RONDO_STATE_CREATED, "terminated");
  if (mode != RONDO_TERMINATE_DRAIN && mode != RONDO_TERMINATE_DISCARD)
    throw rondo::backend::failure(RONDO_INVALID_ARGUMENT, plan_.id,
                                  "there is no terminate mode " + std::to_string(mode),
                                  "Drain or discard");
  lane_ends accepted;
  accepted.normal = input_->close();
  accepted.urgent = input_->urgent_end();
  if (!runs_.load(std::memory_order_acquire)) say_failed();  // it ended, or was abandoned, before
  const bool drains = mode == RONDO_TERMINATE_DRAIN && from != RONDO_STATE_FAILED;
  const std::uint64_t handled_before = counted(&device::counters_line::messages_in);
  // A handler that failed is not called any more, not even its on_stop.
  runner_->order(from == RONDO_STATE_FAILED ? command::leave
                 : drains                   ? command::drain
                                            : command::stop,
                 accepted);
  const bool in_time = wait_for_end(deadline_after(deadline_ns));
  if (!in_time && runs_.load(std::memory_order_acquire)) {
    runner_->order(command::stop);
    wait_for_end(deadline_after(grace_ns));
  }
  out.handled = counted(&device::counters_line::messages_in) - handled_before;
  if (runs_.load(std::memory_order_acquire)) {
    abandon();
    out.state = RONDO_STATE_FAILED;
    say_failed();
  }
  const CUresult code = runner_->result();
  stop_watching();
  if (code != CUDA_SUCCESS) {
    device_->watch.lose(describe(code));
    fail(RONDO_DEVICE_LOST, "the device failed: " + describe(code));
    out.state = RONDO_STATE_FAILED;
    say_failed();
  }
  warn_of(device::hook::timer);
  warn_of(device::hook::stop);
  out.discarded = discard_below(accepted);
  if (from == RONDO_STATE_FAILED ||
      !state_.compare_exchange_strong(from, RONDO_STATE_TERMINATED, std::memory_order_acq_rel)) {
    out.state = RONDO_STATE_FAILED;  // it came back too late: a failed kernel stays failed
    say_failed();
  }
  out.state = RONDO_STATE_TERMINATED;
  if (!in_time)
    throw rondo::backend::failure(
        RONDO_TIMEOUT, plan_.id,
        "draining did not finish in time; " + std::to_string(out.discarded) +
            " requests were discarded",
        "Give terminate a longer deadline, and take the replies while it drains");
}

}  // namespace rondo::cuda
