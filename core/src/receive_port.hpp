// The receiving end of a kernel's output queue, mapped or through calls. One thread at a time; the
// reply router sees to that.
#pragma once

#include <rondo/error.hpp>
#include <rondo/plugin_library.hpp>
#include <rondo/ring/map.hpp>
#include <rondo/ring/wait.hpp>

#include <cstdint>
#include <vector>

namespace rondo::detail {

class receive_port {
 public:
  receive_port(const backend_api& api, rondo_queue* queue, const rondo_ring_map* map);

  struct seen {
    const rondo_envelope* header = nullptr;
    const std::byte* payload = nullptr;
  };
  // The oldest reply; it stays until release(). OK, EMPTY, MALFORMED (release() it), INTERNAL, or
  // what the backend's pop says, DEVICE_LOST for example.
  status peek(seen& out);
  void release();

  // Sleep until there may be a reply, or until the deadline. `stop` ends the sleep too.
  template <class Stop>
  void park(std::uint64_t deadline_ns, Stop&& stop) {
    if (wake_ == nullptr) return nap();
    ring::park(wake_, deadline_ns, [&] {
      seen ignored;
      return stop() || peek(ignored) != RONDO_EMPTY;
    });
  }
  // Any thread: end a park.
  void wake();

  std::uint32_t payload_capacity() const { return payload_capacity_; }
  std::uint64_t capacity() const { return capacity_; }

 private:
  static void nap();
  status peek_called(seen& out);

  const backend_api& api_;
  rondo_queue* queue_;
  bool mapped_;
  ring::consumer<> ring_;
  ring::wake_line* wake_ = nullptr;
  std::uint32_t payload_capacity_ = 0;
  std::uint64_t capacity_ = 0;
  // Calls: one reply is popped ahead.
  rondo_envelope header_{};
  std::vector<std::byte> payload_;
  bool held_ = false;
};

}  // namespace rondo::detail
