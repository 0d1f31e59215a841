// Many messages at once: what send_batch() and receive_batch() in kernel.hpp give and take, and the
// two loops they are made of. The loops are templates, so that each message costs no call that the
// compiler cannot see through; waiting, claiming and releasing is core's.
#pragma once

#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/kernel/message.hpp>
#include <rondo/ring/run.hpp>
#include <rondo/ring/stamp.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace rondo {

// What became of a batch: messages 0 to count - 1 were accepted, in this order, the others not at
// all. Ids rise from message to message, and replies carry them as correlation. They are
// consecutive, first_id + i, unless another thread sent to the same kernel during the call and the
// batch did not fit the queue's free slots: then ids of the other's messages lie between.
struct batch_sent {
  std::uint64_t first_id = 0;  // 0 if count is 0
  std::uint64_t count = 0;
  std::uint64_t dropped = 0;  // of the others, under when_full::drop_newest: nobody has them
};

namespace detail {

// The error in place of the value that a reply of type `expected` has not.
RONDO_EXPORT error_info why_no_value(const std::string& kernel_id, const rondo_envelope& header,
                                     const std::byte* payload, const rondo_message_type& expected);

// Set in the correlation ids of call(): its replies are nobody else's.
inline constexpr std::uint64_t call_mark = RONDO_CORRELATION_AWAITED;
// Set in the ids of what travels in the urgent lane, which counts for itself.
inline constexpr std::uint64_t urgent_mark = std::uint64_t{1} << 62;
inline bool is_call(std::uint64_t correlation) { return (correlation & call_mark) != 0; }

inline rondo_envelope request_header(std::int64_t length, std::uint32_t version, std::uint64_t id,
                                     std::uint64_t correlation) {
  return {static_cast<std::uint32_t>(length),
          RONDO_TYPE_REQUEST,
          static_cast<std::uint16_t>(version),
          0,
          0,
          id,
          correlation};
}

// Fills claimed slots from `first` on with an array of T, up to the first that cannot be encoded,
// and publishes them. `filled` is right also when an encoding throws.
template <message_type T>
void fill_slots(ring::producer<>& shared, std::uint64_t first, const void* messages,
                std::uint64_t count, std::uint64_t& filled) {
  const T* const from = static_cast<const T*>(messages);
  filled = 0;
  struct publish_at_end {
    ring::producer<>& ring;
    const std::uint64_t first;
    const std::uint64_t& filled;
    ~publish_at_end() { ring.commit_batch(first, filled); }
  } const publishing{shared, first, filled};
  ring::claim slot;
  for (; filled < count; ++filled) {
    shared.take(first + filled, slot);
    const std::int64_t length = encode(from[filled], slot.payload, slot.capacity);
    if (length < 0) [[unlikely]]
      return;
    const std::uint64_t id = first + filled + 1;
    rondo_envelope header = request_header(length, message_of<T>.version, id, id);
    header.reserved = ring::stamp_for(first + filled);
    shared.fill(slot, header);
  }
}

// The same for plain messages where every slot leaves them contiguous: all but the ids is the same.
template <ring::publication How, message_type T>
void fill_plain_slots(ring::producer<>& ring, std::uint64_t first, const T* from,
                      std::uint64_t count) {
  ring::filling_run<How> run(ring, first);
  for (const T* const end = from + count; from != end; ++from) {
    __builtin_memcpy(__builtin_assume_aligned(run.payload(), 16), from, sizeof(T));
    rondo_envelope header =
        request_header(sizeof(T), message_of<T>.version, run.sequence() + 1, run.sequence() + 1);
    header.reserved = ring::stamp_for(run.sequence());
    run.finish(header);
  }
  run.publish();
}

// The same for messages that fill their slots, which have nothing else in them: all payloads by one
// copy, and a header for as many as are not stamped.
template <message_type T>
void fill_with_array(ring::producer<>& ring, std::uint64_t first, const T* from,
                     std::uint64_t count) {
  ring::array_run<> run(ring, first);
  for (std::uint64_t sequence = first; sequence != first + count;) {
    const std::uint64_t unstamped = ring::before_timed(sequence);
    const std::uint64_t alike =
        std::min(first + count - sequence, std::max<std::uint64_t>(unstamped, 1));
    rondo_envelope header =
        request_header(sizeof(T), message_of<T>.version, sequence + 1, sequence + 1);
    header.reserved = ring::stamp_for(sequence);
    run.put_alike(header, alike);
    sequence += alike;
  }
  run.publish(reinterpret_cast<const std::byte*>(from), sizeof(T), count);
}

// fill_slots() by the way that fits message and ring.
template <message_type T>
void put_batch(ring::producer<>& ring, std::uint64_t first, const void* messages,
               std::uint64_t count, std::uint64_t& filled) {
  using enum ring::publication;
  if constexpr (is_plain<T>) {
    const bool fits = sizeof(T) <= ring.shape().payload_capacity;
    const T* const from = static_cast<const T*>(messages);
    const auto fill_by = [&]<ring::publication How>() {
      if (!ring::filling_run<How>::serves(ring)) return false;
      fill_plain_slots<How>(ring, first, from, count);
      filled = count;
      return true;
    };
    if (fits && sizeof(T) == ring.shape().stride && ring::array_run<>::serves(ring)) {
      fill_with_array(ring, first, from, count);
      filled = count;
      return;
    }
    if (fits && (fill_by.template operator()<word>() || fill_by.template operator()<apart>() ||
                 fill_by.template operator()<counted>()))
      return;
  }
  fill_slots<T>(ring, first, messages, count, filled);
}

// Where the replies of a batch go, for core, which knows no types.
struct reply_sink {
  void* self;
  // A reply that core has in hand.
  void (*one)(void* self, const rondo_envelope& header, const std::byte* payload);
  // Replies where they lie, at most `most`, up to the first that is not for a receiver. Advances
  // past each before it is handed on and publishes no head. Returns how many.
  std::uint64_t (*run)(void* self, ring::consumer<>& ring, std::uint64_t most);
};

template <message_type T, class F>
class reply_taker;

}  // namespace detail

