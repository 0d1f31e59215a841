// The least that a ring of large messages costs: two arrays of slots, each slot with a flag in a
// line of its own, requests written and replies read where they lie, and nothing else. No envelope,
// no deadline, no second producer. A contender as in passes.hpp.
#pragma once

#include "messages.hpp"
#include "waiting.hpp"

#include <memory>

namespace bench {

template <std::uint32_t Bytes>
class in_place_ring {
 public:
  using request = message<role::request, Bytes>;
  using response = message<role::response, Bytes>;

  in_place_ring(int worker_cpu, std::uint64_t slots)
      : slots_(slots),
        requests_(new slot<request>[slots]),
        responses_(new slot<response>[slots]),
        worker_(worker_cpu, [this](const std::atomic<bool>& stop) { serve(stop); }) {}

  void send(const request& r) {
    slot<request>& to = requests_[sent_ % slots_];
    await(to.flag, 2 * (sent_ / slots_));
    to.content = r;
    to.flag.value.store(2 * (sent_ / slots_) + 1, std::memory_order_release);
    ++sent_;
  }
  void flush() {}
  template <class Use>
  void receive(Use&& use) {
    slot<response>& from = responses_[received_ % slots_];
    const std::uint64_t lap = 2 * (received_ / slots_);
    await(from.flag, lap + 1);
    use(std::as_const(from.content));
    from.flag.value.store(lap + 2, std::memory_order_release);
    ++received_;
  }

 private:
  // The flag of lap n: 2n while the slot is free, 2n + 1 while it is full.
  template <class Message>
  struct slot {
    lonely_word flag;
    alignas(128) Message content;
  };

  static void await(const lonely_word& flag, std::uint64_t wanted) {
    patience message("the raw ring");
    while (flag.value.load(std::memory_order_acquire) != wanted) message.wait();
  }
  static bool await(const lonely_word& flag, std::uint64_t wanted, const std::atomic<bool>& stop) {
    while (flag.value.load(std::memory_order_acquire) != wanted) {
      pause();
      if (stop.load(std::memory_order_relaxed)) [[unlikely]]
        return false;
    }
    return true;
  }

  void serve(const std::atomic<bool>& stop) {
    for (std::uint64_t n = 0;; ++n) {
      slot<request>& from = requests_[n % slots_];
      slot<response>& to = responses_[n % slots_];
      const std::uint64_t lap = 2 * (n / slots_);
      if (!await(from.flag, lap + 1, stop) || !await(to.flag, lap, stop)) return;
      answer<Bytes>(from.content, to.content);
      to.flag.value.store(lap + 1, std::memory_order_release);
      from.flag.value.store(lap + 2, std::memory_order_release);
    }
  }

  const std::uint64_t slots_;
  const std::unique_ptr<slot<request>[]> requests_;
  const std::unique_ptr<slot<response>[]> responses_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  worker_thread worker_;
};

}  // namespace bench
