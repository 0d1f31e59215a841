// The receiving end of a kernel's output queue, mapped or through calls. One thread at a time; the
// reply router sees to that.
#pragma once

#include <rondo/batch.hpp>
#include <rondo/plugin_library.hpp>
#include <rondo/ring/map.hpp>
#include <rondo/ring/wait.hpp>

#include <atomic>
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
    if (way_ != way::mapped) [[unlikely]]
      return way_ == way::called ? peek_called(out) : peek_held(out);
    ring::message m;
    const status code = ring_.peek(m);
    out = {m.header, m.payload};
    return code;
  }
  // A short look for loops that wait: if false, peek() would say EMPTY.
  bool may_have_reply() { return way_ != way::mapped || ring_.may_have_message(); }
  void release() {
    advance();
    publish();
  }
  // The two halves of release(). What was advanced past is readable until the next peek(), and its
  // slot is taken until publish().
  void advance() {
    if (way_ == way::mapped) [[likely]] {
      ring_.advance();
      unpublished_ = true;
    } else if (way_ == way::called) {
      ++next_;
    } else {
      ring_.advance();
    }
  }
  void publish() {
    if (!unpublished_) return;
    ring_.publish_head();
    unpublished_ = false;
  }
  // Leaves the oldest reply, just peeked at, to somebody who reads it where it lies: from now on
  // peek() gives what comes behind it, and neither its slot nor a later one is given back until
  // end_hold(). False, and nothing has changed, where that cannot be: through calls, chunked, with
  // one slot, and while another reply is held.
  bool hold();
  // Any thread. The slots are given back by the next peek(); see wake().
  void end_hold() { hold_is_over_.store(true, std::memory_order_release); }  // SYNC: hold
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
  // Who has the queue: this port, the backend (calls), or this port behind a reply that is held.
  enum class way : std::uint8_t { mapped, called, held };

  static void nap();
  status peek_held(seen& out);
  status peek_called(seen& out, std::uint64_t wanted = 1);
  status refill(std::uint64_t wanted);
  std::uint64_t run_one_by_one(const reply_sink& sink, std::uint64_t most);

  const backend_api& api_;
  rondo_queue* queue_;
  way way_;
  const bool batches_;  // the backend offers pop_batch
  bool unpublished_ = false;
  ring::consumer<> ring_;
  ring::wake_line* wake_ = nullptr;
  std::uint32_t payload_capacity_ = 0;
  std::uint64_t capacity_ = 0;
  std::atomic<bool> hold_is_over_{false};
  // Calls: replies are popped ahead, one, or as many as a batch asks for. next_ of count_ is the
  // oldest that was not advanced past.
  std::vector<rondo_envelope> headers_;
  std::vector<std::byte> bytes_;
  std::vector<void*> payloads_;
  std::uint64_t next_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace rondo::detail
