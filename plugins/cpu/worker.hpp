// The thread of one kernel: takes requests from the input ring, runs the handler, publishes
// replies. The kernel object commands it through `command`, it answers through `report`; everything
// else in here belongs to the thread while it runs. Shared by both, so that a handler that never
// returns keeps what it uses alive.
#pragma once

#include "memory.hpp"

#include <rondo/backend/ring_queue.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

namespace rondo::cpu {

enum class command : std::uint32_t { pause, run, drain, stop };
enum class report : std::uint32_t { none, paused, running, stopped };

// What the queues were asked for beyond one lane that waits; see worker_rules.cpp.
struct queue_rules {
  enum class when_full : std::uint32_t { wait, reject, drop_newest };

  bool timed = false;         // requests may have a deadline
  bool drops_oldest = false;  // senders may ask for requests to be given up
  bool urgent = false;        // there is a second lane
  when_full output = when_full::wait;

  bool any() const { return timed || drops_oldest || urgent || output != when_full::wait; }
};

struct worker_options {
  queue_rules rules;
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
  std::uint64_t dropped_oldest, expired, replies_dropped;
};

// Counters have one writer: a plain add, made visible to readers on other threads.
inline void add(std::uint64_t& counter, std::uint64_t n) {
  ring::platform::store_relaxed(&counter, counter + n);
}

// How long a producer sleeps between looks at a full output once it has stopped spinning: the host
// does not announce free slots.
inline constexpr std::uint64_t full_output_nap_ns = 50'000;

inline constexpr std::uint32_t looks_per_heartbeat = 1024;  // while spinning

inline void nap() {
  const timespec t{0, static_cast<long>(full_output_nap_ns)};
  nanosleep(&t, nullptr);
}

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

  // Where a queue ends, in each lane.
  struct ends {
    std::uint64_t normal = 0;
    std::uint64_t urgent = 0;
  };
  // While no thread runs: drop the requests below these sequences, now or, if a sender is still
  // writing one, when it turns up. Returns how many.
  std::uint64_t discard_below(const ends& sequences);
  void prepare_launch();
  // For drain: stop after the requests before these sequences. Set before the order.
  void drain_until(const ends& sequences) { drain_until_ = sequences; }

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
  std::uint64_t spin_time() const;
  static void commit_to_ring(rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                             std::uint32_t flags);
  std::uint64_t discard_below(ring::consumer<>& lane, std::uint64_t sequence);

  // Where the queues have rules.
  void serve_by_rules(command during);
  bool step_by_rules();
  void rest_by_rules(command during, ring::spinner& spinner);
  bool handle_by_rules(const ring::message& request);
  rondo_status peek_by_rules(ring::message& out, ring::consumer<>*& from);
  bool may_have_request();
  bool is_drained() const;
  void wait_paused();
  bool give_up_oldest(ring::consumer<>& lane);
  bool take(const ring::message& request, const ring::consumer<>& from);
  bool give_up(const ring::message& request);
  bool answer_unhandled(const ring::message& request, rondo_status code, std::string_view text);
  rondo_status room_by_rules();
  bool fail_by_rules();
  void abandon_by_rules();
  static void commit_to_nothing(rondo_emitter* self, std::uint32_t length, std::uint16_t version,
                                std::uint32_t flags);
  struct notice {
    std::uint64_t correlation_id = 0;
    rondo_failure failure{};
    std::uint32_t text_length = 0;
  };
  notice failure_of_request() const;
  bool put(const notice& what);
  void owe(notice what);
  void tell_owed();

  const rondo_handler& handler_;
  const worker_options options_;
  std::shared_ptr<buffer_table> buffers_;
  backend::ring_input input_;
  backend::ring_output output_;
  void* state_ = nullptr;

  alignas(ring::line_bytes) std::uint32_t command_ = static_cast<std::uint32_t>(command::pause);
  alignas(ring::line_bytes) std::uint32_t report_ = static_cast<std::uint32_t>(report::none);

  alignas(ring::line_bytes) ring::consumer<> in_;
  ring::consumer<> urgent_in_;
  ring::producer<> out_;
  ring::claim reply_;
  bool reply_open_ = false;
  // Whether the next reply is likely to come soon: several to a request, or requests that come
  // without a pause.
  bool more_follow_ = false;
  std::uint64_t skip_below_ = 0;
  std::uint64_t skip_urgent_below_ = 0;
  ends drain_until_;
  rondo_invocation invocation_{};
  worker_counters counters_{};
  std::deque<notice> owed_;            // failures that wait for room in the output
  std::unique_ptr<std::byte[]> lost_;  // where a reply is written that nobody will get
};

}  // namespace rondo::cpu
