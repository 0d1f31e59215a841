// A pool for the explorer: its queue is the real one, its threads do what pool::run() does, and its
// kernels count what senders send them.
#pragma once

#include "explored_waiting.hpp"

#include <cpu/run_queue.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <ostream>

namespace rondo::test {

struct pool_scenario {
  unsigned senders = 1;
  unsigned kernels = 1;
  unsigned threads = 1;
  std::uint64_t messages = 1;  // of each sender, the i-th to kernel i mod kernels
  std::uint64_t wake_at = 0;   // each kernel waits for this time too
  bool stops = true;           // else a kernel is over when it has all messages
};

inline std::ostream& operator<<(std::ostream& out, const pool_scenario& s) {
  return out << s.senders << " senders × " << s.messages << ", " << s.kernels << " kernels, "
             << s.threads << " threads" << (s.wake_at != 0 ? ", timers" : "")
             << (s.stops ? "" : ", not stopped");
}

inline constexpr unsigned most_kernels = 2;
inline constexpr unsigned most_senders = 2;

// A kernel that counts what it was sent, one message in a turn, and is over when it has them all
// and, unless nobody will stop it, was told to.
template <class P>
class counting_kernel {
 public:
  enum class turn_end { more, idle, over };

  cpu::pool_place place;
  ring::wake_line* line() { return &line_; }
  const ring::wake_line& line() const { return line_; }

  void set_up(explorer& e, std::uint64_t name, const pool_scenario& s) {
    explorer_ = &e;
    name_ = name;
    timer_ = s.wake_at;
    senders_ = s.senders;
    needs_stop_ = s.stops;
    for (std::uint64_t i = 0; i < s.messages; ++i)
      expected_ += i % s.kernels == name ? s.senders : 0;
    e.share(this, sizeof *this);
  }

  // By senders.
  void send(unsigned sender, std::uint64_t count) {
    P::store_release(&sent_[sender], count);
    ring::wake_if_parked<P>(&line_);
  }
  void order_stop() {
    P::store_release(&stop_, 1);
    ring::wake<P>(&line_);
  }

  // By whoever has it.
  bool has_work() {
    use();
    if (P::load_acquire(&stop_) != acted_) return true;
    return sent() != handled_;
  }
  turn_end turn() {
    explorer_->require(!is_running_, "a kernel is run by two threads");
    explorer_->require(!is_over_, "a kernel is run after its end");
    is_running_ = true;
    use();
    const turn_end end = take_turn();
    use();
    is_over_ = end == turn_end::over;
    is_running_ = false;
    return end;
  }
  std::uint64_t due() const { return timer_; }
  bool is_running() const { return is_running_; }

 protected:
  std::uint64_t stop_ = 0;

 private:
  void use() {
    explorer_->plain_write(name_);
    explorer_->learn(handled_ << 32 | acted_ << 16 | timer_);
  }
  std::uint64_t sent() const {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < senders_; ++i) sum += P::load_acquire(&sent_[i]);
    return sum;
  }
  turn_end take_turn() {
    acted_ = P::load_acquire(&stop_);
    if (timer_ != 0 && P::now_ns() >= timer_) timer_ = 0;
    if (sent() != handled_) {
      ++handled_;
      return turn_end::more;
    }
    const bool may_end = acted_ != 0 || !needs_stop_;
    return may_end && handled_ == expected_ && timer_ == 0 ? turn_end::over : turn_end::idle;
  }

  ring::wake_line line_{};
  explorer* explorer_ = nullptr;
  std::uint64_t name_ = 0;
  std::uint64_t sent_[most_senders]{};
  std::uint64_t acted_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t expected_ = 0;
  std::uint64_t senders_ = 0;
  std::uint64_t timer_ = 0;
  bool is_running_ = false;
  bool is_over_ = false;
  bool needs_stop_ = true;
};

template <class Kernel, class P>
class open_queue : public cpu::run_queue<Kernel, P> {
 public:
  void share_with(explorer& e) const { e.share(&this->woken_, sizeof this->woken_); }
  std::uint64_t contents(const Kernel* first) const {
    std::uint64_t h = this->sleeping_ + (this->is_rung_ ? 100 : 0) + (this->is_closing_ ? 200 : 0);
    for (const Kernel* k : this->due_) h = mixed(h, static_cast<std::uint64_t>(k - first) + 1);
    for (const auto& [at, k] : this->timers_)
      h = mixed(h, at << 8 | static_cast<std::uint64_t>(k - first));
    return mixed(h, this->kept_until_);
  }
  // In the queue, on the list, idle, or running: how often in all.
  std::size_t places_of(const Kernel& kernel) const {
    auto n = static_cast<std::size_t>(std::count(this->due_.begin(), this->due_.end(), &kernel));
    for (const ring::wake_line* l = this->woken_.newest; l != nullptr; l = l->next)
      n += l == &kernel.line() ? 1 : 0;
    return n + (kernel.line().waiting == ring::pooled ? 1 : 0) + (kernel.is_running() ? 1 : 0);
  }
};

