// Finishing calls, and the thread that does: it looks, finishes, and rests. It rests without end
// while nothing is outstanding; as the leader of a kernel's replies while all that is outstanding
// is of that kernel; and in naps while it has several kernels to look at, or another leads.
#include "completions.hpp"

#include "instance.hpp"

#include <rondo/host_services.hpp>

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace rondo::detail {

namespace {

constexpr std::uint64_t look_ns = 50'000;  // how long it looks before it naps
constexpr std::uint64_t first_nap_ns = 50'000;
constexpr std::uint64_t longest_nap_ns = 1'000'000;
constexpr std::uint64_t longest_sleep_ns = 50'000'000;  // then it looks after the kernel's health

}  // namespace

void completions::run() {
  here_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  pthread_setname_np(pthread_self(), "rondo-async");
  const auto is_closed = [this] {
    const std::lock_guard lock(mutex_);
    return closed_;
  };
  while (!is_closed()) {
    const outlook seen = look();
    if (finish_ready() == 0 && seen != outlook::moved) rest(seen);
    else idle_since_ns_ = nap_ns_ = 0;
  }
  end_all();
}

void completions::rest(outlook seen) {
  std::shared_ptr<instance> kernel;  // let go of without the mutex
  std::unique_lock lock(mutex_);
  if (signalled_.exchange(false, std::memory_order_acquire) || closed_ ||  // SYNC: completions
      !ready_.empty()) {
    idle_since_ns_ = nap_ns_ = 0;
    return;
  }
  const auto is_signalled = [this] { return signalled_.load(std::memory_order_relaxed); };
  if (calls_.empty()) return changed_.wait(lock, is_signalled);
  const std::uint64_t now = ring::now_ns();
  const std::uint64_t first_deadline = deadlines_.begin()->first;
  if (kernels_.size() == 1 && seen == outlook::nothing) {
    kernel = kernels_.begin()->second.kernel;
    sleeps_at_ = kernel.get();
    lock.unlock();
    status ignored;
    kernel->router().serve(
        std::min(first_deadline, now + longest_sleep_ns),
        [](void* self) {
          return static_cast<completions*>(self)->signalled_.load(
              std::memory_order_acquire);  // SYNC: completions
        },
        this, ignored);
    lock.lock();
    sleeps_at_ = nullptr;
    return;
  }
  if (idle_since_ns_ == 0) idle_since_ns_ = now;
  if (now - idle_since_ns_ < look_ns) return ring::platform::pause();
  nap_ns_ = nap_ns_ == 0 ? first_nap_ns : std::min(2 * nap_ns_, longest_nap_ns);
  if (first_deadline <= now) return;
  changed_.wait_for(lock, nanoseconds(std::min(nap_ns_, first_deadline - now)), is_signalled);
}

// What is ready now: what gets ready meanwhile must not keep the deadlines waiting.
std::size_t completions::finish_ready() {
  std::size_t left;
  {
    const std::lock_guard lock(mutex_);
    left = ready_.size();
  }
  std::size_t count = 0;
  for (; left > 0; --left) {
    finished next;
    {
      const std::lock_guard lock(mutex_);
      if (ready_.empty()) break;  // a callback closed the runtime
      next = std::move(ready_.front());
      ready_.pop_front();
    }
    finish(next);
    ++count;
  }
  return count;
}

// Here ends what a callback throws, and what a coroutine lets out.
void completions::finish(finished& done) {
  const std::string& id = done.of.kernel->id();
  try {
    const bool is_reply = done.why.code == RONDO_OK;
    done.of.then->finish(
        {&id, is_reply ? &done.header : nullptr, done.payload.data(), std::move(done.why)});
  } catch (const std::exception& thrown) {
    log()->error("{}: the callback of a call threw: {}", id, thrown.what());
  } catch (...) {
    log()->error("{}: the callback of a call threw something that is no exception", id);
  }
}

void completions::finish_closed(call& made) {
  finished done;
  made.kernel->explain(RONDO_TERMINATED, *made.response, made.timeout, done.why);
  done.of = std::move(made);
  finish(done);
}

std::size_t completions::poll() {
  if (!is_manual_)
    throw error(RONDO_INVALID_STATE, "runtime", "it has a thread that completes calls",
                "Open it with runtime_options::manual_completion to poll");
  std::thread::id nobody{};
  if (!here_.compare_exchange_strong(nobody, std::this_thread::get_id(),
                                     std::memory_order_acquire))  // SYNC: polling
    return 0;
  struct leave {
    std::atomic<std::thread::id>& here;
    ~leave() { here.store({}, std::memory_order_release); }  // SYNC: polling
  } const leaving{here_};
  look();
  return finish_ready();
}

void completions::close() {
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    signal();
    thread = std::move(thread_);
  }
  if (thread.joinable() && !is_here()) return thread.join();
  if (thread.joinable()) thread.detach();  // closed by a callback: it ends after that
  end_all();
}

}  // namespace rondo::detail
