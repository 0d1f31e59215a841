// The pool's queue: who is due, who is idle, who is woken.
#include "pool.hpp"

#include <algorithm>
#include <array>

namespace rondo::cpu {

namespace {

// How many kernels that have nothing to do share one membarrier.
constexpr std::size_t most_settled = 64;

}  // namespace

pool::pool(const processor_set& processors, std::uint32_t size)
    : processors_(processors), size_(size) {}

void pool::admit(worker& kernel) {
  kernel.line()->pool = &woken_;
  kernel.line()->consumer = &kernel;
  __atomic_store_n(&kernel.line()->waiting, ring::awake, __ATOMIC_RELAXED);
  kernel.place = {};
  const lock held(mutex_);
  fill_up();
  start_watching(kernel);
  due_.push_back(&kernel);
  ring_another();
}

bool pool::withdraw(worker& kernel) {
  for (;; std::this_thread::yield()) {
    const lock held(mutex_);
    if (seat_of(kernel) != nullptr) return false;
    bool is_out = ring::reclaim(kernel.line());  // it was idle
    if (!is_out) {
      collect();
      is_out = std::erase(due_, &kernel) != 0;
    }
    clear_timer(kernel);
    // Else a sender that woke it is just about to put it on the list, and would do so afterwards.
    if (is_out || kernel.reported() == report::stopped) return true;
  }
}

// The next kernel with something to do, or nullptr. What is at the front and has nothing to do
// goes.
worker* pool::take_next() {
  collect();
  run_timers();
  while (!due_.empty()) {
    worker* const next = due_.front();
    if (!next->place.rests || next->has_work()) {
      due_.pop_front();
      next->place.rests = false;
      return next;
    }
    settle_front();
  }
  return nullptr;
}

// Whoever had nothing to do in its last turn and still has not is given away, several with one
// barrier. The mutex is held until after the last look: nobody can run, end and free one of them
// meanwhile, only put it on the list.
void pool::settle_front() {
  std::array<worker*, most_settled> leaving;
  std::size_t n = 0;
  while (n < leaving.size() && !due_.empty() && due_.front()->place.rests &&
         !due_.front()->has_work()) {
    leaving[n++] = due_.front();
    due_.pop_front();
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (leaving[i]->place.due != 0) set_timer(*leaving[i]);
    ring::let_go(leaving[i]->line());
  }
  ring::heavy_barrier();  // SYNC: park
  for (std::size_t i = n; i-- > 0;) {
    if (!leaving[i]->has_work() || !ring::reclaim(leaving[i]->line())) continue;
    clear_timer(*leaving[i]);
    leaving[i]->place.rests = false;
    due_.push_front(leaving[i]);
  }
}

// What was woken queues up before the kernel whose turn has just ended, however much that has left.
void pool::put_back(worker& kernel, const turn_end& end) {
  collect();
  if (end.what == turn_end::over) return kernel.tell(end.last);  // it may be gone now
  kernel.place.rests = end.what == turn_end::idle;
  kernel.place.due = end.wake_at_ns;
  due_.push_back(&kernel);
}

void pool::collect() {
  for (ring::wake_line* line = ring::take_ready(&woken_); line != nullptr;) {
    auto* const kernel = static_cast<worker*>(line->consumer);
    line = __atomic_load_n(&line->next, __ATOMIC_RELAXED);
    clear_timer(*kernel);
    kernel->place.rests = false;
    due_.push_back(kernel);
  }
}

void pool::run_timers() {
  if (timers_.empty()) return;
  const std::uint64_t now = ring::now_ns();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    worker* const kernel = timers_.begin()->second;
    clear_timer(*kernel);
    if (!ring::reclaim(kernel->line())) continue;  // it is on the list
    kernel->place.rests = false;
    due_.push_back(kernel);
  }
}

void pool::set_timer(worker& kernel) {
  kernel.place.timer = kernel.place.due;
  timers_.emplace(kernel.place.timer, &kernel);
}

std::uint64_t pool::next_timer() const {
  return timers_.empty() ? ring::no_deadline : timers_.begin()->first;
}

void pool::clear_timer(worker& kernel) {
  if (kernel.place.timer == 0) return;
  timers_.erase({kernel.place.timer, &kernel});
  kernel.place.timer = 0;
}

// ---- sleeping

// Until there may be something to do. The bell is read first, the sleep announced next, the list
// looked at last: a sender that comes in between finds the announcement, and its ring ends the
// sleep.
void pool::sleep(lock& held) {
  const std::uint32_t bell = __atomic_load_n(&woken_.bell, __ATOMIC_ACQUIRE);  // SYNC: bell
  __atomic_store_n(&woken_.may_sleep, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&woken_.newest, __ATOMIC_SEQ_CST) == nullptr && !is_closing_) {
    const std::uint64_t until = next_timer();
    const bool keeps = until < kept_until_;  // one is enough to get up for a timer
    if (keeps) kept_until_ = until;
    ++sleeping_;
    held.unlock();
    ring::futex_wait(&woken_.bell, bell, keeps ? until : ring::no_deadline);
    held.lock();
    --sleeping_;
    if (keeps && kept_until_ == until) kept_until_ = ring::no_deadline;
  }
  is_rung_ = false;
  // Whoever sleeps on is still to be rung for; what came before this, this thread takes.
  __atomic_store_n(&woken_.may_sleep, sleeping_ > 0 ? 1 : 0, __ATOMIC_SEQ_CST);
}

// There is more than this thread can do at once.
void pool::ring_another() {
  if (sleeping_ == 0 || is_rung_) return;
  is_rung_ = true;
  ring::ring_bell(&woken_);
}

}  // namespace rondo::cpu
