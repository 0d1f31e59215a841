// What the bytes in front of a message cost: a bare ring for one producer and one consumer, its
// tail published once for 16 messages, its slots 64 bytes of payload behind a header that fills the
// rest of SlotBytes. Every word of the header is written by the producer and read by the consumer,
// who says so if one is wrong. Nothing else: no envelope, no second producer, no deadline. A slot
// of 64 bytes has no header, like an element of Boost's queue. A contender as in passes.hpp.
#pragma once

#include "cases.hpp"
#include "messages.hpp"
#include "waiting.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <type_traits>

namespace bench {

template <std::uint32_t SlotBytes, class Message>
class index_lane {
 public:
  static constexpr std::uint64_t batch = 16;

  // ---- the producer
  bool has_room() {
    if (written_ - seen_head_ < slots) return true;
    seen_head_ = head_.value.load(std::memory_order_acquire);
    return written_ - seen_head_ < slots;
  }
  template <class Fill>
  void put(std::uint64_t stamp, Fill&& fill) {
    slot& to = slots_[written_ % slots];
    for (std::uint64_t& word : to.header) word = stamp;
    fill(to.payload);
    if (++written_ % batch == 0) publish();
  }
  void publish() { tail_.value.store(written_, std::memory_order_release); }

  // ---- the consumer
  std::uint64_t waiting() {
    if (read_ == seen_tail_) seen_tail_ = tail_.value.load(std::memory_order_acquire);
    return seen_tail_ - read_;
  }
  // use(message, whether its header is what was written there)
  template <class Use>
  void take(std::uint64_t stamp, Use&& use) {
    const slot& from = slots_[read_ % slots];
    std::uint64_t wrong = 0;
    for (const std::uint64_t word : from.header) wrong |= word ^ stamp;
    use(from.payload, wrong == 0);
    ++read_;
  }
  void free() { head_.value.store(read_, std::memory_order_release); }

 private:
  static constexpr std::uint64_t slots = slots_for(64);
  struct slot_with_header {
    std::array<std::uint64_t, SlotBytes / 8 - 8> header;
    Message payload;
  };
  struct bare_slot {
    static inline std::array<std::uint64_t, 0> header;
    Message payload;
  };
  using slot = std::conditional_t<SlotBytes == 64, bare_slot, slot_with_header>;
  static_assert(sizeof(slot) == SlotBytes && sizeof(Message) == 64);

  alignas(128) slot slots_[slots] = {};
  lonely_word tail_;
  lonely_word head_;
  alignas(128) std::uint64_t written_ = 0;
  std::uint64_t seen_head_ = 0;
  alignas(128) std::uint64_t read_ = 0;
  std::uint64_t seen_tail_ = 0;
};

template <std::uint32_t SlotBytes>
class index_ring {
 public:
  explicit index_ring(int worker_cpu)
      : worker_(worker_cpu, [this](const std::atomic<bool>& stop) { serve(stop); }) {}

  void send(const request_64& r) {
    patience room("a slot of the index ring");
    while (!requests_->has_room()) room.wait();
    requests_->put(++sent_, [&](request_64& to) { to = r; });
  }
  void flush() { requests_->publish(); }
  template <class Use>
  std::uint64_t receive_some(std::uint64_t most, Use&& use) {
    patience reply("a reply of the index ring");
    while (responses_->waiting() == 0) reply.wait();
    const std::uint64_t n = std::min(most, responses_->waiting());
    for (std::uint64_t i = 0; i < n; ++i)
      responses_->take(++received_, [&](const response_64& from, bool is_right) {
        if (!is_right)
          throw rondo::error(RONDO_MALFORMED, "the index ring", "a header is not what was written");
        use(from);
      });
    responses_->free();
    return n;
  }

 private:
  void serve(const std::atomic<bool>& stop) {
    for (std::uint64_t done = 0;;) {
      const std::uint64_t n = std::min(requests_->waiting(), requests_->batch);
      if (n == 0) {
        pause();
        if (stop.load(std::memory_order_relaxed)) [[unlikely]]
          return;
        continue;
      }
      for (std::uint64_t i = 0; i < n; ++i) {
        while (!responses_->has_room()) {
          pause();
          if (stop.load(std::memory_order_relaxed)) return;
        }
        ++done;
        requests_->take(done, [&](const request_64& in, bool is_right) {
          // A wrong one goes on as such, and is the client's to tell.
          responses_->put(is_right ? done : 0, [&](response_64& out) { answer<64>(in, out); });
        });
      }
      responses_->publish();
      requests_->free();
    }
  }

  const std::unique_ptr<index_lane<SlotBytes, request_64>> requests_ =
      std::make_unique<index_lane<SlotBytes, request_64>>();
  const std::unique_ptr<index_lane<SlotBytes, response_64>> responses_ =
      std::make_unique<index_lane<SlotBytes, response_64>>();
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  worker_thread worker_;
};

}  // namespace bench
