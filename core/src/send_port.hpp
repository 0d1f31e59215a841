// The sending end of a kernel's input queue: straight into the ring where the backend maps it,
// through the backend's calls where it does not. Any number of threads; never waits.
#pragma once

#include <rondo/kernel.hpp>
#include <rondo/plugin_library.hpp>
#include <rondo/ring/map.hpp>

#include <atomic>
#include <cstdint>

namespace rondo::detail {

class send_port {
 public:
  // `map` is nullptr where the ring is not mapped or must not be used.
  send_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map);

  // correlation 0: the message's own id. OK, FULL, TOO_LARGE, TERMINATED (calls only; a closed ring
  // looks FULL). What the type's encoding throws passes through, and the slot is given back.
  status try_send(const codec& type, const void* message, std::uint64_t correlation,
                  std::uint64_t& id);

  std::uint64_t sent() const;
  std::uint32_t payload_capacity() const { return payload_capacity_; }

 private:
  status send_mapped(const codec& type, const void* message, std::uint64_t correlation,
                     std::uint64_t& id);
  status send_called(const codec& type, const void* message, std::uint64_t correlation,
                     std::uint64_t& id);
  void abandon(ring::claim& claim);

  const backend_api& api_;
  rondo_queue* queue_;
  bool mapped_;
  ring::producer<> ring_;
  ring::wake_line* wake_ = nullptr;
  std::uint32_t payload_capacity_;
  std::atomic<std::uint64_t> next_id_{0};  // calls only: a mapped ring's sequences are the ids
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> abandoned_{0};  // claimed in the mapped ring and given up
};

}  // namespace rondo::detail
