// Whose threads run a kernel: one of its own, or the pool's. Lifecycle calls only, one at a time
// but for handler_hangs().
#pragma once

#include "pool.hpp"

#include <memory>
#include <string>
#include <thread>

namespace rondo::cpu {

class carrier {
 public:
  virtual ~carrier() = default;
  virtual void start(const std::shared_ptr<worker>& kernel) = 0;
  // From start() until join(), withdraw() that succeeds, or abandon().
  virtual bool carries() const = 0;
  // The kernel has reported its end.
  virtual void join() = 0;
  // The kernel has not reported its end in time. True if no thread runs it, and none will: then it
  // is the caller's to finish.
  virtual bool withdraw() = 0;
  // A thread runs it and does not come back: it keeps what it uses.
  virtual void abandon() = 0;
  // Its handler runs past its deadline. Any thread.
  virtual void handler_hangs() {}
};

class own_thread final : public carrier {
 public:
  explicit own_thread(const processor_set& processors) : processors_(processors) {}
  void start(const std::shared_ptr<worker>& kernel) override;
  bool carries() const override { return thread_.joinable(); }
  void join() override { thread_.join(); }
  bool withdraw() override { return false; }
  void abandon() override { thread_.detach(); }

 private:
  const processor_set processors_;
  std::thread thread_;
};

class pooled final : public carrier {
 public:
  explicit pooled(std::shared_ptr<pool> shared) : pool_(std::move(shared)) {}
  void start(const std::shared_ptr<worker>& kernel) override {
    kernel_ = kernel;
    pool_->admit(*kernel);
    carries_ = true;
  }
  bool carries() const override { return carries_; }
  void join() override { carries_ = false; }
  bool withdraw() override {
    if (!pool_->withdraw(*kernel_)) return false;
    carries_ = false;
    return true;
  }
  void abandon() override {
    pool_->abandon(kernel_);
    carries_ = false;
  }
  void handler_hangs() override { pool_->lose_thread_of(*kernel_); }

 private:
  const std::shared_ptr<pool> pool_;
  std::shared_ptr<worker> kernel_;
  bool carries_ = false;
};

}  // namespace rondo::cpu
