// The sending end of a kernel's input queue: straight into the ring where the backend maps it,
// through the backend's calls where it does not, or a pump in front of them. Any number of threads;
// never waits.
#pragma once

#include "pump.hpp"

#include <rondo/claim.hpp>
#include <rondo/kernel.hpp>
#include <rondo/plugin_library.hpp>
#include <rondo/ring/map.hpp>
#include <rondo/ring/stamp.hpp>
#include <rondo/ring/wait.hpp>

#include <atomic>
#include <cstdint>

namespace rondo::detail {

// A message that answers to no caller bears its own id.
inline rondo_envelope header_of(std::int64_t length, const codec& type, std::uint64_t id,
                                std::uint64_t correlation) {
  return request_header(length, type.type.version, id, correlation != 0 ? correlation : id);
}

class send_port {
 public:
  // `map` is nullptr where the ring is not mapped or must not be used. `through` takes what would
  // be pushed by calls, and lives as long; nullptr: the backend itself does.
  send_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map,
            pump* through = nullptr);

  // correlation 0: the message's own id. OK, FULL, TOO_LARGE, TERMINATED (calls only; a closed ring
  // looks FULL). What the type's encoding throws passes through, and the slot is given back.
  status try_send(const codec& type, const void* message, std::uint64_t correlation,
                  std::uint64_t& id) {
    return mapped_ ? send_mapped(type, message, correlation, id)
                   : send_called(type, message, correlation, id);
  }

  // What one message has beyond the ordinary; see send_options.
  struct extras {
    bool urgent = false;
    std::uint64_t deadline_ns = 0;  // CLOCK_MONOTONIC; 0: none
  };
  // The same for such a message. Not inline: those pay for what they ask.
  status try_send(const codec& type, const void* message, std::uint64_t correlation,
                  const extras& with, std::uint64_t& id);
  // The queue was found full: ask the kernel to give up as many of the oldest requests as `count`
  // messages need. Where the backend has the queue, it has seen to that.
  void drop_oldest(bool urgent, std::uint64_t count);

  // An array of messages on its way. What became of it is the port's to fill, where the caller will
  // read it: a copy would be two fields at a time, and so wait until every store before has its
  // line, the messages' too.
  struct outgoing {
    const codec& type;
    const std::byte* messages;
    std::uint64_t count;
    batch_sent& sent;
    bool was_full = false;

    std::uint64_t left() const { return count - sent.count; }
    const std::byte* next() const { return messages + sent.count * type.stride; }
  };
  // As many of the rest as there is room for. OK when all are sent, else as try_send(); `sent` is
  // right in every case, also when an encoding throws.
  status try_send_batch(outgoing& batch);

  // A message is about to be sent: has its slot's lines come meanwhile.
  void expect_to_send() {
    if (mapped_) ring_.expect_to_write();
  }
  // A slot that is claimed now and filled later; see send_claim.cpp. `one_sender`: the application
  // promised so. OK, FULL, TOO_LARGE, TERMINATED.
  status try_claim(const codec& type, bool one_sender, claimed_slot& out);
  // `staged` is the message of a claim without payload. OK, TOO_LARGE, or what the backend says;
  // whatever happens the slot is given away.
  status commit(claimed_slot& slot, const codec& type, const void* staged, std::uint64_t& id);
  void abandon(claimed_slot& slot);
  // A claim that was given up where no slot had been claimed: no consumer skips and counts it.
  void count_given_up() { given_up_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t given_up() const { return given_up_.load(std::memory_order_relaxed); }

  // How many requests are in the queue, the one in hand included.
  std::uint64_t depth() const;
  // Mapped: the sequence that the next claim gets in each lane, and whether all before have been
  // handled.
  bool is_mapped() const { return mapped_; }
  struct place {
    std::uint64_t normal = 0;
    std::uint64_t urgent = 0;
  };
  place next_place() const;
  bool is_handled_below(const place& end) const;

  std::uint64_t sent() const;
  // Of calls: what the kernel passes by, requests and claims that were given up.
  std::uint64_t passed_to_calls() const;
  std::uint32_t payload_capacity() const { return payload_capacity_; }

 private:
  status send_mapped(const codec& type, const void* message, std::uint64_t correlation,
                     std::uint64_t& id);
  status send_called(const codec& type, const void* message, std::uint64_t correlation,
                     std::uint64_t& id, bool urgent = false);
  void abandon(ring::producer<>& lane, ring::claim& claim);
  status claim_mapped(const codec& type, bool one_sender, claimed_slot& out);
  status claim_called(const codec& type, bool one_sender, claimed_slot& out);
  status commit_mapped(claimed_slot& slot, const codec& type, const void* staged,
                       std::uint64_t& id);
  status commit_called(claimed_slot& slot, const codec& type, const void* staged,
                       std::uint64_t& id);
  status send_batch_mapped(outgoing& batch);
  status put(outgoing& batch, std::uint64_t first, std::uint64_t count);
  void abandon(std::uint64_t first, std::uint64_t count);
  status send_batch_called(outgoing& batch);
  status push(const rondo_envelope* headers, const void* const* payloads, std::uint64_t count,
              std::uint64_t& done);
  status push_called(const rondo_envelope* headers, const void* const* payloads,
                     std::uint64_t count, std::uint64_t& done);

  const backend_api& api_;
  rondo_queue* queue_;
  bool mapped_;
  pump* const pump_;
  const bool batches_;  // the backend offers push_batch
  ring::producer<> ring_;
  ring::producer<> urgent_;  // if has_urgent_
  bool has_urgent_ = false;
  ring::wake_line* wake_ = nullptr;
  std::uint32_t payload_capacity_;
  std::atomic<std::uint64_t> next_id_{0};  // calls only: a mapped ring's sequences are the ids
  std::atomic<std::uint64_t> accepted_{0};
  // Claims given up, and of the mapped ring those that are not yet committed.
  std::atomic<std::uint64_t> abandoned_{0};
  std::atomic<std::uint64_t> given_up_{0};
};

inline status send_port::send_mapped(const codec& type, const void* message,
                                     std::uint64_t correlation, std::uint64_t& id) {
  const bool more_follow = correlation == 0;  // a caller waits for his reply first
  ring::claim claim;
  const status code = ring_.try_reserve(type.type.max_bytes, claim, more_follow);
  if (code != RONDO_OK) [[unlikely]]
    return code;
  std::int64_t length = -1;
  try {
    length = type.encode(message, claim.payload, claim.capacity);
  } catch (...) {
    abandon(ring_, claim);
    throw;
  }
  if (length < 0) [[unlikely]] {
    abandon(ring_, claim);
    return RONDO_TOO_LARGE;
  }
  id = claim.sequence + 1;
  ring::commit_stamped(ring_, claim, header_of(length, type, id, correlation));
  if (wake_ != nullptr) ring::wake_if_parked(wake_);
  return RONDO_OK;
}

}  // namespace rondo::detail
