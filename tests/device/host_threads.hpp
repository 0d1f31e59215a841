// The threads of one launch, on a host: a std::thread for each device thread, with barriers that
// ThreadSanitizer understands. It stands in for device/threads.hpp, so that the persistent kernel's
// loop runs where there is no GPU. A launch that is aborted leaves every barrier and nap by an
// exception: a broken loop fails its test, it does not hang it.
#pragma once

#include <rondo/ring/wait.hpp>

#include <atomic>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace rondo::test {

struct left_behind {};  // thrown where a thread waits when its launch is aborted

// Who waits where, for the message of a test that failed.
struct whereabouts {
  std::atomic<const char*> place{"not started"};
  std::atomic<std::uint64_t> steps{0};

  void at(const char* where) {
    place.store(where, std::memory_order_relaxed);
    steps.store(steps.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

// Nobody passes before all have come. With order relaxed it says nothing about memory, as the vote
// of a real warp: ThreadSanitizer then reports a loop that takes one for a barrier.
class meeting {
 public:
  explicit meeting(std::uint32_t parties) : parties_(parties) {}

  void wait(std::memory_order arrive, std::memory_order leave, const std::atomic<bool>& aborted) {
    const std::uint32_t round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, arrive) + 1 == parties_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.fetch_add(1, arrive);
      if (parties_ > 1) ring::futex_wake(word(), static_cast<int>(parties_));
    } else {
      // A futex of the host's: the deadline is how soon an abort is noticed.
      while (round_.load(leave) == round && !aborted.load(std::memory_order_relaxed))
        ring::futex_wait(word(), round, ring::now_ns() + 20'000'000);
    }
    if (aborted.load(std::memory_order_relaxed)) throw left_behind{};
  }

 private:
  std::uint32_t* word() { return reinterpret_cast<std::uint32_t*>(&round_); }

  const std::uint32_t parties_;
  std::atomic<std::uint32_t> arrived_{0};
  std::atomic<std::uint32_t> round_{0};
};

struct grid_shape {
  std::uint32_t blocks = 1;
  std::uint32_t threads = 1;
  // Lanes of a warp: 32 on a GPU. A smaller one shows the same paths with fewer threads.
  std::uint32_t warp = 32;

  std::uint32_t lanes() const { return threads < warp ? threads : warp; }
};

inline std::ostream& operator<<(std::ostream& out, const grid_shape& g) {
  return out << g.blocks << " blocks of " << g.threads << ", warps of " << g.warp;
}

// What the threads of one block share beside the loop's own memory.
struct host_block {
  explicit host_block(const grid_shape& shape)
      : block(shape.threads),
        warp(shape.lanes()),
        vote(shape.lanes()),
        dynamic(shape.threads * most_dynamic_bytes / sizeof(ring::chunk)) {}

  static constexpr std::size_t most_dynamic_bytes = 1024;  // for each thread

  meeting block, warp, vote;
  std::atomic<std::uint32_t> ballots[3]{};
  std::vector<ring::chunk> dynamic;
};

class host_threads {
 public:
  host_threads(const grid_shape& shape, std::uint32_t block, std::uint32_t thread, host_block& mine,
               const std::atomic<bool>& aborted, whereabouts& where)
      : shape_(shape),
        block_(block),
        thread_(thread),
        mine_(mine),
        aborted_(aborted),
        where_(where) {}

  std::uint32_t thread() const { return thread_; }
  std::uint32_t threads() const { return shape_.threads; }
  std::uint32_t block() const { return block_; }
  std::uint32_t blocks() const { return shape_.blocks; }
  std::uint32_t lanes() const { return shape_.lanes(); }
  bool in_first_warp() const { return thread_ < shape_.warp; }

  bool has_lane_for_each(std::uint32_t pieces) const { return pieces <= lanes(); }

  static std::uintptr_t place_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }
  static std::byte* at_place(std::uintptr_t place) { return reinterpret_cast<std::byte*>(place); }

  std::byte* dynamic_memory() const { return reinterpret_cast<std::byte*>(mine_.dynamic.data()); }

