// Which calls are outstanding, and the look at their kernels. Finishing them, and the thread, are
// in completion_thread.cpp.
#include "completions.hpp"

#include "instance.hpp"

#include <rondo/host_services.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

namespace rondo::detail {

pending_call::~pending_call() = default;

std::uint64_t completions::add(call& made) {
  const std::lock_guard lock(mutex_);
  if (closed_) return 0;
  if (!is_manual_ && !thread_.joinable()) {
    try {
      thread_ = std::thread([self = shared_from_this()] { self->run(); });
    } catch (const std::system_error& failed) {
      throw error(RONDO_LIMIT_REACHED, made.kernel->id(),
                  std::string("no thread could be started to complete calls: ") + failed.what(),
                  "Raise the limit of threads, or use runtime_options::manual_completion");
    }
  }
  const std::uint64_t id = call_mark | async_record << record_shift | (++next_id_ & count_mask);
  const std::uint64_t deadline = made.deadline_ns;
  auto& kernel = kernels_[made.kernel.get()];
  if (kernel.count == 0) kernel = {made.kernel, 0, made.life};
  kernel.oldest_life = std::min(kernel.oldest_life, made.life);
  const bool is_news = ++kernel.count == 1 || deadline < deadlines_.begin()->first;
  made.by_deadline = deadlines_.emplace(deadline, id);
  calls_.emplace(id, std::move(made));
  if (is_news) signal();
  return id;
}

completions::call completions::take(std::unordered_map<std::uint64_t, call>::iterator at) {
  call taken = std::move(at->second);
  calls_.erase(at);
  deadlines_.erase(taken.by_deadline);
  const auto kernel = kernels_.find(taken.kernel.get());
  if (--kernel->second.count == 0) kernels_.erase(kernel);
  return taken;
}

bool completions::is_here() const {
  return here_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

// Whoever completes looks again, and at once if it sleeps.
void completions::signal() {
  if (is_here()) return;
  signalled_.store(true, std::memory_order_release);  // SYNC: completions
  if (sleeps_at_ != nullptr) sleeps_at_->router().wake();
  changed_.notify_one();
}

void completions::fail(std::uint64_t id, error_info why) {
  const std::lock_guard lock(mutex_);
  const auto at = calls_.find(id);
  if (at == calls_.end()) return;
  ready_.push_back({take(at), std::move(why), {}, {}});
  signal();
}

void completions::forget(std::uint64_t id) {
  call forgotten;  // destroyed when the mutex is free again
  const std::lock_guard lock(mutex_);
  const auto at = calls_.find(id);
  if (at != calls_.end()) forgotten = take(at);
}

bool completions::arrived(const rondo_envelope& header, const std::byte* payload) {
  finished done;
  done.header = header;
  done.payload.assign(payload, payload + header.length);
  const std::lock_guard lock(mutex_);
  const auto at = calls_.find(header.correlation_id);
  if (at == calls_.end()) return false;
  done.of = take(at);
  ready_.push_back(std::move(done));
  signal();
  return true;
}

// ---- looking, by whoever completes

completions::outlook completions::look() {
  expire();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [kernel, calls] : kernels_) seen_.push_back(calls);
  }
  auto best = outlook::nothing;
  for (const auto& calls : seen_) {
    const outlook seen = look_at(calls);
    if (seen == outlook::moved || best == outlook::nothing) best = seen;
  }
  check_health();
  seen_.clear();
  return best;
}

completions::outlook completions::look_at(const kernel_calls& calls) {
  instance& kernel = *calls.kernel;
  reply_router& router = kernel.router();
  // Before the queue: what an ended life left is there then.
  const std::uint64_t life = router.life();
  const bool is_over = router.is_over(life);
  status why = RONDO_OK;
  auto best = outlook::nothing;
  switch (router.hand_on_all(why)) {
    case reply_router::sight::led_by_another: return outlook::blocked;
    case reply_router::sight::moved: return outlook::moved;
    case reply_router::sight::broken:
      end_calls(kernel, why, [](const call&) { return true; });
      return outlook::moved;
    case reply_router::sight::stuck: best = outlook::blocked; break;
    default: break;
  }
  if (is_over || calls.oldest_life != life)
    end_calls(kernel, RONDO_TERMINATED,
              [&](const call& each) { return is_over || each.life != life; });
  return best;
}

// A kernel that fails does not say so in its queue.
void completions::check_health() {
  constexpr std::uint64_t period_ns = 10'000'000;
  const std::uint64_t now = ring::now_ns();
  if (now - health_checked_ns_ < period_ns) return;
  health_checked_ns_ = now;
  for (const auto& [kernel, count, life] : seen_) {
    const status code = kernel->health();
    if (code != RONDO_OK) end_calls(*kernel, code, [](const call&) { return true; });
  }
}

void completions::expire() {
  std::vector<call> ended;
  {
    const std::lock_guard lock(mutex_);
    if (deadlines_.empty()) return;
    const std::uint64_t now = ring::now_ns();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now)
      ended.push_back(take(calls_.find(deadlines_.begin()->second)));
  }
  end_without_reply(std::move(ended), RONDO_TIMEOUT);
}

template <class Which>
void completions::end_calls(const instance& kernel, status code, Which&& which) {
  std::vector<call> ended;
  {
    const std::lock_guard lock(mutex_);
    std::uint64_t oldest = ~std::uint64_t{0};
    for (auto at = calls_.begin(); at != calls_.end();) {
      const auto each = at++;
      if (each->second.kernel.get() != &kernel) continue;
      if (which(each->second)) ended.push_back(take(each));
      else oldest = std::min(oldest, each->second.life);
    }
    if (const auto left = kernels_.find(&kernel); left != kernels_.end())
      left->second.oldest_life = oldest;
  }
  end_without_reply(std::move(ended), code);
}

void completions::end_without_reply(std::vector<call>&& ended, status code) {
  for (call& each : ended) {
    error_info why;
    each.kernel->explain(code, *each.response, each.timeout, why);
    const std::lock_guard lock(mutex_);
    ready_.push_back({std::move(each), std::move(why), {}, {}});
  }
}

void completions::end_all() {
  constexpr std::uint64_t patience_ns = 100'000'000;
  const std::uint64_t until = ring::now_ns() + patience_ns;
  const auto left = [this] {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  };
  for (;;) {
    health_checked_ns_ = 0;
    look();
    while (finish_ready() != 0) {
    }
    if (left() == 0 || ring::now_ns() >= until) break;
    std::this_thread::yield();
  }
  std::vector<call> ended;
  {
    const std::lock_guard lock(mutex_);
    while (!calls_.empty()) ended.push_back(take(calls_.begin()));
  }
  end_without_reply(std::move(ended), RONDO_TERMINATED);
  while (finish_ready() != 0) {
  }
}

}  // namespace rondo::detail
