// Completes the asynchronous calls of one runtime: knows which are outstanding, looks at the
// replies of their kernels, and finishes them, on its own thread or on whichever calls poll(). Made
// with the runtime; starts its thread with the first call. See rondo/async.hpp for what it promises
// and docs/decisions/0008 for why it is as it is.
#pragma once

#include <rondo/async.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace rondo::detail {

class instance;
struct codec;

class completions : public std::enable_shared_from_this<completions> {
 public:
  explicit completions(bool is_manual) : is_manual_(is_manual) {}
  completions(const completions&) = delete;
  completions& operator=(const completions&) = delete;

  struct call {
    std::shared_ptr<instance> kernel;
    std::unique_ptr<pending_call> then;
    const codec* response = nullptr;  // for the words of a failure
    nanoseconds timeout{0};
    std::uint64_t deadline_ns = 0;
    std::uint64_t life = 0;  // of the kernel
    std::multimap<std::uint64_t, std::uint64_t>::iterator by_deadline{};
  };

  // Any thread. Takes note of a call before its request is sent; returns the correlation id for it.
  // 0, and the call is still the caller's, once the runtime is closed. Throws LIMIT_REACHED if
  // there is no thread to be had.
  std::uint64_t add(call& made);
  // The request was not sent: finish it with this reason, or forget it.
  void fail(std::uint64_t id, error_info why);
  void forget(std::uint64_t id);
  // By who leads a kernel's replies. False if there is no such call, or none any more.
  bool arrived(const rondo_envelope& header, const std::byte* payload);

  // On this thread, now: for a runtime that is closed.
  static void finish_closed(call& made);

  // Whether this is the thread that completes, now.
  bool is_here() const;
  // Finishes what can be finished now; how many. Throws INVALID_STATE if there is a thread for it.
  std::size_t poll();
  // Finishes everything that is left, with TERMINATED if nothing else. Every kernel has ended.
  void close();

 private:
  struct finished {
    call of;
    error_info why;  // OK: there is a reply
    rondo_envelope header{};
    std::vector<std::byte> payload;
  };
  struct kernel_calls {
    std::shared_ptr<instance> kernel;
    std::size_t count = 0;
    std::uint64_t oldest_life = 0;  // of those calls
  };
  enum class outlook { moved, nothing, blocked };

  void run();
  void rest(outlook seen);
  std::size_t finish_ready();
  static void finish(finished& done);
  outlook look();
  outlook look_at(const kernel_calls& calls);
  void check_health();
  void expire();
  // Ends those calls of the kernel that the predicate names.
  template <class Which>
  void end_calls(const instance& kernel, status code, Which&& which);
  void end_without_reply(std::vector<call>&& ended, status code);
  void end_all();
  // Both under the mutex.
  call take(std::unordered_map<std::uint64_t, call>::iterator at);
  void signal();

  const bool is_manual_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::uint64_t, call> calls_;          // by correlation id
  std::multimap<std::uint64_t, std::uint64_t> deadlines_;  // to correlation ids
  std::map<const instance*, kernel_calls> kernels_;        // those with outstanding calls
  std::deque<finished> ready_;
  std::uint64_t next_id_ = 0;
  instance* sleeps_at_ = nullptr;  // the one kernel whose replies the thread waits for
  bool closed_ = false;
  std::atomic<bool> signalled_{false};  // there is something new for the thread
  std::thread thread_;
  std::atomic<std::thread::id> here_{};  // the thread that completes, now

  // Of whoever completes.
  std::vector<kernel_calls> seen_;
  std::uint64_t nap_ns_ = 0;
  std::uint64_t idle_since_ns_ = 0;
  std::uint64_t health_checked_ns_ = 0;
};

}  // namespace rondo::detail
