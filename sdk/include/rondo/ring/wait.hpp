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
#include <type_traits>

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

// What the functions below are made of. They take this class as a template parameter so that tests
// can substitute one that explores interleavings.
struct wait_platform {
  template <class T>
  static T load_relaxed(const T* p) {
    return __atomic_load_n(p, __ATOMIC_RELAXED);
  }
  template <class T>
  static T load_acquire(const T* p) {
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
  }
  template <class T>
  static T load_seq_cst(const T* p) {
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
  }
  template <class T>
  static void store_relaxed(T* p, std::type_identity_t<T> v) {
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
  }
  template <class T>
  static void store_release(T* p, std::type_identity_t<T> v) {
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
  }
  template <class T>
  static void store_seq_cst(T* p, std::type_identity_t<T> v) {
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
  }
  template <class T>
  static T exchange_acquire(T* p, std::type_identity_t<T> v) {
    return __atomic_exchange_n(p, v, __ATOMIC_ACQUIRE);
  }
  template <class T>
  static T exchange_acq_rel(T* p, std::type_identity_t<T> v) {
    return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);
  }
  template <class T>
  static T exchange_seq_cst(T* p, std::type_identity_t<T> v) {
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
  }
  template <class T>
  static bool compare_exchange_seq_cst(T* p, T& expected, std::type_identity_t<T> desired) {
    return __atomic_compare_exchange_n(p, &expected, desired, true, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
  }
  static void increment_release(std::uint32_t* p) { __atomic_fetch_add(p, 1, __ATOMIC_RELEASE); }

  static void light_barrier() { ring::light_barrier(); }
  static void heavy_barrier() { ring::heavy_barrier(); }
  static void futex_wait(std::uint32_t* word, std::uint32_t expected, std::uint64_t deadline_ns) {
    ring::futex_wait(word, expected, deadline_ns);
  }
  static void futex_wake(std::uint32_t* word, int count) { ring::futex_wake(word, count); }
  static std::uint64_t now_ns() { return ring::now_ns(); }
};

// What wake_line.waiting says about the consumer.
inline constexpr std::uint32_t awake = 0;   // it will look again by itself
inline constexpr std::uint32_t asleep = 1;  // its thread sleeps on this very word
inline constexpr std::uint32_t pooled = 2;  // it has no thread, and its pool shall find it one

// ---- consumers that share the threads of a pool; see docs/decisions/0011-the-pool.md

// One of the pool's sleeping threads gets up, or one that was about to sleep does not.
template <class P = wait_platform>
void ring_bell(ready_list* pool) {
  P::increment_release(&pool->bell);  // SYNC: bell
  P::futex_wake(&pool->bell, 1);
}

// Whoever turned `waiting` from pooled to awake, and nobody else, puts the consumer on the list: so
// it is there once. Between the push and the question whether a thread sleeps lies a full barrier,
// as between the thread's announcement and its look at the list.
template <class P = wait_platform>
void make_ready(wake_line* line) {
  ready_list* const pool = line->pool;  // the line is not ours any more once it is on the list
  wake_line* newest = P::load_relaxed(&pool->newest);
  do P::store_relaxed(&line->next, newest);
  while (!P::compare_exchange_seq_cst(&pool->newest, newest, line));  // SYNC: ready
  if (P::load_seq_cst(&pool->may_sleep) != 0 && P::exchange_acq_rel(&pool->may_sleep, 0) != 0)
    ring_bell<P>(pool);
}

// A thread of the pool: all that were put on the list since, the oldest first, linked by `next`.
template <class P = wait_platform>
wake_line* take_ready(ready_list* pool) {
  if (P::load_seq_cst(&pool->newest) == nullptr) return nullptr;
  wake_line* rest = P::exchange_acquire(&pool->newest, nullptr);  // SYNC: ready
  wake_line* oldest = nullptr;
  while (rest != nullptr) {
    wake_line* const next = P::load_relaxed(&rest->next);
    P::store_relaxed(&rest->next, oldest);
    oldest = rest;
    rest = next;
  }
  return oldest;
}

// The pool gives a consumer that it holds away: from now on whoever publishes makes it ready. Then
// comes heavy_barrier(), a last look, and reclaim() where that finds something.
template <class P = wait_platform>
void let_go(wake_line* line) {
  P::store_release(&line->waiting, pooled);  // SYNC: hand-over
}
// False if somebody else has made it ready.
template <class P = wait_platform>
bool reclaim(wake_line* line) {
  return P::exchange_acq_rel(&line->waiting, awake) == pooled;  // SYNC: hand-over
}

// ---- waking

namespace detail {

// Out of line: what a sender does that finds its consumer awake stays short.
template <class P>
[[gnu::noinline, gnu::cold]] void wake_waiting(wake_line* line) {
  switch (P::exchange_acq_rel(&line->waiting, awake)) {  // SYNC: hand-over
    case asleep: return P::futex_wake(&line->waiting, 1);
    case pooled: return make_ready<P>(line);
    default: return;  // another sender was faster
  }
}

}  // namespace detail

// A consumer that sleeps, or is about to, is woken by who calls this after publishing [RING-09].
template <class P = wait_platform>
void wake_if_parked(wake_line* line) {
  P::light_barrier();  // SYNC: park
  if (P::load_relaxed(&line->waiting) == awake) [[likely]]
    return;
  detail::wake_waiting<P>(line);
}

// Wake it whatever it waits for: stop requests and terminations.
template <class P = wait_platform>
void wake(wake_line* line) {
  if (P::exchange_seq_cst(&line->waiting, awake) == pooled)  // SYNC: hand-over
    return make_ready<P>(line);
  P::futex_wake(&line->waiting, 1);
}

// Consumer: sleep until woken, unless has_work() turns true. May return early; ask again.
template <class P = wait_platform, class HasWork>
void park(wake_line* line, std::uint64_t deadline_ns, HasWork&& has_work) {
  P::store_relaxed(&line->waiting, asleep);
  P::heavy_barrier();  // SYNC: park
  if (!has_work()) P::futex_wait(&line->waiting, asleep, deadline_ns);
  P::store_relaxed(&line->waiting, awake);
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