// One run's pool, kernels and senders. They stay at one address in all runs, because pointers are
// part of the state.
template <class P, template <class> class Kernel>
class pool_run {
 public:
  using kernel = Kernel<P>;

  pool_run(explorer& e, const pool_scenario& s) : explorer_(e), scenario_(s) {
    explored_waiting::clock_ns = 0;
    queue_.share_with(e);
    e.share(&mutex_, sizeof mutex_);
    e.share(&explored_waiting::clock_ns, sizeof explored_waiting::clock_ns);
    e.share([this] { return contents(); });
    for (unsigned k = 0; k < s.kernels; ++k) kernels_[k].set_up(e, k, s);
    // Before anything is explored, as if by the thread that launched them.
    for (unsigned k = 0; k < s.kernels; ++k) {
      queue_.enlist(kernels_[k]);
      queue_.add(kernels_[k]);
    }
    for (unsigned t = 0; t < s.threads; ++t) e.thread([this] { serve(); });
    for (unsigned t = 0; t < s.senders; ++t) e.thread([this, t] { send(t); });
  }

  void check_end() { explorer_.require(over_ == scenario_.kernels, "a kernel is not over"); }

 private:
  // What the thread then reads of the queue is what it holds now.
  class hold {
   public:
    explicit hold(pool_run& run) : run_(run) { lock(); }
    void lock() {
      run_.mutex_.lock();
      run_.explorer_.learn(run_.contents());
    }
    void unlock() {
      run_.check_places();
      run_.mutex_.unlock();
    }

   private:
    pool_run& run_;
  };

  std::uint64_t contents() const { return mixed(queue_.contents(kernels_), over_); }
  void check_places() {
    for (unsigned k = 0; k < scenario_.kernels; ++k)
      explorer_.require(queue_.places_of(kernels_[k]) <= 1, "a kernel is in two places");
  }

  // With the mutex held, all that a thread knows is what the queue holds.
  void serve() {
    hold held(*this);
    while (!queue_.is_closing() || queue_.has_due()) {
      explorer_.knows_only(contents());
      kernel* const next = queue_.take_next();
      if (next == nullptr) {
        if (!queue_.is_closing()) queue_.sleep(held);
        continue;
      }
      if (queue_.has_more()) queue_.ring_another();
      held.unlock();
      explorer_.knows_only(static_cast<std::uint64_t>(next - kernels_));
      const auto end = next->turn();
      held.lock();
      queue_.collect();
      if (end != kernel::turn_end::over)
        queue_.put_back(*next, end == kernel::turn_end::idle, next->due());
      else if (++over_ == scenario_.kernels) queue_.close(max_threads);
    }
    held.unlock();
  }

  void send(unsigned sender) {
    std::array<std::uint64_t, most_kernels> sent{};
    for (std::uint64_t i = 0; i < scenario_.messages; ++i) {
      explorer_.knows_only(i);
      const std::uint64_t k = i % scenario_.kernels;
      kernels_[k].send(sender, ++sent[k]);
    }
    if (sender == 0 && scenario_.stops)
      for (unsigned k = 0; k < scenario_.kernels; ++k) kernels_[k].order_stop();
  }

  explorer& explorer_;
  const pool_scenario scenario_;
  explored_mutex mutex_;
  open_queue<kernel, P> queue_;
  kernel kernels_[most_kernels];
  unsigned over_ = 0;
};

template <class P, template <class> class Kernel = counting_kernel>
exploration_result explore(const pool_scenario& s, const exploration_limits& limits) {
  explorer e(limits);
  using run = pool_run<P, Kernel>;
  alignas(run) static std::byte place[sizeof(run)];
  run* now = nullptr;
  const exploration_result r = e.explore([&](explorer& each) {
    if (now != nullptr) now->~run();
    std::memset(place, 0, sizeof place);  // also what lies between its members
    now = ::new (place) run(each, s);
    each.at_end([&now] { now->check_end(); });
  });
  if (now != nullptr) now->~run();
  return r;
}

}  // namespace rondo::test
