// Reading a reply where it lies: what receiver<T>::peek() in kernel.hpp gives.
#pragma once

#include <rondo/batch.hpp>
#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/kernel/message.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo {

namespace detail {

class instance;

// A reply that a receiver has in hand.
struct reply_hold {
  std::shared_ptr<instance> kernel;  // nullptr: none, or done with
  rondo_envelope header{};
  const std::byte* payload = nullptr;
  std::vector<std::byte> copy;  // what payload points to, unless is_in_place
  bool is_in_place = false;
};
// The hold is empty afterwards.
RONDO_EXPORT void release(reply_hold& held);
RONDO_EXPORT void put_back(reply_hold& held) noexcept;
RONDO_EXPORT const std::string& kernel_of(const reply_hold& held);

}  // namespace detail

// The oldest reply of a kernel, in hand and not yet taken. release() takes it. Destroyed without
// that it goes back to be the oldest again, so nothing is lost when an exception passes by; a
// receiver that was given a later reply meanwhile has overtaken it.
//
// A plain response is read in the queue's slot itself where the ring is mapped and leaves it
// contiguous (word and counted publication), the queue has at least two slots, and no other reply
// of this kernel is held so. In all other cases, failures included, this object owns a copy, with
// the same meaning.
//
// Others are not held up: callers and receivers go on past a reply that is held. But its slot and
// those behind it are given back to the kernel only when it is released, destroyed, or its kernel's
// queue is read next after that. With a queue of n slots the kernel can give n - 1 more replies,
// then it waits, and with it everyone who waits for it, each until his own deadline. So: hold it
// briefly, and make no more than n - 1 calls meanwhile.
//
// Threads: one at a time. It may be destroyed on another thread than it was made on, and may
// outlive its kernel and the runtime.
template <message_type T>
class peeked_reply {
 public:
  peeked_reply(peeked_reply&& other) noexcept
      : held_(std::move(other.held_)), decoded_(std::move(other.decoded_)), value_(other.value_) {
    other.held_.kernel = nullptr;
    other.value_ = nullptr;
  }
  peeked_reply& operator=(peeked_reply&& other) noexcept {
    if (this != &other) {
      detail::put_back(held_);
      held_ = std::move(other.held_);
      decoded_ = std::move(other.decoded_);
      value_ = std::exchange(other.value_, nullptr);
      other.held_.kernel = nullptr;
    }
    return *this;
  }
  ~peeked_reply() { detail::put_back(held_); }

  // False after release() and when moved from: then everything below throws INVALID_STATE.
  explicit operator bool() const noexcept { return held_.kernel != nullptr; }

  std::uint64_t correlation_id() const { return header().correlation_id; }  // the request's id
  std::uint64_t message_id() const { return header().message_id; }
  // The handler said that more replies to the same request follow.
  bool more() const { return (header().flags & RONDO_FLAG_MORE) != 0; }
  bool is_in_place() const { return header(), held_.is_in_place; }

  // The response, or nullptr if there is none: see failure().
  const T* value() const { return header(), value_; }
  const T& operator*() const { return *checked(); }
  const T* operator->() const { return checked(); }

  // Why there is no response. Throws INVALID_STATE if there is one.
  error_info failure() const {
    if (value() != nullptr)
      throw error(RONDO_INVALID_STATE, detail::kernel_of(held_),
                  "the reply has a value, not a failure");
    return detail::why_no_value(detail::kernel_of(held_), held_.header, held_.payload,
                                detail::describe_message<T>());
  }

  // Done with it: it is taken, and its slot is free.
  void release() {
    header();
    value_ = nullptr;
    detail::release(held_);
    decoded_.reset();
  }

 private:
  template <message_type>
  friend class receiver;
  // Reads an encoded response; what its type throws passes through, and the reply goes back.
  explicit peeked_reply(detail::reply_hold&& held) : held_(std::move(held)) {
    held.kernel = nullptr;
    const rondo_envelope& header = held_.header;
    const bool is_value =
        (header.flags & RONDO_FLAG_FAILED) == 0 && header.version == detail::message_of<T>.version;
    if (!is_value) return;
    if constexpr (detail::is_plain<T>) {
      if (header.length == sizeof(T)) value_ = reinterpret_cast<const T*>(held_.payload);
    } else {
      struct put_back_if_it_throws {
        detail::reply_hold* held;
        ~put_back_if_it_throws() {
          if (held != nullptr) detail::put_back(*held);
        }
      } guard{&held_};
      auto decoded = std::make_unique<T>();
      if (decode(held_.payload, header.length, *decoded)) decoded_ = std::move(decoded);
      value_ = decoded_.get();
      guard.held = nullptr;
    }
  }

  const rondo_envelope& header() const {
    if (held_.kernel == nullptr) [[unlikely]]
      throw error(RONDO_INVALID_STATE, "peeked reply", "it was released or moved from",
                  "Use it before, or peek again");
    return held_.header;
  }
  const T* checked() const {
    if (value() == nullptr) [[unlikely]]
      throw error(failure());
    return value_;
  }

  detail::reply_hold held_;
  std::unique_ptr<T> decoded_;
  const T* value_ = nullptr;
};

}  // namespace rondo