  void sync_warp() const {
    where_.at("sync_warp");
    mine_.warp.wait(std::memory_order_acq_rel, std::memory_order_acquire, aborted_);
  }
  void sync_block() const {
    where_.at("sync_block");
    mine_.block.wait(std::memory_order_acq_rel, std::memory_order_acquire, aborted_);
  }
  // Three ballots in turn: one is being read, one may be voted in already, and the third is cleared
  // before anybody can come to it.
  std::uint32_t any_of_warp(std::uint32_t bits) const {
    where_.at("any_of_warp");
    std::atomic<std::uint32_t>& ballot = mine_.ballots[votes_ % 3];
    ballot.fetch_or(bits, std::memory_order_relaxed);
    mine_.vote.wait(std::memory_order_relaxed, std::memory_order_relaxed, aborted_);
    const std::uint32_t all = ballot.load(std::memory_order_relaxed);
    if (thread_ == 0) mine_.ballots[(votes_ + 2) % 3].store(0, std::memory_order_relaxed);
    ++votes_;
    return all;
  }

  bool all_of_warp(bool mine) const { return host_threads::any_of_warp(mine ? 0 : 1) == 0; }
  std::uint32_t from_lane(std::uint32_t word, std::uint32_t lane) const {
    return host_threads::any_of_warp(thread_ == lane ? word : 0);
  }

  std::uint64_t now() const { return ring::now_ns(); }
  void nap(std::uint32_t ns) const {
    where_.at("nap");
    if (aborted_.load(std::memory_order_relaxed)) throw left_behind{};
    if (ns < 10'000) return std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
  }

  void add_in_block(std::uint64_t* counter, std::uint64_t n) const {
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
  }
  void min_in_block(std::uint32_t* least, std::uint32_t n) const {
    std::uint32_t seen = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (n < seen && !__atomic_compare_exchange_n(least, &seen, n, true, __ATOMIC_RELAXED,
                                                    __ATOMIC_RELAXED)) {
    }
  }

  std::uint64_t load_acquire(const std::uint64_t* p) const {
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
  }
  void store_release(std::uint64_t* p, std::uint64_t v) const {
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
  }
  void add_release(std::uint64_t* p, std::uint64_t v) const {
    __atomic_fetch_add(p, v, __ATOMIC_RELEASE);
  }

 private:
  const grid_shape& shape_;
  const std::uint32_t block_;
  const std::uint32_t thread_;
  host_block& mine_;
  const std::atomic<bool>& aborted_;
  whereabouts& where_;
  mutable std::uint32_t votes_ = 0;
};

// The threads of one launch: started when it is made, joined when it is destroyed. `Body` is called
// with each thread's host_threads and its block's number.
class host_grid {
 public:
  template <class X, class Body>
  static std::unique_ptr<host_grid> start(const grid_shape& shape, Body body) {
    auto grid = std::unique_ptr<host_grid>(new host_grid(shape));
    for (std::uint32_t b = 0; b < shape.blocks; ++b)
      for (std::uint32_t t = 0; t < shape.threads; ++t) grid->add<X>(b, t, body);
    return grid;
  }
  ~host_grid() {
    abort();
    for (auto& t : threads_) t.join();
  }

  bool is_done() const { return done_.load(std::memory_order_acquire) == threads_.size(); }
  // How often thread 0 has waited: a number that grows as long as the kernel lives.
  std::uint64_t steps() const { return where_[0].steps.load(std::memory_order_relaxed); }
  void abort() { aborted_.store(true, std::memory_order_relaxed); }

  // What every thread does; those that do the same are counted together.
  std::string describe() const {
    std::ostringstream out;
    out << shape_ << ", " << done_.load() << " of " << threads_.size() << " threads ended:";
    const std::size_t n = threads_.size();
    for (std::size_t i = 0; i < n; ++i)
      out << "\n  block " << i / shape_.threads << " thread " << i % shape_.threads << ": "
          << where_[i].place.load() << ", step " << where_[i].steps.load();
    return out.str();
  }

 private:
  explicit host_grid(const grid_shape& shape)
      : shape_(shape), where_(new whereabouts[shape.blocks * shape.threads]) {
    for (std::uint32_t b = 0; b < shape.blocks; ++b)
      blocks_.push_back(std::make_unique<host_block>(shape_));
  }

  template <class X, class Body>
  void add(std::uint32_t b, std::uint32_t t, Body body) {
    whereabouts& where = where_[b * shape_.threads + t];
    threads_.emplace_back([this, b, t, body, &where] {
      try {
        body(X(shape_, b, t, *blocks_[b], aborted_, where), b);
        where.at("ended");
      } catch (const left_behind&) {
        where.at("aborted");
      }
      done_.fetch_add(1, std::memory_order_release);
    });
  }

  const grid_shape shape_;
  std::atomic<bool> aborted_{false};
  std::atomic<std::size_t> done_{0};
  std::unique_ptr<whereabouts[]> where_;
  std::vector<std::unique_ptr<host_block>> blocks_;
  std::vector<std::thread> threads_;
};

}  // namespace rondo::test
