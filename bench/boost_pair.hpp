// What a user would pick instead: a pair of boost::lockfree::spsc_queue, one each way, and a pinned
// thread that answers or counts. Five ways to carry a message: by value one at a time, by value in
// ranges of up to 16, in such ranges and read where it lies, in such ranges behind an envelope as
// Rondo's, and by a pointer into a pool where the message is written and read in place.
#pragma once

#include "cases.hpp"
#include "messages.hpp"
#include "waiting.hpp"

#include <boost/lockfree/spsc_queue.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace bench {

enum class duty { answer, count };

// One direction, by value. `wait` is called while there is no room, or nothing to take.
template <class Message, spin How>
class value_lane {
 public:
  explicit value_lane(std::size_t slots) : queue_(slots) {}

  template <class Fill, class Wait>
  void send(Fill&& fill, Wait&& wait) {
    fill(outgoing_);
    while (!queue_.push(outgoing_)) wait();
  }
  template <class Wait>
  void flush(Wait&&) {}
  // Whether there was one.
  template <class Use>
  bool try_receive(Use&& use) {
    if (!queue_.pop(incoming_)) return false;
    use(std::as_const(incoming_));
    return true;
  }

  static constexpr spin how = How;

 private:
  boost::lockfree::spsc_queue<Message> queue_;
  alignas(128) Message outgoing_;  // of the sender
  alignas(128) Message incoming_;  // of the receiver
};

// One direction, up to so many messages per push and pop. Whoever sends flushes before it waits.
template <class Message, std::size_t Most = usual_batch>
class range_lane {
 public:
  static constexpr std::size_t most = Most;

  explicit range_lane(std::size_t slots) : queue_(slots) {}

  template <class Fill, class Wait>
  void send(Fill&& fill, Wait&& wait) {
    fill(outgoing_[filled_]);
    if (++filled_ == most) flush(wait);
  }
  template <class Wait>
  void flush(Wait&& wait) {
    for (std::size_t done = 0; done < filled_;) {
      done += queue_.push(outgoing_.data() + done, filled_ - done);
      if (done < filled_) wait();
    }
    filled_ = 0;
  }
  template <class Use>
  bool try_receive(Use&& use) {
    if (next_ == taken_) {
      next_ = 0;
      taken_ = queue_.pop(incoming_.data(), most);
      if (taken_ == 0) return false;
    }
    use(std::as_const(incoming_[next_++]));
    return true;
  }

  static constexpr spin how = spin::with_pause;

 protected:
  boost::lockfree::spsc_queue<Message> queue_;

 private:
  alignas(128) std::array<Message, most> outgoing_;
  std::size_t filled_ = 0;
  alignas(128) std::array<Message, most> incoming_;
  std::size_t next_ = 0;
  std::size_t taken_ = 0;
};

// One direction, up to 16 messages per push; whoever receives reads all there are where they lie.
template <class Message>
class all_lane : public range_lane<Message> {
 public:
  using range_lane<Message>::range_lane;

  // How many there were.
  template <class Use>
  std::uint64_t try_receive(Use&& use) {
    return this->queue_.consume_all([&](const Message& message) { use(message); });
  }
};

// One direction, in ranges, each message behind an envelope: what it costs to say with each which
// it is, of what type and how long. The receiver looks at it.
template <class Message>
struct enveloped {
  rondo_envelope envelope;
  Message payload;
};
template <class Message>
class enveloped_lane : public range_lane<enveloped<Message>> {
  using base = range_lane<enveloped<Message>>;

 public:
  using base::base;

  template <class Fill, class Wait>
  void send(Fill&& fill, Wait&& wait) {
    base::send(
        [&](enveloped<Message>& to) {
          ++sent_;
          to.envelope = {sizeof(Message), RONDO_TYPE_REQUEST, 1, 0, 0, sent_, sent_};
          fill(to.payload);
        },
        wait);
  }
  template <class Use>
  bool try_receive(Use&& use) {
    return base::try_receive([&](const enveloped<Message>& from) {
      const rondo_envelope& is = from.envelope;
      if (is.length != sizeof(Message) || is.version != 1 || is.flags != 0 ||
          is.message_id != ++received_ || is.correlation_id != received_)
        throw rondo::error(RONDO_MALFORMED, "the peer's queue", "an envelope is not what was sent");
      use(from.payload);
    });
  }

 private:
  alignas(128) std::uint64_t sent_ = 0;
  alignas(128) std::uint64_t received_ = 0;
};

// One direction; the queue carries pointers. Two messages more than slots: one is being written and
// one read while the queue is full.
template <class Message>
class pointer_lane {
 public:
  explicit pointer_lane(std::size_t slots) : queue_(slots), pool_(slots + 2) {}

  template <class Fill, class Wait>
  void send(Fill&& fill, Wait&& wait) {
    Message* message = &pool_[next_];
    next_ = next_ + 1 < pool_.size() ? next_ + 1 : 0;
    while (queue_.write_available() == 0) wait();
    fill(*message);
    queue_.push(message);
  }
  template <class Wait>
  void flush(Wait&&) {}
  template <class Use>
  bool try_receive(Use&& use) {
    return queue_.consume_one([&](Message* message) { use(std::as_const(*message)); });
  }

