// The backend's part in handling one request, for tests: an emitter that keeps what was committed,
// and a request with its envelope. Each room is as large as it was asked for and not a byte larger,
// so that a sanitizer sees a handler that writes past it.
#pragma once

#include <rondo/kernel/message.hpp>

#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace kernel_test {

class reply_collector : public rondo_emitter {
 public:
  struct reply {
    std::vector<unsigned char> payload;
    std::uint16_t version;
    std::uint32_t flags;
  };

  // After `rooms` reservations the kernel is being stopped.
  explicit reply_collector(std::uint32_t rooms = ~0u) : rondo_emitter{}, rooms_(rooms) {
    struct_size = sizeof(rondo_emitter);
    reserved = 0;
    reserve = [](rondo_emitter* self, std::uint32_t bytes) {
      return static_cast<reply_collector*>(self)->give(bytes);
    };
    commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                std::uint32_t flags) {
      static_cast<reply_collector*>(self)->take(length, version, flags);
    };
  }

  const std::vector<reply>& replies() const { return replies_; }
  std::uint32_t asked_for() const { return asked_for_; }
  bool committed_more_than_reserved() const { return overrun_; }

  template <class T>
  T decoded(std::size_t i) const {
    T out{};
    const reply& r = replies_.at(i);
    if (!rondo::decode(r.payload.data(), static_cast<std::uint32_t>(r.payload.size()), out))
      throw std::runtime_error("the reply is not a message of its type");
    return out;
  }

 private:
  static constexpr std::align_val_t room_alignment{16};
  struct free_room {
    void operator()(unsigned char* room) const { ::operator delete(room, room_alignment); }
  };

  void* give(std::uint32_t bytes) {
    if (rooms_-- == 0) return rooms_ = 0, nullptr;
    asked_for_ = bytes;
    room_.reset(static_cast<unsigned char*>(::operator new(bytes, room_alignment)));
    std::memset(room_.get(), 0xa5, bytes);  // a slot holds what was there before
    return room_.get();
  }
  void take(std::uint32_t length, std::uint16_t version, std::uint32_t flags) {
    overrun_ = overrun_ || length > asked_for_ || room_ == nullptr;
    if (!overrun_) replies_.push_back({{room_.get(), room_.get() + length}, version, flags});
    room_.reset();
  }

  std::uint32_t rooms_;
  std::uint32_t asked_for_ = 0;
  bool overrun_ = false;
  std::unique_ptr<unsigned char, free_room> room_;
  std::vector<reply> replies_;
};

// A request on its way to a handler. Its payload is aligned as in a slot.
class request_bytes {
 public:
  template <class T>
  explicit request_bytes(const T& message)
      : payload_((rondo::detail::max_bytes<T>() + 15) / 16 + 1) {
    const auto room = static_cast<std::uint32_t>(payload_.size() * sizeof(unit));
    envelope.length = static_cast<std::uint32_t>(rondo::encode(message, payload_.data(), room));
    envelope.type = RONDO_TYPE_REQUEST;
    envelope.version = rondo::detail::message_of<T>.version;
    envelope.message_id = 11;
    envelope.correlation_id = 22;
    invocation.struct_size = sizeof invocation;
    invocation.lanes = 1;
    invocation.request = &envelope;
    invocation.kernel_tag = 33;
  }
  request_bytes(const request_bytes&) = delete;

  unsigned char* payload() { return payload_.front().bytes; }
  std::string failure_text() const { return {invocation.failure_text, invocation.failure_length}; }

  rondo_envelope envelope{};
  rondo_invocation invocation{};

 private:
  struct alignas(16) unit {
    unsigned char bytes[16];
  };
  std::vector<unit> payload_;
};

}  // namespace kernel_test