// One reply of a batch, readable while `take` runs and no longer.
template <class T>
class reply_view {
 public:
  std::uint64_t correlation_id = 0;  // the request's id
  std::uint64_t message_id = 0;
  bool more = false;  // as in reply<T>
  // The response: in the queue's slot itself if T is plain. nullptr if the handler failed, or if
  // the reply is of another version or cannot be read.
  const T* value = nullptr;

  // Why there is no value. Throws INVALID_STATE if there is one.
  error_info failure() const {
    if (value != nullptr)
      throw error(RONDO_INVALID_STATE, *kernel_id_, "the reply has a value, not a failure");
    return detail::why_no_value(*kernel_id_, *header_, payload_, detail::describe_message<T>());
  }

 private:
  template <message_type, class>
  friend class detail::reply_taker;
  reply_view(const rondo_envelope& header, const std::byte* payload, const std::string& kernel_id)
      : correlation_id(header.correlation_id),
        message_id(header.message_id),
        more((header.flags & RONDO_FLAG_MORE) != 0),
        header_(&header),
        payload_(payload),
        kernel_id_(&kernel_id) {}

  const rondo_envelope* header_;
  const std::byte* payload_;
  const std::string* kernel_id_;
};

namespace detail {

template <message_type T, class F>
class reply_taker {
 public:
  reply_taker(F& take, const std::string& kernel_id) : take_(take), kernel_id_(kernel_id) {}

  reply_sink sink() {
    return {this,
            [](void* self, const rondo_envelope& header, const std::byte* payload) {
              static_cast<reply_taker*>(self)->hand_on(header, payload);
            },
            [](void* self, ring::consumer<>& ring, std::uint64_t most) {
              return static_cast<reply_taker*>(self)->run(ring, most);
            }};
  }

 private:
  std::uint64_t run(ring::consumer<>& from, std::uint64_t most) {
    using enum ring::publication;
    if (ring::consumer_run<word>::serves(from)) return run_as<word>(from, most);
    if (ring::consumer_run<apart>::serves(from)) return run_as<apart>(from, most);
    if (ring::consumer_run<counted>::serves(from)) return run_as<counted>(from, most);
    std::uint64_t n = 0;
    ring::message next;
    while (n < most && from.peek(next) == RONDO_OK && !is_call(next.header->correlation_id)) {
      from.advance();
      ++n;
      hand_on(*next.header, next.payload);
    }
    return n;
  }

  template <ring::publication How>
  std::uint64_t run_as(ring::consumer<>& from, std::uint64_t most) {
    ring::consumer_run<How> run(from);
    ring::message next;
    std::uint64_t n = 0;
    for (; n < most && run.peek(next) && !is_call(next.header->correlation_id); ++n) {
      run.advance();
      hand_on_here(*next.header, next.payload);
    }
    return n;
  }

  void hand_on(const rondo_envelope& header, const std::byte* payload) {
    hand_on_here(header, payload);
  }

  // Part of the loop that calls it, since the application's code is.
  RONDO_INLINE void hand_on_here(const rondo_envelope& header, const std::byte* payload) {
    reply_view<T> view(header, payload, kernel_id_);
    const bool is_value =
        (header.flags & RONDO_FLAG_FAILED) == 0 && header.version == message_of<T>.version;
    if constexpr (is_plain<T>) {
      if (is_value && header.length == sizeof(T)) [[likely]] {
        if (reinterpret_cast<std::uintptr_t>(payload) % alignof(T) != 0) [[unlikely]]
          return hand_on_copy(header, payload);
        view.value = reinterpret_cast<const T*>(payload);
      }
      take_(static_cast<const reply_view<T>&>(view));
    } else {
      T local{};
      if (is_value && decode(payload, header.length, local)) view.value = &local;
      take_(static_cast<const reply_view<T>&>(view));
    }
  }

  __attribute__((noinline)) void hand_on_copy(const rondo_envelope& header,
                                              const std::byte* payload) {
    T local{};
    __builtin_memcpy(&local, payload, sizeof local);
    reply_view<T> view(header, payload, kernel_id_);
    view.value = &local;
    take_(static_cast<const reply_view<T>&>(view));
  }

  F& take_;
  const std::string& kernel_id_;
};

}  // namespace detail

}  // namespace rondo
