// Who of a pool's kernels is due, who rests, who is woken, and how the pool's threads sleep: what
// decides that no wake-up is lost and no kernel is in two places. All of it under the pool's mutex,
// but for what senders do, which is in rondo/ring/wait.hpp. A template so that tests can run the
// same code on a platform that explores interleavings. A kernel has line(), place and has_work().
#pragma once

#include <rondo/ring/wait.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <utility>

namespace rondo::cpu {

// Where a kernel is in its pool; the queue's.
struct pool_place {
  bool rests = false;       // had nothing to do in its last turn
  std::uint64_t due = 0;    // idle: when its next turn is due unasked; 0: never
  std::uint64_t timer = 0;  // its key in the queue's timers; 0: it has none
};

template <class Kernel, class P = ring::wait_platform>
class run_queue {
 public:
  // Before the kernel is added, with no mutex: nobody knows it yet.
  void enlist(Kernel& kernel) {
    kernel.line()->pool = &woken_;
    kernel.line()->consumer = &kernel;
    P::store_relaxed(&kernel.line()->waiting, ring::awake);
    kernel.place = {};
  }
  void add(Kernel& kernel) {
    due_.push_back(&kernel);
    ring_another();
  }
  // Takes a kernel out that no thread runs. False if a sender that woke it is just about to put it
  // on the list, and would do so afterwards.
  bool take_out(Kernel& kernel) {
    bool is_out = ring::reclaim<P>(kernel.line());  // it was idle
    if (!is_out) {
      collect();
      is_out = std::erase(due_, &kernel) != 0;
    }
    clear_timer(kernel);
    return is_out;
  }

  // The next kernel with something to do, or nullptr. What is at the front and has nothing to do
  // goes.
  Kernel* take_next() {
    collect();
    run_timers();
    while (!due_.empty()) {
      Kernel* const next = due_.front();
      if (!next->place.rests || next->has_work()) {
        due_.pop_front();
        next->place.rests = false;
        return next;
      }
      settle_front();
    }
    return nullptr;
  }
  // A turn has ended and the kernel goes on, after what was woken meanwhile: collect() first.
  void put_back(Kernel& kernel, bool rests, std::uint64_t wake_at_ns) {
    kernel.place.rests = rests;
    kernel.place.due = wake_at_ns;
    due_.push_back(&kernel);
  }
  void collect();

  // Until there may be something to do; `held` is the pool's mutex.
  template <class Lock>
  void sleep(Lock& held);
  // There is more than the thread that runs can do at once.
  void ring_another() {
    if (sleeping_ == 0 || is_rung_) return;
    is_rung_ = true;
    ring::ring_bell<P>(&woken_);
  }
  // Nobody sleeps any more.
  void close(int threads) {
    is_closing_ = true;
    P::increment_release(&woken_.bell);  // SYNC: bell
    P::futex_wake(&woken_.bell, threads);
  }

  bool is_closing() const { return is_closing_; }
  bool has_due() const { return !due_.empty(); }
  // Due, or a timer that none of those that sleep gets up for.
  bool has_more() const { return has_due() || next_timer() < kept_until_; }

 protected:
  // How many kernels that have nothing to do share one membarrier.
  static constexpr std::size_t most_settled = 64;

  void settle_front();
  void run_timers();
  void set_timer(Kernel& kernel) {
    kernel.place.timer = kernel.place.due;
    timers_.emplace(kernel.place.timer, &kernel);
  }
  void clear_timer(Kernel& kernel) {
    if (kernel.place.timer == 0) return;
    timers_.erase({kernel.place.timer, &kernel});
    kernel.place.timer = 0;
  }
  std::uint64_t next_timer() const {
    return timers_.empty() ? ring::no_deadline : timers_.begin()->first;
  }

  ring::ready_list woken_{};
  std::deque<Kernel*> due_;
  std::set<std::pair<std::uint64_t, Kernel*>> timers_;
  std::uint32_t sleeping_ = 0;
  bool is_rung_ = false;  // by a thread of the pool, and nobody has got up yet
  std::uint64_t kept_until_ = ring::no_deadline;  // one of those that sleep gets up then
  bool is_closing_ = false;
};

// Whoever had nothing to do in its last turn and still has not is given away, several with one
// barrier. The mutex is held until after the last look: nobody can run, end and free one of them
// meanwhile, only put it on the list.
template <class Kernel, class P>
void run_queue<Kernel, P>::settle_front() {
  std::array<Kernel*, most_settled> leaving;
  std::size_t n = 0;
  while (n < leaving.size() && !due_.empty() && due_.front()->place.rests &&
         !due_.front()->has_work()) {
    leaving[n++] = due_.front();
    due_.pop_front();
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (leaving[i]->place.due != 0) set_timer(*leaving[i]);
    ring::let_go<P>(leaving[i]->line());
  }
  P::heavy_barrier();  // SYNC: park
  for (std::size_t i = n; i-- > 0;) {
    if (!leaving[i]->has_work() || !ring::reclaim<P>(leaving[i]->line())) continue;
    clear_timer(*leaving[i]);
    leaving[i]->place.rests = false;
    due_.push_front(leaving[i]);
  }
}

template <class Kernel, class P>
void run_queue<Kernel, P>::collect() {
  for (ring::wake_line* line = ring::take_ready<P>(&woken_); line != nullptr;) {
    auto* const kernel = static_cast<Kernel*>(line->consumer);
    line = P::load_relaxed(&line->next);
    clear_timer(*kernel);
    kernel->place.rests = false;
    due_.push_back(kernel);
  }
}

template <class Kernel, class P>
void run_queue<Kernel, P>::run_timers() {
  if (timers_.empty()) return;
  const std::uint64_t now = P::now_ns();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Kernel* const kernel = timers_.begin()->second;
    clear_timer(*kernel);
    if (!ring::reclaim<P>(kernel->line())) continue;  // it is on the list
    kernel->place.rests = false;
    due_.push_back(kernel);
  }
}

// The bell is read first, the sleep announced next, the list looked at last: a sender that comes in
// between finds the announcement, and its ring ends the sleep.
template <class Kernel, class P>
template <class Lock>
void run_queue<Kernel, P>::sleep(Lock& held) {
  const std::uint32_t bell = P::load_acquire(&woken_.bell);  // SYNC: bell
  P::store_seq_cst(&woken_.may_sleep, 1);
  if (P::load_seq_cst(&woken_.newest) == nullptr && !is_closing_) {
    const std::uint64_t until = next_timer();
    const bool keeps = until < kept_until_;  // one is enough to get up for a timer
    if (keeps) kept_until_ = until;
    ++sleeping_;
    held.unlock();
    P::futex_wait(&woken_.bell, bell, keeps ? until : ring::no_deadline);
    held.lock();
    --sleeping_;
    if (keeps && kept_until_ == until) kept_until_ = ring::no_deadline;
  }
  is_rung_ = false;
  // Whoever sleeps on is still to be rung for; what came before this, this thread takes.
  P::store_seq_cst(&woken_.may_sleep, sleeping_ > 0 ? 1 : 0);
}

}  // namespace rondo::cpu
