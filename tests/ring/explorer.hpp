// Runs a few small threads again and again, each time in another order, until every order with at
// most a given number of preemptions, and of reads that come before another's store has arrived,
// was tried; or, where the limits say so, every order at all, following those that lead to the same
// state only once. The threads run the real ring code with explored_platform for its platform; each
// of its operations is a point at which another thread may go on. A thread that finds nothing to do
// waits until others have changed something; when nobody can go on and somebody still waits, a
// publication was lost.
#pragma once

#include "exploration.hpp"
#include "explorer_memory.hpp"
#include "fiber.hpp"

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace rondo::test {

class explorer {
 public:
  // The explorer whose thread is running, or nullptr.
  static explorer* running() { return running_; }

  explicit explorer(exploration_limits limits) : limits_(limits) {
    for (auto& t : threads_) t.stack = std::make_unique<fiber>(&explorer::thread_main, this);
  }

  // `set_up` makes everything anew for each run, and names the threads and what must hold at the
  // end.
  exploration_result explore(const std::function<void(explorer&)>& set_up) {
    exploration_result result;
    path_.clear();
    states_ = {};
    do {
      begin_run(set_up);
      schedule(nobody);
      running_ = nullptr;
      if (!ended_ && at_end_) at_end_();
      ++result.runs;
      result.violation = violation_;
      result.complete = violation_.empty() && !next_path();
    } while (violation_.empty() && !result.complete && result.runs < limits_.runs);
    result.states = states_.count();
    at_end_ = nullptr;
    contents_ = nullptr;
    for (auto& t : threads_) t.body = nullptr;
    return result;
  }

  // ---- for set_up ----
  void thread(std::function<void()> body) { threads_.at(thread_count_++).body = std::move(body); }
  void at_end(std::function<void()> check) { at_end_ = std::move(check); }
  // Where states are merged: all memory that several threads use.
  void share(const void* p, std::size_t bytes) { memory_.regions.add(p, bytes); }
  // And what of it is not bytes in one place.
  void share(std::function<std::uint64_t()> contents) { contents_ = std::move(contents); }

  // ---- for the threads ----
  // Ends the run, and the exploration, if `good` is false.
  void require(bool good, const char* what) {
    if (good) return;
    report(what);
    if (running_ != nullptr) throw run_ended{};
  }
  // Take seen() before looking; wait() for it after a look that found nothing and left the thread
  // as it was. It looks again when others have changed something; where states are merged, when
  // what it looked at has another value: until then it would see the same, and store the same.
  struct sight {
    std::uint64_t news;
    std::uint64_t learned;
  };
  sight seen() {
    threads_[self_].looked_at.clear();
    return {memory_.news_for(self_), threads_[self_].learned};
  }
  void wait(const sight& seen) {
    threads_[self_].waits = true;
    threads_[self_].seen = seen.news;
    if (!can_run(self_)) schedule(self_);
    threads_[self_].waits = false;
    threads_[self_].learned = seen.learned;
    if (ended_) throw run_ended{};
  }
  // Until another thread wakes those that sleep there, or, where it may, by itself; false if so.
  bool sleep_at(const void* place, bool may_get_up = false) {
    threads_[self_].sleeps_at = place;
    threads_[self_].may_get_up = may_get_up;
    schedule(self_);
    const bool is_woken = threads_[self_].sleeps_at == nullptr;
    threads_[self_].sleeps_at = nullptr;
    if (ended_) throw run_ended{};
    learn(is_woken ? 4 : 5);
    return is_woken;
  }
  // If not all, every choice of those that sleep is tried.
  void wake_at(const void* place, unsigned count) {
    std::vector<unsigned> sleepers;
    for (unsigned t = 0; t < thread_count_; ++t)
      if (threads_[t].sleeps_at == place) sleepers.push_back(t);
    for (; count > 0 && !sleepers.empty(); --count) {
      const auto left = static_cast<unsigned>(sleepers.size());
      const unsigned which = left <= count ? 0 : choose(left);
      threads_[sleepers[which]].sleeps_at = nullptr;
      sleepers.erase(sleepers.begin() + which);
    }
  }
  // Where states are merged: what the thread has found otherwise than through explored_platform.
  void learn(std::uint64_t what) { threads_[self_].learned = mixed(threads_[self_].learned, what); }
  // The same: all that the thread does from here on follows from `what`, not from what it has seen.
  void knows_only(std::uint64_t what) { threads_[self_].learned = mixed(3, what); }
  void plain_write(std::uint64_t slot) {
    require(memory_.plain_write(self_, slot), "a slot is written while another thread may use it");
  }
  void plain_read(std::uint64_t slot) {
    require(memory_.plain_read(self_, slot), "a slot is read that may not be written yet");
  }

  // ---- for explored_platform ----
  void point(const char* operation, const void* at) {
    if (ended_) throw run_ended{};
    require(trace_.size() < max_steps, "the run does not end");
    threads_[self_].next = at;
    schedule(self_);
    if (ended_) throw run_ended{};
    learn(1);
    trace_.push_back({self_, operation, at});
  }
  // Also before a read: which of the stores on their way are seen.
  void read_point(const char* operation, const void* at) {
    point(operation, at);
    memory_.arrive(
        self_, at, [this](unsigned writers) { return choose(writers); },
        [this, at](unsigned stores) {
          const unsigned late = delays_ < limits_.delays ? choose(stores + 1) : 0;
          if (late > 0) ++delays_;
          if (late > 0) trace_.push_back({self_, "(reads an old value)", at});
          return late;
        });
  }
  // What was read there.
  template <class T>
  T read(const void* at, const T& value) {
    looked look{at, {}, sizeof value};
    std::memcpy(look.bytes.data(), &value, sizeof value);
    for (std::uint64_t part : look.bytes) learn(part);
    threads_[self_].looked_at.push_back(look);
    return value;
  }
  explorer_memory& memory() { return memory_; }
  unsigned self() const { return self_; }

 private:
  static constexpr unsigned nobody = max_threads;
  static constexpr std::size_t max_steps = 2000;

  struct run_ended {};
  struct choice {
    unsigned taken;
    unsigned options;
  };
  struct step {
    unsigned thread;
    const char* operation;
    const void* at;
  };
  struct looked {
    const void* at;
    std::array<std::uint64_t, 2> bytes;
    std::size_t size;
  };
  struct explored_thread {
    std::function<void()> body;
    std::unique_ptr<fiber> stack;
    bool started = false;
    bool finished = false;
    bool waits = false;
    const void* sleeps_at = nullptr;
    bool may_get_up = false;
    std::uint64_t seen = 0;
    std::uint64_t learned = 0;
    std::vector<looked> looked_at;  // since seen()
    const void* next = nullptr;     // where its next operation is
  };

  void begin_run(const std::function<void(explorer&)>& set_up) {
    thread_count_ = 0;
    depth_ = 0;
    preemptions_ = delays_ = 0;
    ended_ = false;
    violation_.clear();
    trace_.clear();
    memory_.reset(limits_.memory);
    set_up(*this);
    for (unsigned t = 0; t < max_threads; ++t) {
      threads_[t].started = threads_[t].waits = false;
      threads_[t].learned = 0;
      threads_[t].sleeps_at = nullptr;
      threads_[t].next = nullptr;
      threads_[t].finished = t >= thread_count_;
    }
    running_ = this;
  }

  static void thread_main(void* argument) {
    auto& me = *static_cast<explorer*>(argument);
    for (;;) {
      explored_thread& t = me.threads_[me.self_];
      t.started = true;
      me.learn(2);
      try {
        t.body();
      } catch (const run_ended&) {
      }
      t.finished = true;
      me.leave();
    }
  }

  // A body has ended: go on with another thread. Comes back when the next run begins.
  void leave() {
    const unsigned me = self_;
    if (!ended_) schedule(me);
    if (!ended_ || !threads_[me].finished) return;
    // The others must leave their stacks too: each gets run_ended where it stands.
    for (unsigned t = 0; t < max_threads; ++t)
      if (!threads_[t].finished && threads_[t].started) return switch_from(me, t);
    switch_from(me, nobody);
  }

  bool can_run(unsigned t) const {
    const explored_thread& thread = threads_[t];
    if (thread.finished || (thread.sleeps_at != nullptr && !thread.may_get_up)) return false;
    if (!thread.waits) return true;
    if (!limits_.merges) return memory_.news_for(t) != thread.seen;
    for (const looked& l : thread.looked_at)
      if (memory_.may_differ(t, l.at, l.bytes.data(), l.size)) return true;
    return false;
  }

  // Whether all that can follow was, or will be, tried from where this state was met before. While
  // a run repeats the choices of the last one it meets the same states.
  bool is_known_state(unsigned me) {
    if (!limits_.merges || depth_ < path_.size()) return false;
    std::uint64_t state = mixed(memory_.state(), delays_);
    if (contents_) state = mixed(state, contents_());
    if (limits_.preemptions != no_limit) state = mixed(state, preemptions_ * 8 + me);
    std::uint64_t next = 0;
    for (unsigned t = 0; t < thread_count_; ++t) {
      const explored_thread& thread = threads_[t];
      state = mixed(state, thread.learned + (thread.finished ? 1 : 0) + (thread.waits ? 2 : 0) +
                               (thread.sleeps_at != nullptr ? 4 : 0));
      const bool goes_on = can_run(t) && !thread.waits && thread.started;
      next = mixed(next, goes_on ? memory_.regions.name_of(thread.next) : can_run(t) ? 1 : 0);
      if (goes_on && thread.next != nullptr &&
          memory_.regions.name_of(thread.next) == shared_regions::unknown)
        report("a place is used that was not said to be shared");
    }
    const auto met = states_.meet(state, next);
    if (met == explored_states::meeting::contradiction)
      report("a thread knows what the explorer was not told");
    return met == explored_states::meeting::again;
  }

  // Decide who goes on; returns when that is `me`, or when the run has ended.
  void schedule(unsigned me) {
    if (is_known_state(me)) ended_ = true;
    if (ended_) return;
    const bool free = me == nobody || !can_run(me);
    list_options(me, free || preemptions_ < limits_.preemptions);
    if (options_.empty() && memory_.settle()) list_options(me, true);
    if (options_.empty()) {
      if (!all_finished()) report("nobody can go on, and somebody still waits");
      if (!ended_) switch_from(me, nobody);
      return;
    }
    const unsigned taken = choose(static_cast<unsigned>(options_.size()));
    if (!free && taken != 0) ++preemptions_;
    if (options_[taken] != me) switch_from(me, options_[taken]);
  }

  void list_options(unsigned me, bool others) {
    options_.clear();
    if (me != nobody && can_run(me)) options_.push_back(me);
    for (unsigned t = 0; others && t < thread_count_; ++t)
      if (t != me && can_run(t)) options_.push_back(t);
  }

  unsigned choose(unsigned options) {
    if (options == 1) return 0;
    if (depth_ == path_.size()) path_.push_back({0, options});
    if (path_[depth_].options != options)
      std::abort();  // a run is not what it was: a test is broken
    return path_[depth_++].taken;
  }
  bool next_path() {
    while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
  }

  bool all_finished() const {
    for (const auto& t : threads_)
      if (!t.finished) return false;
    return true;
  }

  void switch_from(unsigned me, unsigned next) {
    fiber& from = me == nobody ? caller_ : *threads_[me].stack;
    self_ = next;
    from.switch_to(next == nobody ? caller_ : *threads_[next].stack);
  }

  void report(const char* what) {
    if (ended_ || !violation_.empty()) return;
    ended_ = true;
    std::ostringstream text;
    text << what << "; thread and operation, in order:";
    for (const step& s : trace_) {
      text << "\n  " << s.thread << " " << s.operation;
      if (s.at != nullptr) text << " @" << (reinterpret_cast<std::uintptr_t>(s.at) & 0xfff);
    }
    violation_ = text.str();
  }

  static inline explorer* running_ = nullptr;

  exploration_limits limits_;
  explorer_memory memory_;
  fiber caller_;
  std::array<explored_thread, max_threads> threads_;
  std::function<void()> at_end_;
  std::function<std::uint64_t()> contents_;
  unsigned thread_count_ = 0;
  unsigned self_ = nobody;
  unsigned preemptions_ = 0;
  unsigned delays_ = 0;
  bool ended_ = false;
  std::string violation_;
  explored_states states_;
  std::vector<choice> path_;
  std::size_t depth_ = 0;
  std::vector<unsigned> options_;
  std::vector<step> trace_;
};

}  // namespace rondo::test
