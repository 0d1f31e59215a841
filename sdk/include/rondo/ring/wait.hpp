// Waiting, for host threads on Linux: spin, then sleep until the other side publishes. A sender
// pays one load per message for it, no fence: the sleeper orders both sides with membarrier(2)
// before it sleeps. Where the kernel has no membarrier both sides use a full barrier instead.
#pragma once

#include <rondo/ring/clock.hpp>
#include <rondo/ring/layout.hpp>

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace rondo::ring {

inline constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

namespace detail {

// Registration is per process and idempotent, so that core and every plugin come to the same
// answer.
inline bool register_membarrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}
__attribute__((visibility("hidden"))) inline const bool has_membarrier = register_membarrier();

inline void full_barrier() {
  std::uint64_t own = 0;
  __atomic_exchange_n(&own, 1, __ATOMIC_SEQ_CST);
}

}  // namespace detail

// Between a store that the other side waits for and the load that asks whether it sleeps.
inline void light_barrier() {
  asm volatile("" ::: "memory");
  if (!detail::has_membarrier) [[unlikely]]
    detail::full_barrier();
}

// Between announcing sleep and the last look.
inline void heavy_barrier() {
  if (detail::has_membarrier) [[likely]]
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  else detail::full_barrier();
}

// Sleep while *word == expected, until woken or until deadline_ns (CLOCK_MONOTONIC). May wake
// early.
inline void futex_wait(std::uint32_t* word, std::uint32_t expected, std::uint64_t deadline_ns) {
  timespec until{static_cast<time_t>(deadline_ns / 1'000'000'000u),
                 static_cast<long>(deadline_ns % 1'000'000'000u)};
  // WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC.
  syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
          deadline_ns == no_deadline ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}
inline void futex_wake(std::uint32_t* word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// What wake_line.waiting says about the consumer.
inline constexpr std::uint32_t awake = 0;   // it will look again by itself
inline constexpr std::uint32_t asleep = 1;  // its thread sleeps on this very word
inline constexpr std::uint32_t pooled = 2;  // it has no thread, and its pool shall find it one

// ---- consumers that share the threads of a pool; see docs/decisions/0011-the-pool.md

// One of the pool's sleeping threads gets up, or one that was about to sleep does not.
inline void ring_bell(ready_list* pool) {
  __atomic_fetch_add(&pool->bell, 1, __ATOMIC_RELEASE);  // SYNC: bell
  futex_wake(&pool->bell, 1);
}

// Whoever turned `waiting` from pooled to awake, and nobody else, puts the consumer on the list: so
// it is there once. Between the push and the question whether a thread sleeps lies a full barrier,
// as between the thread's announcement and its look at the list.
inline void make_ready(wake_line* line) {
  ready_list* const pool = line->pool;  // the line is not ours any more once it is on the list
  wake_line* newest = __atomic_load_n(&pool->newest, __ATOMIC_RELAXED);
  do __atomic_store_n(&line->next, newest, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&pool->newest, &newest, line, true, __ATOMIC_SEQ_CST,
                                      __ATOMIC_RELAXED));  // SYNC: ready
  if (__atomic_load_n(&pool->may_sleep, __ATOMIC_SEQ_CST) != 0 &&
      __atomic_exchange_n(&pool->may_sleep, 0, __ATOMIC_ACQ_REL) != 0)
    ring_bell(pool);
}

// A thread of the pool: all that were put on the list since, the oldest first, linked by `next`.
inline wake_line* take_ready(ready_list* pool) {
  if (__atomic_load_n(&pool->newest, __ATOMIC_SEQ_CST) == nullptr) return nullptr;
  wake_line* rest = __atomic_exchange_n(&pool->newest, nullptr, __ATOMIC_ACQUIRE);  // SYNC: ready
  wake_line* oldest = nullptr;
  while (rest != nullptr) {
    wake_line* const next = __atomic_load_n(&rest->next, __ATOMIC_RELAXED);
    __atomic_store_n(&rest->next, oldest, __ATOMIC_RELAXED);
    oldest = rest;
    rest = next;
  }
  return oldest;
}

// The pool gives a consumer that it holds away: from now on whoever publishes makes it ready. Then
// comes heavy_barrier(), a last look, and reclaim() where that finds something.
inline void let_go(wake_line* line) {
  __atomic_store_n(&line->waiting, pooled, __ATOMIC_RELEASE);  // SYNC: hand-over
}
// False if somebody else has made it ready.
inline bool reclaim(wake_line* line) {
  return __atomic_exchange_n(&line->waiting, awake, __ATOMIC_ACQ_REL) == pooled;  // SYNC: hand-over
}

// ---- waking

namespace detail {

// Out of line: what a sender does that finds its consumer awake stays short.
[[gnu::noinline, gnu::cold]] inline void wake_waiting(wake_line* line) {
  switch (__atomic_exchange_n(&line->waiting, awake, __ATOMIC_ACQ_REL)) {  // SYNC: hand-over
    case asleep: return futex_wake(&line->waiting, 1);
    case pooled: return make_ready(line);
    default: return;  // another sender was faster
  }
}

}  // namespace detail

// Producer, after publishing: a consumer that sleeps, or is about to, is woken [RING-09].
inline void wake_if_parked(wake_line* line) {
  light_barrier();  // SYNC: park
  if (__atomic_load_n(&line->waiting, __ATOMIC_RELAXED) == awake) [[likely]]
    return;
  detail::wake_waiting(line);
}

// Wake it whatever it waits for: stop requests and terminations.
inline void wake(wake_line* line) {
  if (__atomic_exchange_n(&line->waiting, awake, __ATOMIC_SEQ_CST) == pooled)  // SYNC: hand-over
    return make_ready(line);
  futex_wake(&line->waiting, 1);
}

// Consumer: sleep until woken, unless has_work() turns true. May return early; ask again.
template <class HasWork>
void park(wake_line* line, std::uint64_t deadline_ns, HasWork&& has_work) {
  __atomic_store_n(&line->waiting, asleep, __ATOMIC_RELAXED);
  heavy_barrier();  // SYNC: park
  if (!has_work()) futex_wait(&line->waiting, asleep, deadline_ns);
  __atomic_store_n(&line->waiting, awake, __ATOMIC_RELAXED);
}

// How long whoever is to sleep at once spins all the same: between the messages of an exchange that
// goes on, a sleep and a wake-up would cost tens of times what the message does.
inline constexpr std::uint64_t brief_spin_ns = 10'000;

// Decides what one more unsuccessful look means: look again, or sleep. There is a `pause` between
// any two looks: without it they take time from a sibling core, and arrive while the other side
// writes.
class spinner {
 public:
  // spin_ns: how long to spin in all before idle() turns true; 0 never spins, no_deadline for ever.
  explicit spinner(std::uint64_t spin_ns) : spin_ns_(spin_ns) {}

  // Call after each unsuccessful look; true when it is time to sleep.
  bool idle() {
    return idle([] { return true; });
  }
  // The same, and goes on looking by itself until `ready()` says that there may be something, at
  // most looks_per_clock times.
  template <class Ready>
  bool idle(Ready&& ready) {
    if (spin_ns_ == 0) return true;
    do {
      ++looks_;
      platform::pause();
      if (looks_ % looks_per_clock == 0) return is_over();
    } while (!ready());
    return false;
  }
  std::uint32_t looks() const { return looks_; }
  void found_work() { looks_ = 0, begin_ = 0; }

  static constexpr std::uint32_t looks_per_clock = 32;

 private:
  bool is_over() {
    if (spin_ns_ == no_deadline) return false;
    const std::uint64_t now = now_ns();
    if (begin_ == 0) begin_ = now;
    return now - begin_ >= spin_ns_;
  }

  std::uint64_t spin_ns_;
  std::uint64_t begin_ = 0;
  std::uint32_t looks_ = 0;
};

}  // namespace rondo::ring
