// The pool's threads: their loop, those that are lost or wait inside a handler and are made up for,
// and the one that looks for handlers past their deadline.
#include "pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <climits>

namespace rondo::cpu {

pool::~pool() { close(); }

void pool::close() {
  std::vector<std::thread> ending;
  {
    const lock held(mutex_);
    queue_.close(INT_MAX);
    for (seat& each : seats_)
      if (each.thread.joinable()) ending.push_back(std::move(each.thread));
    for (std::thread& each : retired_) ending.push_back(std::move(each));
    retired_.clear();
    if (watcher_.joinable()) ending.push_back(std::move(watcher_));
    watch_.notify_all();
  }
  for (std::thread& each : ending) each.join();
}

void pool::run(seat& mine) {
  lock held(mutex_);
  while (!must_leave(mine)) {
    worker* const next = queue_.take_next();
    if (next == nullptr) {
      if (!queue_.is_closing()) queue_.sleep(held);
      continue;
    }
    // This one may be busy for long: the rest, and the next timer, are for another.
    if (queue_.has_more()) queue_.ring_another();
    mine.current = next;
    if (!watches_ && next->options().handler_deadline_ns != 0) watch_.notify_all();
    held.unlock();
    turn_end end = next->turn();
    held.lock();
    if (mine.is_lost && end.what != turn_end::over) end = next->turn();  // given up: its last
    mine.current = nullptr;
    put_back(*next, end);
  }
  leave(mine, held);
}

bool pool::must_leave(const seat& mine) const {
  return mine.is_lost || (queue_.is_closing() && !queue_.has_due()) || running() > size_;
}

// What this thread has put back is for another. Its last hold on a kernel that was given up goes
// with no lock held.
void pool::leave(seat& mine, lock& held) {
  if (queue_.has_due()) queue_.ring_another();
  const std::shared_ptr<worker> kept = std::move(mine.keep);
  if (mine.thread.joinable()) retired_.push_back(std::move(mine.thread));
  seats_.remove_if([&](const seat& each) { return &each == &mine; });
  held.unlock();
}

void pool::start_thread() {
  seat& its = seats_.emplace_back();
  try {
    its.thread = std::thread([self = shared_from_this(), &its] {
      pthread_setname_np(pthread_self(), "rondo-pool");
      if (!self->processors_.apply())
        backend::log(RONDO_LOG_WARNING, "cpu", "the pool could not be bound to its processors");
      self->run(its);
    });
  } catch (...) {
    seats_.pop_back();
    throw;
  }
}

void pool::fill_up() {
  for (std::thread& each : retired_) each.join();  // it holds the mutex no more
  retired_.clear();
  while (running() < size_) start_thread();
}

// Threads that can take a kernel sooner or later.
std::uint32_t pool::running() const {
  return static_cast<std::uint32_t>(std::count_if(
      seats_.begin(), seats_.end(), [](const seat& s) { return !s.is_lost && !s.waits; }));
}

pool::seat* pool::seat_of(const worker& kernel) {
  const auto found = std::find_if(seats_.begin(), seats_.end(),
                                  [&](const seat& each) { return each.current == &kernel; });
  return found == seats_.end() ? nullptr : &*found;
}

// ---- threads that do not come back, or not soon

void pool::lose(seat& its) {
  if (its.is_lost) return;
  its.is_lost = true;
  if (its.thread.joinable()) its.thread.detach();
  try {
    fill_up();
  } catch (const std::exception& failed) {
    backend::log(RONDO_LOG_ERROR, "cpu",
                 std::string("a lost thread of the pool has no successor: ") + failed.what());
  }
}

void pool::lose_thread_of(const worker& kernel) {
  const lock held(mutex_);
  if (seat* its = seat_of(kernel)) lose(*its);
}

void pool::abandon(const std::shared_ptr<worker>& kernel) {
  {
    const lock held(mutex_);
    if (seat* its = seat_of(*kernel)) {
      its->keep = kernel;
      return lose(*its);
    }
  }
  withdraw(*kernel);
}

void pool::begin_wait(const worker& kernel) {
  const lock held(mutex_);
  seat* its = seat_of(kernel);
  if (its == nullptr) return;
  its->waits = true;
  try {
    fill_up();
  } catch (const std::exception&) {  // the others go on with fewer
  }
}

void pool::end_wait(const worker& kernel) {
  const lock held(mutex_);
  if (seat* its = seat_of(kernel)) its->waits = false;
}

// ---- handlers past their deadline

void pool::start_watching(const worker& kernel) {
  const std::uint64_t deadline = kernel.options().handler_deadline_ns;
  if (deadline == 0) return;
  shortest_deadline_ns_ = std::min(shortest_deadline_ns_, deadline);
  if (!watcher_.joinable()) watcher_ = std::thread([this] { watch(); });
}

// Sleeps while no kernel that has a deadline runs. Others would never look: a thread that waits for
// a reply looks after its own kernel, and that one may wait for a thread that is lost.
void pool::watch() {
  pthread_setname_np(pthread_self(), "rondo-watch");
  const auto is_watched = [](const seat& each) {
    return each.current != nullptr && !each.is_lost &&
           each.current->options().handler_deadline_ns != 0;
  };
  lock held(mutex_);
  while (!queue_.is_closing()) {
    watches_ = std::any_of(seats_.begin(), seats_.end(), is_watched);
    if (!watches_) {
      watch_.wait(held);
      continue;
    }
    const std::uint64_t period =
        std::clamp<std::uint64_t>(shortest_deadline_ns_ / 2, 1'000'000, 100'000'000);
    watch_.wait_for(held, std::chrono::nanoseconds(period), [&] { return queue_.is_closing(); });
    for (seat& each : seats_) {
      if (!is_watched(each) || !each.current->is_hung()) continue;
      each.current->give_up();
      each.current->order(command::abandon);
      lose(each);
    }
  }
}

}  // namespace rondo::cpu
