// When two orders lead to the same state, everything that can follow is the same: the second need
// not be followed. A state is what the future depends on: the bytes that the threads share, what
// each thread has learned so far, and who knows of which access to plain memory. The code of a
// thread is deterministic, so what it has learned says also where it stands; and no clock or count
// is part of a state, as those grow with every look that found nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

namespace rondo::test {

// Of 64 bits: among 10 million states two have the same name with a probability of 3 in a million.
inline std::uint64_t mixed(std::uint64_t h, std::uint64_t v) {
  h = (h ^ v ^ h >> 29) * 0x9e3779b97f4a7c15ull;
  return (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
}

// The memory that an exploration's threads share. Addresses differ from run to run; a place is
// called by the region it lies in and the offset there.
class shared_regions {
 public:
  static constexpr std::uint64_t unknown = ~std::uint64_t{0};

  void clear() { regions_.clear(); }
  void add(const void* p, std::size_t bytes) {
    regions_.push_back({static_cast<const std::byte*>(p), bytes});
  }
  std::uint64_t name_of(const void* p) const {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      const auto offset = at - reinterpret_cast<std::uintptr_t>(regions_[i].begin);
      if (offset < regions_[i].bytes) return i << 32 | offset;
    }
    return unknown;
  }
  std::uint64_t contents() const {
    std::uint64_t h = 0;
    for (const region& r : regions_)
      for (std::size_t i = 0; i < r.bytes; i += sizeof h) {
        std::uint64_t word = 0;
        std::memcpy(&word, r.begin + i, r.bytes - i < sizeof word ? r.bytes - i : sizeof word);
        h = mixed(h, word);
      }
    return h;
  }

 private:
  struct region {
    const std::byte* begin;
    std::size_t bytes;
  };
  std::vector<region> regions_;
};

class explored_states {
 public:
  enum class meeting {
    first,
    again,
    contradiction,  // the threads stand elsewhere than when it was met first
  };

  // `next` is what the threads are about to do, which must follow from the state: that it does is
  // how a thread is found out that knows more than it has said.
  meeting meet(std::uint64_t state, std::uint64_t next) {
    const auto [it, is_new] = met_.try_emplace(state, next);
    if (is_new) return meeting::first;
    return it->second == next ? meeting::again : meeting::contradiction;
  }
  std::uint64_t count() const { return met_.size(); }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> met_;
};

}  // namespace rondo::test
