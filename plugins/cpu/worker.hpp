// What runs one kernel, on a thread of its own or in turns on a pool's: takes requests from the
// input ring, runs the handler, publishes replies. The kernel object commands it through `command`,
// it answers through `report`; everything else in here belongs to the thread that runs it. Shared
// by both, so that a handler that never returns keeps what it uses alive.
#pragma once

#include "memory.hpp"
#include "run_queue.hpp"

#include <rondo/backend/ring_queue.hpp>
#include <rondo/ring/latency.hpp>
#include <rondo/ring/run.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::cpu {

// `abandon` is `stop` for a kernel that has failed: its handler is not called any more.
enum class command : std::uint32_t { pause, run, drain, stop, abandon };
enum class report : std::uint32_t { none, paused, running, stopped, refused };

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
  std::string id;
  std::vector<std::byte> start_argument;
};

// What a turn on a pool's thread ended with.
struct turn_end {
  enum kind : std::uint32_t { more, idle, over } what;
  report last = report::none;    // over: what to report when nothing of the worker is used any more
  std::uint64_t wake_at_ns = 0;  // idle: when its next turn is due unasked; 0: never
};

class pool;

// Written by the worker's thread only, read by anyone.
struct alignas(ring::line_bytes) worker_counters {
  std::uint64_t messages_in, messages_out, messages_failed, messages_dropped;
  std::uint64_t bytes_in, bytes_out, polls, heartbeat_ns;
  std::uint64_t handler_samples, handler_sampled_ns, handler_sampled_max_ns;
  std::uint64_t busy_since_ns;  // when the handler in hand began, if deadlines are watched; else 0
  std::uint64_t dropped_oldest, expired, replies_dropped;
};

// A timed request that was handled.
struct timing {
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t waited_ns = 0;  // of that, for room in the output
};

class worker : private rondo_emitter {
 public:
  // Constructs the handler's state; throws backend::failure if its constructor does.
  worker(const rondo_handler& handler, const worker_options& options,
         std::shared_ptr<buffer_table> buffers, backend::ring_memory input,
         backend::ring_memory output, pool* shared);
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  // The main function of a thread of its own; returns after a stop command.
  void run();
  // On a thread of the pool: what is ordered, with a bounded number of requests, without waiting.
  turn_end turn();
  // Between turns, by whoever holds the worker: whether another would do anything.
  bool has_work();
  // The end, where no thread will come to it any more.
  void finish();

  static constexpr std::uint32_t messages_per_turn = 64;

  // Any thread.
  void order(command what);
  command ordered() const {
    return static_cast<command>(__atomic_load_n(&command_, __ATOMIC_ACQUIRE));  // SYNC: command
  }
  // What was ordered, `what`, shall not be done after all; goes back to `before` unless a later
  // order has taken its place.
  void take_back(command what, command before);
  // Wait until the worker reports `what`; false when the deadline (CLOCK_MONOTONIC) passes first,
  // or it will not report it, because on_start failed.
  bool wait_for(report what, std::uint64_t deadline_ns);
  void tell(report what);
  report reported() const;
  // After report::refused: what on_start said.
  backend::failure refusal() const;
  // The handler runs past its deadline, or did when somebody looked and gave it up.
  bool is_hung() const;
  // Its handler is not called any more.
  void give_up() { __atomic_store_n(&given_up_, true, __ATOMIC_RELEASE); }  // SYNC: given-up

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
  const ring::latency_counts& latencies() const { return latencies_; }
  const worker_options& options() const { return options_; }
  ring::wake_line* line() { return input_.memory().wake_line(); }
  pool_place place;

