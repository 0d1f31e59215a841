// The thread of one kernel: takes requests from the input ring, runs the handler, publishes
// replies. The kernel object commands it through `command`, it answers through `report`; everything
// else in here belongs to the thread while it runs. Shared by both, so that a handler that never
// returns keeps what it uses alive.
#pragma once

#include "memory.hpp"

#include <rondo/backend/ring_queue.hpp>

#include <cstdint>
#include <memory>

namespace rondo::cpu {

enum class command : std::uint32_t { pause, run, drain, stop };
enum class report : std::uint32_t { none, paused, running, stopped };

struct worker_options {
  std::uint32_t wait = RONDO_WAIT_SPIN_THEN_PARK;
  std::uint64_t spin_ns = 0;
  std::uint64_t handler_deadline_ns = 0;
  std::uint64_t kernel_tag = 0;
};

// Written by the worker's thread only, read by anyone.
struct alignas(ring::line_bytes) worker_counters {
  std::uint64_t messages_in, messages_out, messages_failed, messages_dropped;
  std::uint64_t bytes_in, bytes_out, polls, heartbeat_ns;
  std::uint64_t handler_samples, handler_sampled_ns, handler_sampled_max_ns;
  std::uint64_t busy_since_ns;  // when the handler in hand began, if deadlines are watched; else 0
};

class worker : private rondo_emitter {
 public:
  // Constructs the handler's state; throws backend::failure if its constructor does.
  worker(const rondo_handler& handler, const worker_options& options,
         std::shared_ptr<buffer_table> buffers, backend::ring_memory input,
         backend::ring_memory output);
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  // The thread's main function; returns after a stop command.
  void run();

  // Any thread.
  void order(command what);
  command ordered() const;
  // What was ordered, `what`, shall not be done after all; goes back to `before` unless a later
  // order has taken its place.
  void take_back(command what, command before);
  // Wait until the worker reports `what`; false when the deadline (CLOCK_MONOTONIC) passes first.
  bool wait_for(report what, std::uint64_t deadline_ns);

  // While no thread runs: drop the requests below this sequence, now or, if a sender is still
  // writing one, when it turns up. Returns how many.
  std::uint64_t discard_below(std::uint64_t sequence);
  void prepare_launch();
  // For drain: stop after the request before this sequence. Set before the order.
  void drain_until(std::uint64_t sequence) { drain_until_ = sequence; }

  backend::ring_input& input() { return input_; }
  backend::ring_output& output() { return output_; }
  const worker_counters& counters() const { return counters_; }
  const rondo_handler& handler() const { return handler_; }

 private:
  void serve(command during);
  bool step();
  bool handle(const ring::message& request);
  void count_sample(std::uint64_t begin_ns);
  bool fail_request();
  void rest(command during, ring::spinner& spinner);
  void tell(report what);
  void* reserve_reply(std::uint32_t bytes);
  rondo_status wait_for_room(std::uint32_t bytes);
  void commit_reply(std::uint32_t length, std::uint16_t version, std::uint32_t flags);
  bool must_give_up() const;

  const rondo_handler& handler_;
  const worker_options options_;
  std::shared_ptr<buffer_table> buffers_;
  backend::ring_input input_;
  backend::ring_output output_;
  void* state_ = nullptr;

  alignas(ring::line_bytes) std::uint32_t command_ = static_cast<std::uint32_t>(command::pause);
  alignas(ring::line_bytes) std::uint32_t report_ = static_cast<std::uint32_t>(report::none);

  alignas(ring::line_bytes) ring::consumer<> in_;
  ring::producer<> out_;
  ring::claim reply_;
  bool reply_open_ = false;
  // Whether the next reply is likely to come soon: several to a request, or requests that come
  // without a pause.
  bool more_follow_ = false;
  std::uint64_t skip_below_ = 0;
  std::uint64_t drain_until_ = 0;
  rondo_invocation invocation_{};
  worker_counters counters_{};
};

}  // namespace rondo::cpu
