// The platform that the explorer puts below the ring: the same operations as rondo::ring::platform,
// each of them a place where another thread may go on. Outside an exploration it is the real
// platform.
#pragma once

#include "explorer.hpp"

namespace rondo::test {

struct explored_platform {
  using real = ring::platform;

  static std::uint64_t load_relaxed(const std::uint64_t* p) {
    return explorer::running() ? load("load_relaxed", p, false) : real::load_relaxed(p);
  }
  static std::uint64_t load_acquire(const std::uint64_t* p) {
    return explorer::running() ? load("load_acquire", p, true) : real::load_acquire(p);
  }
  static void store_relaxed(std::uint64_t* p, std::uint64_t v) {
    explorer::running() ? store("store_relaxed", p, v, false) : real::store_relaxed(p, v);
  }
  static void store_release(std::uint64_t* p, std::uint64_t v) {
    explorer::running() ? store("store_release", p, v, true) : real::store_release(p, v);
  }

  static bool compare_exchange(std::uint64_t* p, std::uint64_t& expected, std::uint64_t desired) {
    explorer* e = explorer::running();
    if (e == nullptr) return real::compare_exchange(p, expected, desired);
    e->read_point("compare_exchange", p);
    bool won = false;
    e->memory().modify(e->self(), p, false, [&](std::uint64_t& value) {
      won = value == expected;
      expected = e->read(p, value);
      if (won) value = desired;
      return won;
    });
    return won;
  }

  static std::uint64_t exchange_acq_rel(std::uint64_t* p, std::uint64_t v) {
    return explorer::running() ? exchange(p, v, true) : real::exchange_acq_rel(p, v);
  }

  // The tag orders the content, so the model gives chunks no more than a device does: relaxed.
  static ring::chunk load_chunk(const ring::chunk* p) {
    return explorer::running() ? load("load_chunk", p, false) : real::load_chunk(p);
  }
  static void store_chunk(ring::chunk* p, const ring::chunk& c) {
    explorer::running() ? store("store_chunk", p, c, false) : real::store_chunk(p, c);
  }

  // As four chunks, because that is all that the ring relies on.
  static void store_line(ring::chunk* p, const ring::chunk* four) {
    for (int k = 4; k-- > 0;) store_chunk(p + k, four[k]);
  }
  static void flush_lines() {}

  static void prefetch_to_write(const void*) {}
  static void prefetch(const void*) {}
  static void pause() {}

 protected:
  template <class T>
  static T load(const char* name, const T* p, bool acquire) {
    explorer* e = explorer::running();
    e->read_point(name, p);
    return e->read(p, e->memory().load(e->self(), p, acquire));
  }
  template <class T>
  static void store(const char* name, T* p, const T& value, bool release) {
    explorer* e = explorer::running();
    e->point(name, p);
    e->memory().store(e->self(), p, value, release);
  }
  static std::uint64_t exchange(std::uint64_t* p, std::uint64_t v, bool acquire_release) {
    explorer* e = explorer::running();
    e->read_point("exchange", p);
    std::uint64_t old = 0;
    e->memory().modify(e->self(), p, acquire_release, [&](std::uint64_t& value) {
      old = e->read(p, value);
      value = v;
      return true;
    });
    return old;
  }
};

}  // namespace rondo::test
