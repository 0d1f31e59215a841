// The memory that explored threads share. It knows two things that real memory hides: stores that
// have not reached the other threads yet, and which accesses the release and acquire operations
// order. A store waits until somebody reads its place; the reader then gets it or, if the
// exploration allows, an older value once more. Values live at their real addresses; everything
// runs in one real thread.
#pragma once

#include "exploration.hpp"
#include "explored_states.hpp"

#include <rondo/ring/platform.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace rondo::test {

constexpr unsigned max_threads = 4;

// time_[t]: how much of thread t happened before.
class vector_clock {
 public:
  void join(const vector_clock& other) {
    for (unsigned t = 0; t < max_threads; ++t) time_[t] = std::max(time_[t], other.time_[t]);
  }
  void tick(unsigned t) { ++time_[t]; }
  std::uint32_t of(unsigned t) const { return time_[t]; }

 private:
  std::array<std::uint32_t, max_threads> time_{};
};

// A few dozen entries, emptied for every run.
template <class Key, class Value>
class small_map {
 public:
  Value& operator[](const Key& key) {
    for (auto& e : entries_)
      if (e.first == key) return e.second;
    return entries_.emplace_back(key, Value{}).second;
  }
  void clear() { entries_.clear(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<std::pair<Key, Value>> entries_;
};

class explorer_memory {
 public:
  void reset(memory_model model) {
    model_ = model;
    regions.clear();
    places_.clear();
    cells_.clear();
    for (unsigned t = 0; t < max_threads; ++t) {
      threads_[t].stores.clear();
      threads_[t].news = 0;
      threads_[t].clock = {};
      threads_[t].clock.tick(t);
    }
  }

  // Call before each read by `self`. choose(n) picks one of n orders; delay(n) says how many of the
  // newest n stores of one thread to this place still have not arrived.
  template <class Choose, class Delay>
  void arrive(unsigned self, const void* p, Choose&& choose, Delay&& delay) {
    std::array<unsigned, max_threads> writers{};
    unsigned count = 0;
    for (unsigned t = 0; t < max_threads; ++t)
      if (t != self && waiting_at(t, p) > 0) writers[count++] = t;
    for (; count > 0; --count) {
      const unsigned pick = choose(count);
      const unsigned t = writers[pick];
      writers[pick] = writers[count - 1];
      const std::size_t late = delay(static_cast<unsigned>(waiting_at(t, p)));
      while (waiting_at(t, p) > late) flush_first_at(t, p);
    }
  }

  template <class T>
  T load(unsigned self, const T* p, bool acquire) {
    const store_entry* const own = newest_at(self, p);
    T value;
    if (own != nullptr) {
      std::memcpy(&value, own->bytes.data(), sizeof value);
      return value;
    }
    std::memcpy(&value, p, sizeof value);
    if (acquire) threads_[self].clock.join(places_[p]);
    return value;
  }

  template <class T>
  void store(unsigned self, T* p, const T& value, bool release) {
    thread_state& me = threads_[self];
    const T before = load(self, p, false);
    if (std::memcmp(&before, &value, sizeof value) != 0) ++me.news;
    store_entry entry{p, {}, sizeof value, release, {}};
    std::memcpy(entry.bytes.data(), &value, sizeof value);
    if (release) {
      entry.clock = me.clock;
      me.clock.tick(self);
    }
    if (model_ == memory_model::sequential) return show(self, entry);
    me.stores.push_back(entry);
  }

  // `change` gets the old value and returns whether to store, and changes it to what. Release waits
  // for all earlier stores; on x86 every read-modify-write does.
  template <class T, class Change>
  void modify(unsigned self, T* p, bool acquire_release, Change&& change) {
    thread_state& me = threads_[self];
    if (acquire_release || model_ == memory_model::buffered) flush_all(self);
    while (waiting_at(self, p) > 0) flush_first_at(self, p);
    vector_clock& place = places_[p];
    if (acquire_release) me.clock.join(place);
    T value = *p;
    if (!change(value)) return;
    if (value != *p) ++me.news;
    *p = value;
    if (!acquire_release) return;  // what was released here before stays released
    place.join(me.clock);
    me.clock.tick(self);
  }

  // All that this thread has stored arrives.
  void barrier(unsigned self) { flush_all(self); }
  // Let every store arrive; false if none was on its way.
  bool settle() {
    bool any = false;
    for (unsigned t = 0; t < max_threads; ++t) {
      any |= !threads_[t].stores.empty();
      flush_all(t);
    }
    return any;
  }
  // Grows whenever a look by `thread` could find something that it did not find before.
  std::uint64_t news_for(unsigned thread) const {
    std::uint64_t n = 0;
    for (unsigned t = 0; t < max_threads; ++t) n += t == thread ? 0 : threads_[t].news;
    return n;
  }

  // ---- states, see explored_states.hpp

  shared_regions regions;

  std::uint64_t state() const {
    std::uint64_t h = regions.contents();
    // A sum, because the order in which places and cells were first used does not matter.
    for (unsigned t = 0; t < max_threads; ++t) h += known_to(~std::uint64_t{t}, threads_[t].clock);
    for (const auto& [place, clock] : places_) h += known_to(regions.name_of(place), clock);
    for (unsigned t = 0; t < max_threads; ++t)
      for (const store_entry& e : threads_[t].stores) {
        h = mixed(mixed(h, t), regions.name_of(e.at) + (e.release ? 4 : 0));
        for (std::byte part : e.bytes) h = mixed(h, static_cast<std::uint64_t>(part));
        h = mixed(h, known_to(0, e.clock));
      }
    return h;
  }
  // Whether `thread` could now read something else than these bytes.
  bool may_differ(unsigned thread, const void* p, const void* bytes, std::size_t size) const {
    for (unsigned t = 0; t < max_threads; ++t)
      if (t != thread && waiting_at(t, p) > 0) return true;
    const store_entry* const own = newest_at(thread, p);
    return std::memcmp(own != nullptr ? own->bytes.data() : p, bytes, size) != 0;
  }

  // ---- plain memory: the contents of slots, by slot. False: unordered with another access ----

  bool plain_write(unsigned self, std::uint64_t slot) {
    plain_cell& cell = cells_[slot];
    const vector_clock& now = threads_[self].clock;
    bool ordered = cell.write_time <= now.of(cell.writer);
    for (unsigned t = 0; t < max_threads; ++t) ordered &= cell.reads[t] <= now.of(t);
    cell = {self, now.of(self), {}};
    return ordered;
  }
  bool plain_read(unsigned self, std::uint64_t slot) {
    plain_cell& cell = cells_[slot];
    const vector_clock& now = threads_[self].clock;
    cell.reads[self] = now.of(self);
    return cell.write_time <= now.of(cell.writer);
  }

 private:
  struct store_entry {
    void* at;
    std::array<std::byte, 16> bytes;
    std::size_t size;
    bool release;
    vector_clock clock;  // what a reader that acquires this value learns; nothing unless release
  };
  struct thread_state {
    vector_clock clock;
    std::vector<store_entry> stores;  // on their way, oldest first
    std::uint64_t news = 0;           // stores that changed something, and those that arrived later
  };
  struct plain_cell {
    unsigned writer = 0;
    std::uint32_t write_time = 0;
    std::array<std::uint32_t, max_threads> reads{};
  };

  // Which accesses to plain memory happened before `now`: all that clocks are there for.
  std::uint64_t known_to(std::uint64_t who, const vector_clock& now) const {
    std::uint64_t h = 0;
    for (const auto& [slot, cell] : cells_) {
      std::uint64_t known = cell.write_time != 0 && cell.write_time <= now.of(cell.writer) ? 1 : 0;
      for (unsigned t = 0; t < max_threads; ++t)
        if (cell.reads[t] != 0 && cell.reads[t] <= now.of(t)) known |= std::uint64_t{2} << t;
      if (known != 0) h += mixed(mixed(who, slot), known);
    }
    return h;
  }

  std::size_t waiting_at(unsigned thread, const void* p) const {
    const auto& stores = threads_[thread].stores;
    return static_cast<std::size_t>(
        std::count_if(stores.begin(), stores.end(), [p](auto& e) { return e.at == p; }));
  }
  const store_entry* newest_at(unsigned thread, const void* p) const {
    const auto& stores = threads_[thread].stores;
    const auto it =
        std::find_if(stores.rbegin(), stores.rend(), [p](auto& e) { return e.at == p; });
    return it == stores.rend() ? nullptr : &*it;
  }
  // With every store that must be seen before it.
  void flush_first_at(unsigned thread, const void* p) {
    auto& stores = threads_[thread].stores;
    const auto it = std::find_if(stores.begin(), stores.end(), [p](auto& e) { return e.at == p; });
    const bool overtakes = model_ == memory_model::unordered && !it->release;
    const auto first = overtakes ? it : stores.begin();
    for (auto e = first; e <= it; ++e) show(thread, *e);
    stores.erase(first, it + 1);
  }
  void flush_all(unsigned thread) {
    for (const store_entry& e : threads_[thread].stores) show(thread, e);
    threads_[thread].stores.clear();
  }
  void show(unsigned thread, const store_entry& entry) {
    if (std::memcmp(entry.at, entry.bytes.data(), entry.size) != 0) ++threads_[thread].news;
    std::memcpy(entry.at, entry.bytes.data(), entry.size);
    places_[entry.at] = entry.clock;
  }

  memory_model model_ = memory_model::sequential;
  std::array<thread_state, max_threads> threads_;
  small_map<const void*, vector_clock> places_;
  small_map<std::uint64_t, plain_cell> cells_;
};

}  // namespace rondo::test
