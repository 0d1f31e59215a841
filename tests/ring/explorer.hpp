// Runs a few small threads again and again, each time in another order, until every order with at
// most a given number of preemptions, and of reads that come before another's store has arrived,
// was tried. The threads run the real ring code with explored_platform for its platform; each of
// its operations is a point at which another thread may go on. A thread that finds nothing to do
// waits until others have changed something; when nobody can go on and somebody still waits, a
// publication was lost.
#pragma once

#include "explorer_memory.hpp"
#include "fiber.hpp"

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace rondo::test {

struct exploration_limits {
  unsigned preemptions = 2;  // switches away from a thread that could go on
  memory_model memory = memory_model::sequential;
  unsigned delays = 0;  // reads that do not get what another thread has stored already
  std::uint64_t runs = 3'000'000;
};

struct exploration_result {
  std::uint64_t runs = 0;
  bool complete = false;  // every order within the limits was tried
  std::string violation;  // what went wrong and how it came about; empty if nothing did
};

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
    do {
      begin_run(set_up);
      schedule(nobody);
      running_ = nullptr;
      if (!ended_ && at_end_) at_end_();
      ++result.runs;
      result.violation = violation_;
      result.complete = violation_.empty() && !next_path();
    } while (violation_.empty() && !result.complete && result.runs < limits_.runs);
    at_end_ = nullptr;
    for (auto& t : threads_) t.body = nullptr;
    return result;
  }

  // ---- for set_up ----
  void thread(std::function<void()> body) { threads_.at(thread_count_++).body = std::move(body); }
  void at_end(std::function<void()> check) { at_end_ = std::move(check); }

  // ---- for the threads ----
  // Ends the run, and the exploration, if `good` is false.
  void require(bool good, const char* what) {
    if (good) return;
    report(what);
    if (running_ != nullptr) throw run_ended{};
  }
  // Take `seen` before looking; wait(seen) after a look that found nothing.
  std::uint64_t seen() const { return memory_.news_for(self_); }
  void wait(std::uint64_t seen) {
    threads_[self_].waits = true;
    threads_[self_].seen = seen;
    if (!can_run(self_)) schedule(self_);
    threads_[self_].waits = false;
    if (ended_) throw run_ended{};
  }
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
    schedule(self_);
    if (ended_) throw run_ended{};
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
  struct explored_thread {
    std::function<void()> body;
    std::unique_ptr<fiber> stack;
    bool started = false;
    bool finished = false;
    bool waits = false;
    std::uint64_t seen = 0;
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
      threads_[t].finished = t >= thread_count_;
    }
    running_ = this;
  }

  static void thread_main(void* argument) {
    auto& me = *static_cast<explorer*>(argument);
    for (;;) {
      explored_thread& t = me.threads_[me.self_];
      t.started = true;
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
    return !thread.finished && (!thread.waits || memory_.news_for(t) != thread.seen);
  }

  // Decide who goes on; returns when that is `me`, or when the run has ended.
  void schedule(unsigned me) {
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
  unsigned thread_count_ = 0;
  unsigned self_ = nobody;
  unsigned preemptions_ = 0;
  unsigned delays_ = 0;
  bool ended_ = false;
  std::string violation_;
  std::vector<choice> path_;
  std::size_t depth_ = 0;
  std::vector<unsigned> options_;
  std::vector<step> trace_;
};

}  // namespace rondo::test
