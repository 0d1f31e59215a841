// Brings each reply to the one who waits for it, with no thread of its own. Of all who wait on one
// kernel, one *leads*: it alone reads the output queue, takes its own reply where it lies and
// copies the others' to them. Who does not lead waits at his own record; when the leader has its
// reply it steps down and, if someone sleeps, wakes one to lead. A single caller therefore pays one
// exchange on an uncontended flag, and copies nothing twice.
//
// Correlation ids: a call's has call_mark, the top bit, then 15 bits of waiter record + 1 (0 for
// one that led from the start, async_record for a call whose caller went on), then 48 bits that
// count. Everything else belongs to send() and receive().
#pragma once

#include "receive_port.hpp"

#include <rondo/peek.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace rondo::detail {

// A point in time that is only looked up when a wait turns out to be long: reading the clock costs
// as much as a short wait. It lives as long as its wait, so it also has the wait's share of the
// kernel: the handle that the wait was begun with may be gone before it ends.
class deadline {
 public:
  explicit deadline(std::int64_t timeout_ns) : timeout_ns_(timeout_ns < 0 ? 0 : timeout_ns) {}
  std::uint64_t at() {
    if (at_ == 0) {
      const std::uint64_t now = ring::now_ns();
      const auto wait = static_cast<std::uint64_t>(timeout_ns_);
      at_ = wait > ring::no_deadline - now ? ring::no_deadline : now + wait;
    }
    return at_;
  }
  bool passed() { return ring::now_ns() >= at(); }
  bool is_zero() const { return timeout_ns_ == 0; }
  // Taken once it is known that there is something to wait for: who finds what he wants at once
  // pays no count that all callers share.
  template <class Share>
  void keep(Share&& share) {
    if (kept_ == nullptr) kept_ = share();
  }
  std::uint64_t left() {
    const std::uint64_t now = ring::now_ns();
    return at() > now ? at() - now : 0;
  }

 private:
  std::int64_t timeout_ns_;
  std::uint64_t at_ = 0;
  std::shared_ptr<const void> kept_;
};

inline constexpr std::uint64_t async_record = 0x7fff;
inline constexpr unsigned record_shift = 48;
inline constexpr std::uint64_t count_mask = (std::uint64_t{1} << record_shift) - 1;

// A reply where it lies: in its slot, in a record, or among what was stashed. The header may be in
// the ring's reader, until its next look.
using arrived = receive_port::seen;

// Where one thread waits while another leads.
struct alignas(ring::line_bytes) waiter {
  enum : std::uint32_t { free, owned, waiting, filling, done };
  std::atomic<std::uint32_t> stage{free};
  std::uint32_t bell = 0;  // futex word: 1 while its owner sleeps
  std::atomic<bool> receives{false};
  std::uint64_t uses = 0;  // by the owner
  std::uint64_t correlation = 0;
  rondo_envelope header{};
  std::vector<std::byte> payload;  // as large as a slot, from the first use on
};

class reply_router {
 public:
  // How many threads can wait on one kernel without waiting for a record first.
  static constexpr std::size_t record_count = 256;

  // `spin_ns` as for ring::spinner.
  reply_router(receive_port& port, std::uint64_t spin_ns) : port_(port), spin_ns_(spin_ns) {}

  // One wait for one reply. Construct, send the request with correlation(), wait(), read reply(),
  // destroy: until then the reply's slot, or its copy in the record, is held.
  class ticket {
   public:
    // Waits until the deadline for a record when hundreds of callers wait already; ready() says
    // whether it got one.
    ticket(reply_router& router, deadline& until)
        : router_(router), leads_(router.try_lead()), life_(router.life()) {
      if (leads_) [[likely]]
        correlation_ = call_mark | (++router_.direct_calls_ & count_mask);
      else take_record(until);
    }
    ~ticket() {
      if (holds_slot_) router_.port_.release();
      if (record_ != nullptr) [[unlikely]]
        leave_record();
      if (leads_) [[likely]]
        router_.step_down();
      else if (record_ != nullptr) router_.pass_on();
    }
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;

    bool ready() const { return leads_ || record_ != nullptr; }
    std::uint64_t correlation() const { return correlation_; }
    // OK, TIMEOUT, TERMINATED, MALFORMED, INTERNAL.
    status wait(deadline& until, arrived& out) {
      return record_ == nullptr ? lead(until, out) : follow(until, out);
    }
    // The input is full: hand on replies meanwhile, or nobody could make progress.
    void keep_moving();

   private:
    friend class reply_router;
    status lead(deadline& until, arrived& out) {
      const status code = router_.lead(wanted::mine, correlation_, life_, until, out);
      holds_slot_ = code == RONDO_OK;
      return code;
    }
    status follow(deadline& until, arrived& out);
    void take_record(deadline& until);
    void leave_record();

    reply_router& router_;
    bool leads_;
    bool holds_slot_ = false;
    bool has_taken_ = false;    // the reply in the record was given out
    const std::uint64_t life_;  // which life of the kernel is asked
    waiter* record_ = nullptr;
    std::uint64_t correlation_ = 0;
  };

  // The oldest reply that no call waits for. `take` reads it before it is released.
  // OK, EMPTY (zero deadline), TIMEOUT, TERMINATED, MALFORMED, INTERNAL.
  template <class Take>
  status receive(deadline& until, Take&& take) {
    arrived reply;
    stored stashed;
    bool holds_slot = false;
    const status code = next_uncorrelated(until, reply, stashed, holds_slot);
    struct release_at_end {  // also when `take` throws: it runs the application's code
      reply_router& router;
      const bool holds_slot;
      ~release_at_end() {
        if (!holds_slot) return;
        router.port_.release();
        router.step_down();
      }
    } const releasing{*this, holds_slot};
    if (code == RONDO_OK) take(reply);
    return code;
  }

