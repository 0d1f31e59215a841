// The thread that looks after resident kernels.
#include "monitor.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace rondo::cuda {

monitor::~monitor() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void monitor::add(watched& kernel) {
  const std::lock_guard lock(mutex_);
  all_.push_back(&kernel);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void monitor::remove(watched& kernel) {
  const std::lock_guard lock(mutex_);
  all_.erase(std::remove(all_.begin(), all_.end(), &kernel), all_.end());
}

bool monitor::are_away_by(std::uint64_t deadline_ns) {
  for (watched* kernel : all_) kernel->step_aside();
  const auto is_away = [](const watched* kernel) { return kernel->is_away(); };
  while (!std::all_of(all_.begin(), all_.end(), is_away)) {
    if (ring::now_ns() >= deadline_ns) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  return true;
}

void monitor::run() {
  pthread_setname_np(pthread_self(), "rondo-cuda");
  std::unique_lock lock(mutex_);
  while (!stops_) {
    if (all_.empty()) changed_.wait(lock, [&] { return stops_ || !all_.empty(); });
    for (watched* kernel : all_) kernel->look_after();
    changed_.wait_for(lock, std::chrono::nanoseconds(period_ns), [&] { return stops_; });
  }
}

void monitor::lose(const std::string& reason) {
  const std::lock_guard lock(reason_mutex_);
  if (lost_.load(std::memory_order_relaxed)) return;
  reason_ = reason;
  lost_.store(true, std::memory_order_release);  // SYNC: lost
}

std::string monitor::why_lost() const {
  const std::lock_guard lock(reason_mutex_);
  return reason_;
}

}  // namespace rondo::cuda