 private:
  enum class pace : std::uint8_t { untimed, timed };  // whether the handler has an on_timer()
  void serve(command during);
  template <pace Pace>
  void serve_at(command during);
  turn_end serve_turn(command during);
  turn_end rest_until_due();
  bool start();
  template <class Hook>
  bool call_hook(Hook&& hook);
  void warn_of(const char* hook);
  bool is_given_up() const {
    return __atomic_load_n(&given_up_, __ATOMIC_ACQUIRE);  // SYNC: given-up
  }
  void run_due_timer();
  bool step();
  bool handle(const ring::message& request);
  bool settle(rondo_status status);
  bool may_stream() const;
  std::uint64_t stream(command during);
  // The replies of a burst, in memory of its own.
  struct burst_places {
    static constexpr std::uint32_t most_reply_bytes = 224;  // longer ones take their time
    struct alignas(ring::line_bytes) reply {
      rondo_envelope header;
      std::byte payload[most_reply_bytes];
    };
    reply replies[RONDO_MAX_BURST];  // by word publication
    // With headers apart: payloads that lie as in their slots, and the headers of what is not
    // plain.
    struct alignas(ring::line_bytes) line {
      std::byte bytes[ring::line_bytes];
    };
    std::unique_ptr<line[]> payloads;
    alignas(16) rondo_envelope headers[RONDO_MAX_BURST];

    explicit burst_places(const ring::geometry& slots) {
      if (slots.how == ring::publication::apart)
        payloads = std::make_unique<line[]>(RONDO_MAX_BURST * slots.stride / ring::line_bytes + 1);
    }
    std::byte* payload(std::uint64_t i, std::uint64_t stride) {
      return payloads[0].bytes + i * stride;
    }
  };
  bool may_burst() const;
  std::uint64_t burst(command during);
  void burst_of_words(command during, std::uint64_t end);
  void burst_apart(command during, std::uint64_t end);
  void invoke(rondo_burst& burst);
  void count_burst(std::uint64_t answered, std::uint64_t bytes_in, std::uint64_t bytes_out);
  template <class Requests>
  bool end_burst(Requests& requests, const rondo_burst& burst);
  void count_timed(const rondo_envelope& request, const timing& took);
  bool fail_request();
  template <pace Pace>
  void rest(command during, ring::spinner& spinner);
  void* reserve_reply(std::uint32_t bytes);
  bool reserve_ahead();
  rondo_status wait_for_room(std::uint32_t bytes);
  void commit_reply(std::uint32_t length, std::uint16_t version, std::uint32_t flags);
  bool must_give_up() const;
  std::uint64_t spin_time() const;
  static void* reserve_in_ring(rondo_emitter* self, std::uint32_t bytes);
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
  bool put_in_turn(const notice& what);
  static void* reserve_behind_owed(rondo_emitter* self, std::uint32_t bytes);
  bool may_owe(const ring::message& request) const;
  void owe(notice what);
  void tell_owed();

  const rondo_handler handler_;
  const worker_options options_;
  pool* const pool_;  // nullptr: a thread of its own
  std::shared_ptr<buffer_table> buffers_;
  backend::ring_input input_;
  backend::ring_output output_;
  void* state_ = nullptr;

  alignas(ring::line_bytes) std::uint32_t command_ = static_cast<std::uint32_t>(command::pause);
  alignas(ring::line_bytes) std::uint32_t report_ = static_cast<std::uint32_t>(report::none);

  const bool reserves_ahead_;  // room for the one reply of a request, before its handler is called
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
  rondo_timed_invocation invocation_{};
  std::uint64_t timer_at_ns_ = 0;  // when on_timer() is due; 0: not
  bool is_started_ = false;
  bool has_warned_ = false;
  // Pool: the last turn's order, and whether the output was full; how long the next look is put
  // off.
  command acted_ = command::pause;
  bool is_blocked_ = false;
  std::uint64_t put_off_ns_ = 0;
  bool given_up_ = false;
  worker_counters counters_{};
  alignas(ring::line_bytes) ring::latency_counts latencies_{};
  std::uint64_t waited_for_room_ns_ = 0;  // since a timed request was begun
  std::deque<notice> owed_;               // failures that wait for room in the output
  std::unique_ptr<burst_places> bursts_;  // if there may be bursts
  std::unique_ptr<std::byte[]> lost_;     // where a reply is written that nobody will get
};

}  // namespace rondo::cpu
