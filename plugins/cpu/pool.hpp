// The threads that kernels of one device share. A kernel is in one place at any time: on the list
// of those that were woken (ring::ready_list, filled by senders without a lock), in the queue of
// those that are due, with one of the threads, or nowhere, idle, until a sender, an order or its
// timer takes it back; run_queue decides which. See docs/decisions/0011-the-pool.md.
#pragma once

#include "processors.hpp"
#include "run_queue.hpp"
#include "worker.hpp"

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace rondo::cpu {

class pool : public std::enable_shared_from_this<pool> {
 public:
  // Starts no thread before the first kernel comes.
  pool(const processor_set& processors, std::uint32_t size);
  ~pool();
  // When no kernel is left: ends the threads. Those that were lost end by themselves, if ever.
  void close();
  std::uint32_t size() const { return size_; }

  // The kernel's first turn is due. The worker outlives report::stopped or withdraw().
  void admit(worker& kernel);
  // Takes a kernel out that no thread runs; false if one does.
  bool withdraw(worker& kernel);
  // Its handler does not return: whichever thread runs it is lost, and another takes its place.
  void lose_thread_of(const worker& kernel);
  // The same, and the lost thread keeps what it uses.
  void abandon(const std::shared_ptr<worker>& kernel);

  // By the thread that runs the kernel: it waits inside the handler, and another runs meanwhile.
  void begin_wait(const worker& kernel);
  void end_wait(const worker& kernel);

 private:
  struct seat {
    std::thread thread;
    worker* current = nullptr;
    bool is_lost = false;
    bool waits = false;
    std::shared_ptr<worker> keep;  // of a lost thread
  };
  using lock = std::unique_lock<std::mutex>;

  void run(seat& mine);
  bool must_leave(const seat& mine) const;
  void put_back(worker& kernel, const turn_end& end);
  seat* seat_of(const worker& kernel);
  void lose(seat& its);
  void start_thread();
  void fill_up();
  void leave(seat& mine, lock& held);
  std::uint32_t running() const;

  void watch();
  void start_watching(const worker& kernel);

  const processor_set processors_;
  const std::uint32_t size_;

  std::mutex mutex_;  // all below, of the queue what senders do not use
  run_queue<worker> queue_;
  std::list<seat> seats_;
  std::vector<std::thread> retired_;  // ended, to be joined

  // Looks for handlers that run past their deadline, while any kernel that has one is running.
  std::thread watcher_;
  std::condition_variable watch_;
  bool watches_ = false;
  std::uint64_t shortest_deadline_ns_ = ring::no_deadline;
};

// Around a wait inside a handler; nothing where the kernel has a thread of its own.
class pool_wait {
 public:
  pool_wait(pool* shared, const worker& kernel) : pool_(shared), kernel_(kernel) {
    if (pool_ != nullptr) pool_->begin_wait(kernel_);
  }
  ~pool_wait() {
    if (pool_ != nullptr) pool_->end_wait(kernel_);
  }
  pool_wait(const pool_wait&) = delete;
  pool_wait& operator=(const pool_wait&) = delete;

 private:
  pool* pool_;
  const worker& kernel_;
};

}  // namespace rondo::cpu