  static constexpr spin how = spin::with_pause;

 private:
  boost::lockfree::spsc_queue<Message*> queue_;
  std::vector<Message> pool_;
  alignas(128) std::size_t next_ = 0;
};

template <std::uint32_t Bytes, class Requests, class Responses>
class spsc_pair {
 public:
  using request = message<role::request, Bytes>;
  using response = message<role::response, Bytes>;
  static constexpr bool reads_all = std::is_same_v<Responses, all_lane<response>>;
  static constexpr std::size_t most = [] {  // that are sent at once
    if constexpr (requires { Requests::most; }) return Requests::most;
    else return usual_batch;
  }();

  spsc_pair(int worker_cpu, std::size_t slots, duty what) : shared_(std::make_unique<both>(slots)) {
    worker_.emplace(worker_cpu, [lanes = shared_.get(), what](const std::atomic<bool>& stop) {
      try {
        what == duty::answer ? serve(*lanes, stop) : tally_up(*lanes, stop);
      } catch (const stopped&) {
      }
    });
  }

  template <class Use>
  void call(const request& r, Use&& use) {
    send(r);
    flush();
    receive(use);
  }
  void send(const request& r) {
    patience room("a slot of the peer's queue");
    shared_->requests.send([&](request& slot) { slot = r; }, [&] { room.wait<Requests::how>(); });
  }
  void flush() {
    patience room("a slot of the peer's queue");
    shared_->requests.flush([&] { room.wait<Requests::how>(); });
  }
  template <class Use>
  void receive(Use&& use) {
    patience reply("a reply of the peer");
    while (!shared_->responses.try_receive(use)) reply.wait<Responses::how>();
  }
  template <class Use>
  std::uint64_t receive_some(std::uint64_t, Use&& use) requires(reads_all) {
    patience reply("a reply of the peer");
    for (;;) {
      if (const std::uint64_t n = shared_->responses.try_receive(use); n != 0) return n;
      reply.template wait<Responses::how>();
    }
  }
  tally take_tally(const request& r) {
    send(r);
    flush();
    patience reply("the tally of the peer");
    while (shared_->tally_ready.value.load(std::memory_order_acquire) == 0) reply.wait();
    shared_->tally_ready.value.store(0, std::memory_order_relaxed);
    return shared_->counted;
  }

 private:
  struct stopped {};
  struct both {
    explicit both(std::size_t slots) : requests(slots), responses(slots) {}
    Requests requests;
    alignas(128) Responses responses;
    alignas(128) tally counted{};
    lonely_word tally_ready;
  };

  static void wait(const std::atomic<bool>& stop) {
    if constexpr (Requests::how == spin::with_pause) pause();
    if (stop.load(std::memory_order_relaxed)) [[unlikely]]
      throw stopped{};
  }

  static void serve(both& lanes, const std::atomic<bool>& stop) {
    const auto idle = [&] { wait(stop); };
    const auto one = [&](const request& in) {
      lanes.responses.send([&](response& out) { answer<Bytes>(in, out); }, idle);
    };
    for (;;) {
      if (lanes.requests.try_receive(one)) continue;
      lanes.responses.flush(idle);
      idle();
    }
  }

  static void tally_up(both& lanes, const std::atomic<bool>& stop) {
    tally so_far{};
    const auto one = [&](const request& in) {
      if (in.nonce != tally_nonce) [[likely]] {
        count<Bytes>(in, so_far);
        return;
      }
      lanes.counted = so_far;
      so_far = {};
      lanes.tally_ready.value.store(1, std::memory_order_release);
    };
    for (;;)
      if (!lanes.requests.try_receive(one)) wait(stop);
  }

  std::unique_ptr<both> shared_;
  std::optional<worker_thread> worker_;
};

template <std::uint32_t Bytes, spin How = spin::with_pause>
using pair_by_value = spsc_pair<Bytes, value_lane<message<role::request, Bytes>, How>,
                                value_lane<message<role::response, Bytes>, How>>;
template <std::uint32_t Bytes, std::size_t Most = usual_batch>
using pair_by_range = spsc_pair<Bytes, range_lane<message<role::request, Bytes>, Most>,
                                range_lane<message<role::response, Bytes>, Most>>;
template <std::uint32_t Bytes>
using pair_in_place = spsc_pair<Bytes, all_lane<message<role::request, Bytes>>,
                                all_lane<message<role::response, Bytes>>>;
template <std::uint32_t Bytes>
using pair_enveloped = spsc_pair<Bytes, enveloped_lane<message<role::request, Bytes>>,
                                 enveloped_lane<message<role::response, Bytes>>>;
template <std::uint32_t Bytes>
using pair_by_pointer = spsc_pair<Bytes, pointer_lane<message<role::request, Bytes>>,
                                  pointer_lane<message<role::response, Bytes>>>;

}  // namespace bench
