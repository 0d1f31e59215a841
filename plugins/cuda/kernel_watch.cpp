// How a kernel fails, what its hooks failed with, and what the monitor sees of it.
#include "kernel_parts.hpp"

#include <algorithm>

namespace rondo::cuda {

namespace {

std::string words_of(const rondo_failure& said, std::uint32_t length) {
  std::string words(said.text, std::min<std::size_t>(length, sizeof said.text));
  if (said.user_code != 0) words += " (code " + std::to_string(said.user_code) + ")";
  return words;
}

}  // namespace

// ---- failing

void kernel::fail(rondo_status code, std::string why) {
  {
    const std::lock_guard lock(failure_mutex_);
    if (failure_code_ == RONDO_OK) {
      failure_code_ = code;
      failure_text_ = std::move(why);
    }
  }
  state_.store(RONDO_STATE_FAILED, std::memory_order_release);
}

rondo_status kernel::failure(std::string& to) {
  const std::lock_guard lock(failure_mutex_);
  to = failure_text_;
  return state_.load(std::memory_order_acquire) == RONDO_STATE_FAILED ? failure_code_ : RONDO_OK;
}

void kernel::say_failed() {
  std::string why;
  const rondo_status code = failure(why);
  throw rondo::backend::failure(
      code != RONDO_OK ? code : RONDO_INVALID_STATE, plan_.id, why,
      code == RONDO_DEVICE_LOST
          ? "The device takes no more work in this process; restart it, or go on with another"
          : "Find out what the handler waits for; its memory stays reserved until the process "
            "ends");
}

// ---- hooks that failed

void kernel::say_refused() const {
  const auto& failed = failed_hooks_[static_cast<std::uint32_t>(device::hook::start)];
  if (ring::platform::load_acquire(&failed.life) != grid_.args.life)  // SYNC: hook-failed
    throw rondo::backend::failure(RONDO_INTERNAL, plan_.id,
                                  "its on_start failed and did not say why",
                                  "Report this with the module that was launched");
  throw rondo::backend::failure(failed.said.code, plan_.id,
                                "its on_start failed: " + words_of(failed.said, failed.text_length),
                                "The handler's own words say why it cannot start");
}

// Once in a life: a timer may fail a thousand times a second. By the monitor, or when it is done
// with this kernel.
void kernel::warn_of(device::hook which) {
  const auto i = static_cast<std::uint32_t>(which);
  const device::hook_failure& failed = failed_hooks_[i];
  const std::uint64_t life = ring::platform::load_acquire(&failed.life);  // SYNC: hook-failed
  if (life != grid_.args.life || warned_of_[i] == life) return;
  warned_of_[i] = life;
  backend::log(RONDO_LOG_WARNING, "cuda",
               plan_.id + (which == device::hook::timer ? ": on_timer" : ": on_stop") +
                   " failed: " + words_of(failed.said, failed.text_length));
}

bool kernel::is_hung() const {
  if (plan_.handler_deadline_ns == 0) return false;
  const std::uint64_t since = counted(&device::counters_line::busy_since);
  if (since == 0) return false;
  const std::uint64_t began = device_->ping.to_host(since);
  const std::uint64_t now = ring::now_ns();
  return now > began && now - began > plan_.handler_deadline_ns + device_->ping.clock_error_ns;
}

// A grid cannot be ended from outside. It keeps its memory, its multiprocessors and the device's
// context; should the handler ever return, the grid sees the stop and ends.
void kernel::abandon() {
  runner_->order(command::leave);
  runner_->abandon();
  device_->residents.lose(plan_.blocks, plan_.blocks_per_multiprocessor);
  holds_residency_ = false;
  device_->keep_for_ever();
  fail(RONDO_HANDLER_HUNG, "the handler did not return; its grid was abandoned");
  backend::log(RONDO_LOG_ERROR, "cuda",
               plan_.id + ": the handler did not return and was abandoned");
  stop_watching();
}

void kernel::stop_watching() {
  if (is_watched_) device_->watch.remove(*this);
  is_watched_ = false;
  if (holds_residency_) device_->residents.give_back(plan_.blocks, plan_.blocks_per_multiprocessor);
  holds_residency_ = false;
}

// By the monitor: keep the lease, and see whether the grid still runs.
void kernel::look_after() {
  resume();  // should it have come to its end after it was to be away, and too late for that
  const std::uint32_t now = state_.load(std::memory_order_acquire);
  if (now == RONDO_STATE_FAILED || now == RONDO_STATE_TERMINATED) return;
  keep_lease();
  warn_of(device::hook::timer);
  if (device_->watch.is_lost())
    return fail(RONDO_DEVICE_LOST, "the device failed: " + device_->watch.why_lost());
  const CUresult code = runner_->result();
  if (code == CUDA_ERROR_NOT_READY) return;
  const ending how = ending_of(runner_->answer());
  if (code != CUDA_SUCCESS) {
    device_->watch.lose(describe(code));
    fail(RONDO_DEVICE_LOST, "the device failed: " + describe(code));
    backend::log(RONDO_LOG_ERROR, "cuda", plan_.id + ": the device failed: " + describe(code));
  } else if (how == ending::lease_lapsed) {
    fail_lapsed();
  } else if (how == ending::broken_ring) {
    fail(RONDO_INTERNAL, "a counter of its input ring is impossible; somebody wrote over it");
  }
}

void kernel::resume() {
  try {
    runner_->resume();
  } catch (const rondo::backend::failure& failed) {
    fail(failed.code(), std::string("it could not be launched again: ") + failed.what());
  }
}

std::uint32_t kernel::state() {
  const std::uint32_t now = state_.load(std::memory_order_acquire);
  if (now != RONDO_STATE_ACTIVE || !is_hung()) return now;
  fail(RONDO_HANDLER_HUNG, "the handler ran past its deadline");
  return RONDO_STATE_FAILED;
}

rondo_status kernel::renew() {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_TERMINATED || now == RONDO_STATE_FAILED) return RONDO_TERMINATED;
  if (plan_.is_leased) renewed_ns_.store(ring::now_ns(), std::memory_order_relaxed);
  if (now != RONDO_STATE_CREATED) runner_->renew();
  return RONDO_OK;
}

// Until the host renews the lease itself, it is enough that its process lives.
void kernel::keep_lease() {
  const std::uint64_t renewed = renewed_ns_.load(std::memory_order_relaxed);
  if (renewed == 0) return runner_->renew();
  // Here no grid looks at the lease while there is nothing to do.
  if (plan_.where != placement::event || ring::now_ns() - renewed <= plan_.lease_ns) return;
  runner_->order(command::leave);
  fail_lapsed();
}

void kernel::fail_lapsed() {
  fail(RONDO_TERMINATED, "its lease lapsed: the host was silent for " +
                             std::to_string(grid_.args.lease_ns / 1'000'000) + " ms");
}

}  // namespace rondo::cuda
