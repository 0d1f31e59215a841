// Requests on their way to a backend that takes them by calls: senders stage them, and one thread
// of the kernel moves them on in batches. Whoever stages pays no call of the backend. See decision
// 13 for what is promised and what it costs.
//
// There is room for as many messages, staged and with the backend together, as the backend's queue
// has slots. So a full queue means what it means without a pump, the pump itself never waits for
// room for long, and staging takes as much memory as the queue.
#pragma once

#include <rondo/error.hpp>
#include <rondo/plugin_library.hpp>
#include <rondo/ring/layout.hpp>

#include <boost/lockfree/spsc_queue.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace rondo::detail {

// As std::timed_mutex. ThreadSanitizer does not know the call that waits for one with this clock,
// and reports races that there are not.
class lock_with_deadline {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !is_held_; });
    is_held_ = true;
  }
  bool try_lock_until(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_until(lock, until, [&] { return !is_held_; })) return false;
    return is_held_ = true;
  }
  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      is_held_ = false;
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  bool is_held_ = false;
};

class pump : public std::enable_shared_from_this<pump> {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct settings {
    std::string id;  // the kernel's, for errors
    bool has_urgent_lane = false;
    std::uint64_t spin_ns = 0;            // as for ring::spinner: while there is nothing to move
    std::shared_ptr<const void> keeps{};  // what the backend's calls live in
  };
  // Throws OUT_OF_MEMORY and what the backend says.
  pump(const backend_api& api, rondo_kernel* kernel, rondo_queue* input, settings with);
  ~pump();
  pump(const pump&) = delete;
  pump& operator=(const pump&) = delete;

  void start();
  // What is staged stays. Its thread is gone afterwards, unless the backend keeps it in a call:
  // then it goes as soon as that returns, and touches nothing else.
  void stop();

  // Any thread. As the backend's push_batch: OK if `done` > 0, FULL, TERMINATED once closed, or
  // trouble(). Urgent or not is decided by the first. Payloads are copied, and each is at most
  // payload_capacity bytes.
  status stage(const rondo_envelope* headers, const void* const* payloads, std::uint64_t count,
               std::uint64_t& done);
  // OK, FULL, TERMINATED, trouble(): what staging one message that is not urgent would say.
  status look();

  // Accepted and not known to be with the backend: what a push in hand moves is still in it.
  std::uint64_t staged() const;
  // Counts the beginnings and the ends of pushes; odd while one is in hand. Waits for the end of
  // that one, but not long. What was read between two equal even turns belongs together.
  std::uint64_t turn() const;
  // How many, and in how many calls, the backend was given; how many were given up.
  std::uint64_t moved() const { return moved_.load(std::memory_order_relaxed); }
  std::uint64_t pushes() const { return pushes_.load(std::memory_order_relaxed); }
  std::uint64_t discarded() const { return discarded_.load(std::memory_order_relaxed); }
  // Not OK: the backend refuses what was accepted, with this code, and nothing moves any more.
  status trouble() const { return trouble_.load(std::memory_order_acquire); }  // SYNC: trouble

  // ---- the end of a life; one at a time
  // From now on nothing is accepted: what was accepted before is final.
  void close();
  void reopen();
  // Whether staged requests wait because the backend has no room for the next.
  bool is_blocked() const { return blocked_.load(std::memory_order_relaxed); }
  bool is_stalled() const { return stalled_.load(std::memory_order_acquire); }  // SYNC: stalled
  // Nothing is pushed as long as it lives, unless a push does not return in time.
  using hold = std::unique_lock<lock_with_deadline>;
  hold hold_still(time_point until) { return hold(moving_, until); }
  // Gives up what is staged, after close(). TIMEOUT if the pump's thread does not come back from a
  // call of the backend: then nothing was given up.
  status discard(time_point until, std::uint64_t& count);

 private:
  enum class outcome { moved, idle, blocked };
  static constexpr std::uint64_t messages_per_push = 64;

  // Sequences count from the kernel's creation: what is in [gone, accepted) is staged, what is in
  // [freed, gone) is thought to be with the backend. The payload of sequence s lies in cell s
  // modulo the capacity.
  struct lane {
    lane(std::uint64_t slots, std::uint64_t bytes);
    std::byte* cell(std::uint64_t sequence) const {
      return cells.get() + sequence % capacity * stride;
    }
    std::uint64_t staged() const;
    std::uint64_t room() const;

    const std::uint64_t capacity;
    const std::uint64_t stride;
    const std::unique_ptr<std::byte[]> cells;
    boost::lockfree::spsc_queue<rondo_envelope> headers;

    // The first three by senders, under the mutex; it is locked before room_mutex_.
    alignas(ring::line_bytes) std::mutex senders;
    bool is_closed = false;
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> freed{0};  // by whoever has room_mutex_

    // By whoever moves.
    alignas(ring::line_bytes) std::atomic<std::uint64_t> gone{0};
    std::uint64_t held_from = 0, held_to = 0;  // taken out of `headers` and not pushed
    rondo_envelope held[messages_per_push];
    const void* payloads[messages_per_push];
  };

  void run();
  outcome step();
  outcome move(lane& from);
  status push(lane& from, std::uint64_t count, std::uint64_t& done);
  void stall(status why);
  status try_stage(lane& to, const rondo_envelope* headers, const void* const* payloads,
                   std::uint64_t count, std::uint64_t& done);
  status look_into(lane& to, std::uint64_t wanted);
  void look_for_room();
  bool has_work() const { return !is_stalled() && staged() > 0; }
  status why_ended() const;

  const backend_api& api_;
  rondo_kernel* const kernel_;
  rondo_queue* const input_;
  const bool batches_;  // the backend offers push_batch
  const settings with_;
  std::optional<lane> normal_;
  std::optional<lane> urgent_;

  lock_with_deadline moving_;  // held while messages are moved or given up
  std::mutex room_mutex_;
  ring::wake_line wake_{};
  std::atomic<std::uint64_t> turn_{0};  // odd while a push is in hand
  std::atomic<bool> stops_{false};
  std::atomic<bool> has_stopped_{false};
  std::atomic<bool> stalled_{false};
  std::atomic<bool> blocked_{false};
  std::atomic<bool> closed_{false};
  std::atomic<status> trouble_{RONDO_OK};
  std::atomic<std::uint64_t> moved_{0};
  std::atomic<std::uint64_t> pushes_{0};
  std::atomic<std::uint64_t> discarded_{0};
  std::thread thread_;
};

}  // namespace rondo::detail
