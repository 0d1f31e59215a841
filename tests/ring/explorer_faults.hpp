// Platforms that break one promise each that the ring is built on.
#pragma once

#include "explored_platform.hpp"

#include <rondo/ring/protocol.hpp>

#include <array>
#include <cstring>

namespace rondo::test {

struct claim_in_two_steps : explored_platform {
  static bool compare_exchange(std::uint64_t* p, std::uint64_t& expected, std::uint64_t desired) {
    const std::uint64_t now = load_relaxed(p);
    if (now != expected) return expected = now, false;
    store_relaxed(p, desired);
    return true;
  }
};

struct exchange_in_two_steps : explored_platform {
  static std::uint64_t exchange_acq_rel(std::uint64_t* p, std::uint64_t v) {
    const std::uint64_t old = load_acquire(p);
    store_release(p, v);
    return old;
  }
};

struct mark_dropped_by_a_plain_store : explored_platform {
  static std::uint64_t exchange_acq_rel(std::uint64_t* p, std::uint64_t v) {
    if (v != 0) return explored_platform::exchange_acq_rel(p, v);
    store_release(p, v);
    return 0;
  }
};

struct publication_without_release : explored_platform {
  static void store_release(std::uint64_t* p, std::uint64_t v) { store_relaxed(p, v); }
};

struct look_without_acquire : explored_platform {
  static std::uint64_t load_acquire(const std::uint64_t* p) { return load_relaxed(p); }
};

struct mark_without_order : explored_platform {
  static std::uint64_t exchange_acq_rel(std::uint64_t* p, std::uint64_t v) {
    return explorer::running() ? exchange(p, v, false) : real::exchange_acq_rel(p, v);
  }
};

struct chunk_in_halves : explored_platform {
  static void store_chunk(ring::chunk* p, const ring::chunk& c) {
    std::uint64_t halves[2];
    std::memcpy(halves, &c, sizeof halves);
    auto* to = reinterpret_cast<std::uint64_t*>(p);
    store_relaxed(to + 1, halves[1]);  // the one with the tag
    store_relaxed(to, halves[0]);
  }
};

// ---- where a thread is inside of a run, one end of one label is without its order ----

enum class ring_place { word, head, tail, cached_head };
enum class end_of { release, acquire };

template <ring_place Place, end_of End>
struct run_without_order : explored_platform {
  static inline ring::view broken;
  static inline std::array<bool, max_threads> is_inside{};

  static std::uint64_t load_acquire(const std::uint64_t* p) {
    return End == end_of::acquire && is_broken(p) ? load_relaxed(p)
                                                  : explored_platform::load_acquire(p);
  }
  static void store_release(std::uint64_t* p, std::uint64_t v) {
    End == end_of::release&& is_broken(p) ? store_relaxed(p, v)
                                          : explored_platform::store_release(p, v);
  }

 private:
  static bool is_broken(const std::uint64_t* p) {
    return explorer::running() != nullptr && is_inside.at(explorer::running()->self()) &&
           is_at_place(p);
  }
  static bool is_at_place(const std::uint64_t* p) {
    switch (Place) {
      case ring_place::word: {
        const auto* at = reinterpret_cast<const std::byte*>(p);
        return at >= broken.slots && at < broken.slots + broken.shape.slots_bytes();
      }
      case ring_place::head: return p == &broken.consumer->head;
      case ring_place::tail: return p == &broken.producer->tail;
      case ring_place::cached_head: return p == &broken.claim->cached_head;
    }
    return false;
  }
};

}  // namespace rondo::test