  // Waits as receive() does, then hands on what else is there without waiting: `most` in all, and
  // no more than the queue has slots. Releases also what a throwing sink was given. `taken` is how
  // many the sink got. As receive().
  status receive_batch(deadline& until, const reply_sink& sink, std::uint64_t most,
                       std::uint64_t& taken);

  // As receive(), but leaves the reply with the caller until release() or put_back(): where it lies
  // if it is a response of `plain_bytes` bytes and the queue allows it, else as a copy. Nobody else
  // waits for whoever holds it.
  status peek(deadline& until, std::uint32_t plain_bytes, reply_hold& out);
  void release(reply_hold& held);
  void put_back(reply_hold& held) noexcept;

  // ---- for whoever waits for more than this kernel; none of these waits for another thread
  enum class sight { reply, nothing, moved, led_by_another, stuck, broken };
  // Whether receive() would find a reply now; those of calls that lie before it are handed on.
  sight look(status& why);
  // Hands on everything that is there. `moved` if there was anything; `stuck` behind a reply that
  // no receiver takes.
  sight hand_on_all(status& why);
  // The same, then sleeps, leading, until there was something to hand on, `stop` turns true or
  // the time has come. end() and wake() end the sleep too.
  sight serve(std::uint64_t until_ns, bool (*stop)(void*), void* self, status& why);
  void wake() { port_.wake(); }

  // Where the replies go whose callers went on. Set before use; false: nobody knows the call.
  void hand_late_calls_to(bool (*taker)(void*, const rondo_envelope&, const std::byte*),
                          void* self) {
    arrived_ = taker, arrived_self_ = self;
  }

  // The kernel will give no more replies: everyone who waits gets what is there, or TERMINATED.
  void end();
  // It lives again: hands out what its last life left, so that who waited for that life and got
  // nothing knows. False if somebody still reads at the deadline.
  bool begin(deadline& until);
  // Asked now and then by who leads; not OK ends the wait with that code. And what a wait keeps so
  // that its kernel outlives it. Set before use.
  void watch(status (*health)(void*), std::shared_ptr<const void> (*share)(void*), void* self) {
    health_ = health, share_ = share, kernel_ = self;
  }

  // Replies that receivers leave lying hold up nobody: what does not fit is dropped. Set before
  // use.
  void drop_what_is_left() { drops_ = true; }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  std::uint64_t late() const { return late_.load(std::memory_order_relaxed); }

  // Whether no more replies of this life will come.
  bool is_over(std::uint64_t life) const {
    return ended_.load(std::memory_order_acquire) ||              // SYNC: ended
           lives_ended_.load(std::memory_order_acquire) != life;  // SYNC: ended
  }
  std::uint64_t life() const {
    return lives_ended_.load(std::memory_order_acquire);
  }  // SYNC: ended

 private:
  struct stored {
    rondo_envelope header{};
    std::vector<std::byte> payload;
  };
  enum class wanted { mine, uncorrelated };

  bool try_lead() {
    if (leading_.load(std::memory_order_relaxed) != 0) return false;
    return leading_.exchange(1, std::memory_order_acquire) == 0;  // SYNC: leading
  }
  void step_down() {
    leading_.store(0, std::memory_order_release);  // SYNC: leading
    ring::light_barrier();                         // SYNC: follow
    if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wake_one(false);
  }
  void pass_on();
  waiter* acquire_record(deadline& until, bool receives);
  // True if a reply was in it.
  bool give_back(waiter& record);
  status lead(wanted what, std::uint64_t correlation, std::uint64_t life, deadline& until,
              arrived& out);
  status follow(waiter& self, std::uint64_t life, deadline& until, bool& leads);
  void sleep(waiter& self, std::uint64_t life, deadline& until);
  status still_hopeful(deadline& until) const;
  void keep_kernel(deadline& until) const;
  bool hand_on(const receive_port::seen& reply);
  void deliver(const receive_port::seen& reply);
  void deliver_late_call(const receive_port::seen& reply);
  sight hand_on_what_is_there(status& why);
  // Something was stashed by a thread that does not lead.
  void tell_of_stash();
  bool stash(const receive_port::seen& reply);
  bool take_stashed(arrived& out, stored& into);
  void wake_one(bool receivers_only);
  status next_uncorrelated(deadline& until, arrived& out, stored& stashed, bool& holds_slot);
  bool taken_at_once(const reply_sink& sink, std::uint64_t most, std::uint64_t& taken);
  void take_stashed(const reply_sink& sink, std::uint64_t most, std::uint64_t& taken);
  void take_waiting(const reply_sink& sink, std::uint64_t most, std::uint64_t& taken);
  std::array<waiter, record_count>& records();

  receive_port& port_;
  const std::uint64_t spin_ns_;
  status (*health_)(void*) = nullptr;
  std::shared_ptr<const void> (*share_)(void*) = nullptr;
  void* kernel_ = nullptr;
  bool (*arrived_)(void*, const rondo_envelope&, const std::byte*) = nullptr;
  void* arrived_self_ = nullptr;

  alignas(128) std::atomic<std::uint32_t> leading_{0};
  std::uint64_t direct_calls_ = 0;  // by whoever leads
  alignas(128) std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> lives_ended_{0};
  std::atomic<std::uint64_t> late_{0};
  std::atomic<std::uint64_t> dropped_{0};
  bool drops_ = false;
  std::atomic<std::size_t> stashed_count_{0};
  std::mutex stash_mutex_;
  std::deque<stored> stash_;
  std::once_flag records_once_;
  std::unique_ptr<std::array<waiter, record_count>> records_;
  std::atomic<std::array<waiter, record_count>*> records_seen_{nullptr};
};

}  // namespace rondo::detail
