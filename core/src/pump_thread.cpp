// The thread of a pump: urgent messages first, then a batch of the others, and rest.
#include "pump.hpp"

#include <rondo/host_services.hpp>
#include <rondo/ring/wait.hpp>

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

namespace rondo::detail {

namespace {

// While the backend has no room, which it tells nobody: soon at first, then seldom.
constexpr std::uint64_t first_nap_ns = 50'000;
constexpr std::uint64_t longest_nap_ns = 1'000'000;
// A push never blocks. Whoever is in one for so long will not come back.
constexpr std::uint64_t longest_push_ns = 1'000'000'000;

void nap(std::uint64_t ns) {
  const timespec t{0, static_cast<long>(ns)};
  nanosleep(&t, nullptr);
}

}  // namespace

void pump::start() {
  try {
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  } catch (const std::system_error& failed) {
    throw error(RONDO_LIMIT_REACHED, with_.id,
                std::string("no thread could be started to pump its messages: ") + failed.what(),
                "Raise the limit of threads, or launch without a pump");
  }
}

void pump::stop() {
  if (!thread_.joinable()) return;
  stops_.store(true, std::memory_order_release);  // SYNC: stops
  ring::wake(&wake_);
  const std::uint64_t end = ring::now_ns() + longest_push_ns;
  while (!has_stopped_.load(std::memory_order_acquire) && ring::now_ns() < end)  // SYNC: stopped
    nap(first_nap_ns);
  if (has_stopped_.load(std::memory_order_acquire)) return thread_.join();  // SYNC: stopped
  log()->error("{}: the backend does not return from a push; its thread is left behind", with_.id);
  thread_.detach();
}

// Nobody but its thread is left, if that is left behind.
pump::~pump() {
  if (thread_.joinable()) thread_.detach();
}

void pump::run() {
  pthread_setname_np(pthread_self(), "rondo-pump");
  ring::spinner spinner(with_.spin_ns);
  std::uint64_t nap_ns = first_nap_ns;
  while (!stops_.load(std::memory_order_acquire)) {  // SYNC: stops
    const outcome now = step();
    blocked_.store(now == outcome::blocked, std::memory_order_relaxed);
    if (now == outcome::moved) {
      spinner.found_work();
      nap_ns = first_nap_ns;
    } else if (now == outcome::blocked) {
      nap(nap_ns);
      nap_ns = std::min(2 * nap_ns, longest_nap_ns);
      if (nap_ns == longest_nap_ns && why_ended() != RONDO_OK) stall(why_ended());
    } else if (is_stalled() || spinner.idle([this] { return has_work(); })) {
      ring::park(&wake_, ring::no_deadline,
                 [this] { return has_work() || stops_.load(std::memory_order_relaxed); });
      spinner.found_work();
    }
  }
  has_stopped_.store(true, std::memory_order_release);  // SYNC: stopped
}

// OK: it has not.
status pump::why_ended() const {
  const host_call_guard guard;
  const std::uint32_t state = api_.kernel.state(kernel_);
  if (state == RONDO_STATE_TERMINATED) return RONDO_TERMINATED;
  if (state != RONDO_STATE_FAILED) return RONDO_OK;
  std::uint32_t length = 0;
  char text[1];
  const status code = api_.kernel.failure(kernel_, text, 0, &length);
  return code >= RONDO_OK || code == RONDO_UNSUPPORTED ? status{RONDO_HANDLER_HUNG} : code;
}

pump::outcome pump::step() {
  const std::lock_guard lock(moving_);
  if (is_stalled()) return outcome::idle;
  bool any = false;
  outcome now = outcome::idle;
  if (urgent_ && urgent_->staged() > 0) {
    look_for_room();  // while it is certain that the kernel took none of these
    while ((now = move(*urgent_)) == outcome::moved) any = true;
    if (is_stalled()) return outcome::idle;
  }
  // Urgent requests that the backend has no room for hold up nobody.
  const outcome then = move(*normal_);
  if (any || then == outcome::moved) return outcome::moved;
  return now == outcome::blocked ? now : then;
}

pump::outcome pump::move(lane& from) {
  if (from.held_from == from.held_to) {
    const std::uint64_t next = from.gone.load(std::memory_order_relaxed);
    from.held_from = 0;
    from.held_to = from.headers.pop(from.held, messages_per_push);
    for (std::uint64_t i = 0; i < from.held_to; ++i) from.payloads[i] = from.cell(next + i);
  }
  const std::uint64_t count = from.held_to - from.held_from;
  if (count == 0) return outcome::idle;
  std::uint64_t done = 0;
  turn_.fetch_add(1, std::memory_order_relaxed);
  const status code = push(from, count, done);
  from.held_from += done;
  from.gone.fetch_add(done, std::memory_order_release);  // SYNC: gone
  moved_.fetch_add(done, std::memory_order_relaxed);
  turn_.fetch_add(1, std::memory_order_release);  // SYNC: turn
  if (done > 0) return outcome::moved;
  if (code == RONDO_FULL) return outcome::blocked;
  const status ended = why_ended();
  stall(ended != RONDO_OK ? ended : code);
  return outcome::idle;
}

status pump::push(lane& from, std::uint64_t count, std::uint64_t& done) {
  const rondo_envelope* headers = from.held + from.held_from;
  const void* const* payloads = from.payloads + from.held_from;
  const host_call_guard guard;
  status code = RONDO_OK;
  if (batches_) {
    pushes_.fetch_add(1, std::memory_order_relaxed);
    code = api_.queue.push_batch(input_, headers, payloads, count, &done);
    done = code == RONDO_OK ? std::min(done, count) : 0;
    return code == RONDO_OK && done == 0 ? RONDO_FULL : code;
  }
  while (done < count) {
    pushes_.fetch_add(1, std::memory_order_relaxed);
    code = api_.queue.push(input_, &headers[done], payloads[done]);
    if (code != RONDO_OK) return code;
    ++done;
  }
  return code;
}

// When nobody has ended the kernel, who waits for a reply must learn that none will come.
void pump::stall(status why) {
  if (!closed_.load(std::memory_order_relaxed)) {
    trouble_.store(why, std::memory_order_release);  // SYNC: trouble
    log()->error("{}: its backend refused messages that were accepted for it: {}", with_.id,
                 status_text(why));
  }
  stalled_.store(true, std::memory_order_release);  // SYNC: stalled
}

}  // namespace rondo::detail
