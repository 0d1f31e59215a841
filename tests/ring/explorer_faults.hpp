// Platforms that break one promise each that the ring is built on.
#pragma once

#include "explored_platform.hpp"

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

}  // namespace rondo::test
