// The receiving end of a kernel's output queue, mapped or through calls. One thread at a time; the
// reply router sees to that.
#pragma once

#include <rondo/batch.hpp>
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
  status peek(seen& out) {
    if (!mapped_) [[unlikely]]
      return peek_called(out);
    ring::message m;
    const status code = ring_.peek(m);
    out = {m.header, m.payload};
    return code;
  }
  // A short look for loops that wait: if false, peek() would say EMPTY.
  bool may_have_reply() { return !mapped_ || ring_.may_have_message(); }
  void release() {
    advance();
    publish();
  }
  // The two halves of release(). What was advanced past is readable until the next peek(), and its
  // slot is taken until publish().
  void advance() {
    if (mapped_) [[likely]] {
      ring_.advance();
      unpublished_ = true;
    } else {
      ++next_;
    }
  }
  void publish() {
    if (!unpublished_) return;
    ring_.publish_head();
    unpublished_ = false;
  }
  // Hands replies for receivers to the sink, at most `most`, up to the first that is for a call or
  // no reply at all; frees their slots at once. Returns how many. When the sink throws, the reply
  // it had is advanced past, and not published.
  std::uint64_t run(const reply_sink& sink, std::uint64_t most);

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
  status peek_called(seen& out, std::uint64_t wanted = 1);
  status refill(std::uint64_t wanted);
  std::uint64_t run_called(const reply_sink& sink, std::uint64_t most);

  const backend_api& api_;
  rondo_queue* queue_;
  bool mapped_;
  const bool batches_;  // the backend offers pop_batch
  bool unpublished_ = false;
  ring::consumer<> ring_;
  ring::wake_line* wake_ = nullptr;
  std::uint32_t payload_capacity_ = 0;
  std::uint64_t capacity_ = 0;
  // Calls: replies are popped ahead, one, or as many as a batch asks for. next_ of count_ is the
  // oldest that was not advanced past.
  std::vector<rondo_envelope> headers_;
  std::vector<std::byte> bytes_;
  std::vector<void*> payloads_;
  std::uint64_t next_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace rondo::detail
