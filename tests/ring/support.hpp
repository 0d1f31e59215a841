// What the ring tests share: rings in poisoned memory, messages whose bytes can be checked, and
// rings whose sequence numbers begin somewhere else than at 0.
#pragma once

#include <rondo/backend/ring_memory.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>

namespace rondo::test {

using ring::publication;

inline std::string name_of(publication how) {
  switch (how) {
    case publication::word: return "word";
    case publication::counted: return "counted";
    case publication::chunked: return "chunked";
    case publication::apart: return "apart";
  }
  return "unknown";
}

struct ring_shape {
  publication how = publication::word;
  std::uint64_t capacity = 4;
  std::uint32_t payload = 64;
  bool one_producer = true;
  bool timed = false;
  bool drop_oldest = false;
  std::uint32_t lanes = 1;
};

inline std::ostream& operator<<(std::ostream& out, const ring_shape& s) {
  return out << name_of(s.how) << ", capacity " << s.capacity << ", payload " << s.payload
             << (s.one_producer ? ", one producer" : ", many producers")
             << (s.timed ? ", timed" : "") << (s.drop_oldest ? ", drop oldest" : "");
}

inline rondo_queue_params params_of(const ring_shape& s) {
  rondo_queue_params p{};
  p.struct_size = sizeof p;
  p.publication = s.how == publication::apart ? std::uint32_t{RONDO_PUBLISH_COUNTED}
                                              : static_cast<std::uint32_t>(s.how);
  p.capacity = s.capacity;
  p.payload_capacity = s.payload;
  if (s.timed) p.flags |= RONDO_QUEUE_TIMED;
  if (s.one_producer) p.flags |= RONDO_QUEUE_ONE_PRODUCER;
  if (s.drop_oldest) p.flags |= RONDO_QUEUE_DROP_OLDEST;
  p.lanes = s.lanes;
  return p;
}

// A ring whose slots hold garbage until a message is written.
inline backend::ring_memory make_ring(const ring_shape& s) {
  backend::ring_memory memory;
  backend::ring_storage storage;
  storage.headers_apart = s.how == publication::apart;
  const rondo_status status =
      backend::ring_memory::create(params_of(s), memory, backend::ring_memory::poisoned, storage);
  if (status != RONDO_OK) ADD_FAILURE() << "ring not made: status " << status << ", " << s;
  return memory;
}

// As if `sequence` messages had gone through, all of them released. Slots keep what they hold.
inline void start_at(const ring::view& v, std::uint64_t sequence) {
  v.claim->next = v.claim->cached_head = v.claim->published = sequence;
  v.producer->tail = sequence;
  v.consumer->head = sequence;
}

// Payload byte i of message `id`: depends on both, so that mixed, shifted and stale bytes show.
inline std::byte payload_byte(std::uint64_t id, std::uint32_t i) {
  const std::uint64_t mixed = (id + 1) * 0x9e3779b97f4a7c15ull + i * 0xc2b2ae3d27d4eb4full;
  return static_cast<std::byte>(mixed >> 56);
}

inline void fill_payload(std::byte* to, std::uint64_t id, std::uint32_t length) {
  for (std::uint32_t i = 0; i < length; ++i) to[i] = payload_byte(id, i);
}

inline bool payload_is(const std::byte* from, std::uint64_t id, std::uint32_t length) {
  for (std::uint32_t i = 0; i < length; ++i)
    if (from[i] != payload_byte(id, i)) return false;
  return true;
}

// Of somebody who waits for the answer. Rises with the id, as those of requests do.
inline constexpr std::uint64_t correlation_base =
    RONDO_CORRELATION_AWAITED + (std::uint64_t{1} << 40);
inline std::uint64_t correlation_for(std::uint64_t id) { return id + correlation_base; }
inline std::uint64_t id_behind(std::uint64_t correlation) { return correlation - correlation_base; }

inline ring::envelope envelope_for(std::uint64_t id, std::uint32_t length) {
  ring::envelope e{};
  e.length = length;
  e.type = RONDO_TYPE_REQUEST;
  e.version = 1;
  e.message_id = id;
  e.correlation_id = correlation_for(id);
  return e;
}

// Pushes message `id` with `length` bytes of payload.
template <class Producer>
rondo_status push_id(Producer& producer, std::uint64_t id, std::uint32_t length) {
  std::byte payload[4096];
  fill_payload(payload, id, length);
  return producer.try_push(envelope_for(id, length), payload);
}

// Whether `m` is message `id`, in every part.
inline ::testing::AssertionResult is_message(const ring::message& m, std::uint64_t id,
                                             std::uint32_t length) {
  const ring::envelope want = envelope_for(id, length);
  if (std::memcmp(m.header, &want, sizeof want) != 0)
    return ::testing::AssertionFailure()
           << "expected message " << id << " of " << length << " bytes, got "
           << m.header->message_id << " of " << m.header->length;
  if (reinterpret_cast<std::uintptr_t>(m.payload) % 16 != 0)
    return ::testing::AssertionFailure() << "payload of message " << id << " is misaligned";
  if (!payload_is(m.payload, id, length))
    return ::testing::AssertionFailure() << "payload of message " << id << " is torn";
  return ::testing::AssertionSuccess();
}

// Pops one message and checks that it is `id`.
template <class Consumer>
::testing::AssertionResult pops_id(Consumer& consumer, std::uint64_t id, std::uint32_t length) {
  ring::message m;
  const rondo_status status = consumer.peek(m);
  if (status != RONDO_OK)
    return ::testing::AssertionFailure() << "expected message " << id << ", got status " << status;
  const auto result = is_message(m, id, length);
  consumer.release();
  return result;
}

}  // namespace rondo::test
