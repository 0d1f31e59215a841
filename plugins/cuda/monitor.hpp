// One thread per device that looks after its resident kernels, a hundred times a second while there
// are any: renews their leases and notices those that ended by themselves. Any thread.
#pragma once

#include <rondo/ring/wait.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rondo::cuda {

// Called by the monitor's thread; must not block.
class watched {
 public:
  virtual ~watched() = default;
  virtual void look_after() = 0;
  // See runner.
  virtual void step_aside() = 0;
  virtual bool is_away() const = 0;
  virtual void resume() = 0;
};

class monitor {
 public:
  static constexpr std::uint64_t period_ns = 10'000'000;

  monitor() = default;
  ~monitor();
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;

  void add(watched& kernel);
  // After this the kernel is not looked after any more, nor being looked after.
  void remove(watched& kernel);

  // Does `work` while no resident kernel runs: the driver waits for them when it loads code. False,
  // and nothing was done, if one of them is busy for longer than the limit.
  template <class Work>
  bool without_kernels(std::uint64_t limit_ns, Work&& work) {
    const std::lock_guard lock(mutex_);
    struct resume_all {
      std::vector<watched*>& all;
      ~resume_all() {
        for (watched* kernel : all) kernel->resume();
      }
    } const at_end{all_};
    if (!are_away_by(ring::now_ns() + limit_ns)) return false;
    work();
    return true;
  }

  // The device is lost; the first reason counts.
  void lose(const std::string& reason);
  bool is_lost() const { return lost_.load(std::memory_order_acquire); }  // SYNC: lost
  std::string why_lost() const;

 private:
  void run();
  // All are asked before one is waited for: nobody renews leases meanwhile.
  bool are_away_by(std::uint64_t deadline_ns);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<watched*> all_;
  bool stops_ = false;
  std::thread thread_;  // started with the first kernel

  mutable std::mutex reason_mutex_;
  std::string reason_;
  std::atomic<bool> lost_{false};
};

}  // namespace rondo::cuda
