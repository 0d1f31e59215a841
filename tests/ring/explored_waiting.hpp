// What waiting is made of, below the explorer: rondo::ring::wait_platform with each operation a
// place where another thread may go on. A membarrier is what it is, a barrier in each of the
// threads at that moment; a light one holds back the compiler and nothing else. To be explored in
// sequential or buffered memory: waiting is for x86 hosts, where what is sequentially consistent
// waits for the stores before it.
#pragma once

#include "explorer.hpp"

#include <rondo/ring/wait.hpp>

#include <type_traits>

namespace rondo::test {

struct explored_waiting {  // outside of an exploration, plain loads and stores
  template <class T>
  static T load_relaxed(const T* p) {
    return load("load_relaxed", p, false);
  }
  template <class T>
  static T load_acquire(const T* p) {
    return load("load_acquire", p, true);
  }
  template <class T>
  static T load_seq_cst(const T* p) {
    return load("load_seq_cst", p, true);
  }
  template <class T>
  static void store_relaxed(T* p, std::type_identity_t<T> v) {
    store("store_relaxed", p, v, false);
  }
  template <class T>
  static void store_release(T* p, std::type_identity_t<T> v) {
    store("store_release", p, v, true);
  }
  template <class T>
  static void store_seq_cst(T* p, std::type_identity_t<T> v) {
    store("store_seq_cst", p, v, true);
    explorer* e = explorer::running();
    e->memory().barrier(e->self());
  }
  template <class T>
  static T exchange_acquire(T* p, std::type_identity_t<T> v) {
    return exchange(p, v);
  }
  template <class T>
  static T exchange_acq_rel(T* p, std::type_identity_t<T> v) {
    return exchange(p, v);
  }
  template <class T>
  static T exchange_seq_cst(T* p, std::type_identity_t<T> v) {
    return exchange(p, v);
  }
  template <class T>
  static bool compare_exchange_seq_cst(T* p, T& expected, std::type_identity_t<T> desired) {
    bool won = false;
    const T old = modify("compare_exchange", p, [&](T& value) {
      won = value == expected;
      if (won) value = desired;
      return won;
    });
    expected = old;
    return won;
  }
  static void increment_release(std::uint32_t* p) {
    modify("increment", p, [](std::uint32_t& value) { return ++value, true; });
  }

  static void light_barrier() {}
  static void heavy_barrier() {
    explorer* e = explorer::running();
    e->point("membarrier", nullptr);
    e->memory().settle();
  }
  // The look at the word and the sleep are one step.
  static void futex_wait(std::uint32_t* word, std::uint32_t expected, std::uint64_t deadline_ns) {
    explorer* e = explorer::running();
    e->memory().barrier(e->self());
    if (load("futex_wait", word, false) != expected) return;
    const bool ends = deadline_ns != ring::no_deadline;
    if (!e->sleep_at(word, ends) && clock_ns < deadline_ns) clock_ns = deadline_ns;
  }
  static void futex_wake(std::uint32_t* word, int count) {
    explorer* e = explorer::running();
    e->point("futex_wake", word);
    e->wake_at(word, static_cast<unsigned>(count));
  }
  // Time passes when somebody sleeps until then.
  static inline std::uint64_t clock_ns = 0;
  static std::uint64_t now_ns() { return clock_ns; }

 protected:
  template <class T>
  static T load(const char* name, const T* p, bool acquire) {
    explorer* e = explorer::running();
    if (e == nullptr) return *p;
    e->read_point(name, p);
    return e->read(p, e->memory().load(e->self(), p, acquire));
  }
  template <class T>
  static void store(const char* name, T* p, const T& v, bool release) {
    explorer* e = explorer::running();
    if (e == nullptr) return void(*p = v);
    e->point(name, p);
    e->memory().store(e->self(), p, v, release);
  }
  template <class T>
  static T exchange(T* p, T v) {
    return modify("exchange", p, [v](T& value) { return value = v, true; });
  }
  template <class T, class Change>
  static T modify(const char* name, T* p, Change&& change) {
    explorer* e = explorer::running();
    e->read_point(name, p);
    T old{};
    e->memory().modify(e->self(), p, true, [&](T& value) {
      old = e->read(p, value);
      return change(value);
    });
    return old;
  }
};

// A mutex for explored threads; locking and unlocking are full barriers, as on x86.
class explored_mutex {
 public:
  void lock() {
    explorer* e = explorer::running();
    e->memory().barrier(e->self());
    while (explored_waiting::exchange_acq_rel(&held_, 1) != 0) e->sleep_at(&held_);
  }
  void unlock() {
    explorer* e = explorer::running();
    explored_waiting::exchange_acq_rel(&held_, 0);
    e->wake_at(&held_, max_threads);
  }
  const std::uint32_t& word() const { return held_; }

 private:
  std::uint32_t held_ = 0;
};

}  // namespace rondo::test
