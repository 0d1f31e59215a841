// The least that a call, or a stream of small messages, costs in slots as the ring's of word
// publication have them: a line for a word and an envelope, and a line for the payload. Requests
// are copied in by batches, replies read where they lie; nothing is looked at but the words. No
// second producer, no handler called by pointer, no deadline, and no line asked for ahead, which in
// such a stream only costs. A contender as in passes.hpp.
#pragma once

#include "messages.hpp"
#include "waiting.hpp"

#include <array>
#include <memory>

namespace bench {

class word_ring {
 public:
  using request = request_64;
  using response = response_64;

  word_ring(int worker_cpu, std::uint64_t slots)
      : mask_(slots - 1),
        requests_(new slot<request>[slots]),
        responses_(new slot<response>[slots]),
        worker_(worker_cpu, [this](const std::atomic<bool>& stop) { serve(stop); }) {}

  // Alone, with nothing else on its way.
  template <class Use>
  void call(const request& r, Use&& use) {
    put(requests_[sent_ & mask_], sent_, sent_ + 1, [&](request& to) { to = r; });
    ++sent_;
    receive_some(1, use);
  }
  void send(const request& r) {
    outgoing_[filled_] = r;
    if (++filled_ == outgoing_.size()) flush();
  }
  void flush() {
    patience room("a slot of the word ring");
    while (sent_ + filled_ - seen_head_ > mask_ + 1) {
      seen_head_ = head_.value.load(std::memory_order_acquire);
      if (sent_ + filled_ - seen_head_ > mask_ + 1) room.wait();
    }
    for (std::size_t i = 0; i < filled_; ++i, ++sent_) {
      put(requests_[sent_ & mask_], sent_, sent_ + 1, [&](request& to) { to = outgoing_[i]; });
    }
    filled_ = 0;
  }
  template <class Use>
  std::uint64_t receive_some(std::uint64_t most, Use&& use) {
    patience reply("a reply of the word ring");
    while (!is_there(responses_[received_ & mask_], received_)) reply.wait();
    std::uint64_t n = 0;
    for (; n < most && is_there(responses_[received_ & mask_], received_); ++n, ++received_)
      use(std::as_const(responses_[received_ & mask_].payload));
    return n;
  }

 private:
  template <class Message>
  struct alignas(128) slot {
    std::atomic<std::uint64_t> word{0};
    std::uint64_t reserved = 0;
    std::uint64_t envelope[4] = {};
    alignas(64) Message payload;
  };

  template <class Message>
  static bool is_there(const slot<Message>& it, std::uint64_t sequence) {
    return it.word.load(std::memory_order_acquire) == sequence + 1;
  }
  template <class Message, class Fill>
  static void put(slot<Message>& to, std::uint64_t sequence, std::uint64_t correlation,
                  Fill&& fill) {
    fill(to.payload);
    to.envelope[0] = sizeof(Message);
    to.envelope[1] = 0;
    to.envelope[2] = sequence + 1;
    to.envelope[3] = correlation;
    to.word.store(sequence + 1, std::memory_order_release);
  }

  void serve(const std::atomic<bool>& stop) {
    for (std::uint64_t n = 0;; ++n) {
      const slot<request>& from = requests_[n & mask_];
      while (!is_there(from, n)) {
        pause();
        if (stop.load(std::memory_order_relaxed)) [[unlikely]]
          return;
      }
      put(responses_[n & mask_], n, from.envelope[3],
          [&](response& to) { answer<64>(from.payload, to); });
      head_.value.store(n + 1, std::memory_order_release);
    }
  }

  const std::uint64_t mask_;  // slots, a power of two, less one
  const std::unique_ptr<slot<request>[]> requests_;
  const std::unique_ptr<slot<response>[]> responses_;
  lonely_word head_;  // requests below are handled
  alignas(128) std::array<request, 16> outgoing_;
  std::size_t filled_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t seen_head_ = 0;
  std::uint64_t received_ = 0;
  worker_thread worker_;
};

}  // namespace bench
