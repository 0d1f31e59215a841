// What a device backend's host side and the persistent kernel of one handler agree on: the launch
// arguments, the lines they talk through, and the facts that are compared before the first launch.
// Everything here is plain data with fixed offsets, compiled by both sides.
//
// Lines that the host writes and the kernel polls, and lines that the kernel writes, never share a
// cache line, and no two kernels share any [RING-04].
#pragma once

#include <rondo/ring/latency.hpp>
#include <rondo/ring/protocol.hpp>

#include <cstddef>
#include <cstdint>

namespace rondo::device {

inline constexpr std::uint32_t contract_version = 3;

enum class action : std::uint32_t {
  probe = 1,    // write a probe_record and end
  serve = 2,    // poll the input until told to stop
  destroy = 3,  // run the destructor of the handler's state and end
};

enum class command : std::uint32_t {
  pause = 1,  // take no message
  run = 2,
  drain = 3,  // handle what lies below drain_until, then end
  stop = 4,   // end after the request in hand, or the few quick ones that were found with it
  leave = 5,  // the same without on_stop: the kernel comes back, or its handler has failed
};

// A command with a running number, so that an answer to it cannot be one to an earlier command.
constexpr std::uint32_t command_word(std::uint32_t number, command what) {
  return number << 3 | static_cast<std::uint32_t>(what);
}
RONDO_HD constexpr command command_of(std::uint32_t word) { return static_cast<command>(word & 7); }

// Written by the host only, 16 bytes in one store; the kernel reads them with its poll. What a
// drain needs to know of a second lane is another such piece, written before the first: it belongs
// to the order whose word it bears.
struct alignas(ring::line_bytes) control_line {
  std::uint64_t drain_until;  // a sequence of the input
  std::uint32_t lease;        // any other value than before: the host is alive
  std::uint32_t word;         // command_word()
  std::uint64_t drain_urgent_until;
  std::uint32_t reserved;
  std::uint32_t urgent_word;
};

enum class ending : std::uint32_t {
  none = 0,
  ordered = 1,       // stop, or drained
  lease_lapsed = 2,  // the host was silent
  broken_ring = 3,   // a counter of the other side is impossible
  idle = 4,          // launched for what was waiting, and nothing is left
  refused = 5,       // on_start failed; see hook_failure
};

// What a handler may have beside its operator(). Thread 0 of block 0 alone runs them, whatever the
// handler's execution.
enum class hook : std::uint32_t { start, stop, timer };
inline constexpr std::uint32_t hook_count = 3;
constexpr std::uint32_t hook_bit(hook which) { return 1u << static_cast<std::uint32_t>(which); }

// Written by the kernel only.
struct alignas(ring::line_bytes) report_line {
  std::uint64_t obeyed;  // the last command word that was carried out | ending << 32
};

// Written by the kernel only, as a whole. Times are those of the device's clock, nanoseconds.
struct alignas(ring::line_bytes) counters_line {
  std::uint64_t messages_in, messages_out, messages_failed, messages_dropped;
  std::uint64_t bytes_in, bytes_out, polls, heartbeat;
  std::uint64_t handler_samples, handler_sampled_ns, handler_sampled_max_ns;
  std::uint64_t busy_since;  // when the handler in hand began, if deadlines are watched; else 0
  std::uint64_t input_next;  // the first sequence of the input that was not handled
  std::uint64_t output_next;
  std::uint64_t launches;  // how often the kernel was started
  std::uint64_t timer_at;  // when the last launch ended: when on_timer is due; 0: not
};

// Of each hook one, written by the kernel only, at the first failure in a life.
struct alignas(ring::line_bytes) hook_failure {
  std::uint64_t life;  // launch_args::life, written last
  std::uint32_t text_length;
  rondo_failure said;
};

// Written by the kernel only, each number when it changes, and a little before the counters.
struct alignas(ring::line_bytes) latency_block {
  ring::latency_counts counts;
};

// Of kernels whose queues have rules, written by the kernel only, each number when it changes.
struct alignas(ring::line_bytes) rules_line {
  std::uint64_t dropped_oldest, expired, replies_dropped;
  std::uint64_t owed;  // answers that wait for room in the output
};

// An answer for somebody who waits, that found the output full.
struct owed_answer {
  std::uint64_t correlation_id;
  std::uint32_t text_length;
  rondo_failure said;
};

// In device memory, zeroed when the kernel is created; the state of the rules, which outlives a
// launch. Behind it lie the answers that are owed, as many as the launch arguments say.
struct alignas(ring::line_bytes) rules_block {
  rules_line counts;
  std::uint64_t first_owed;  // its place among the answers
};

// One ring as the kernel addresses it.
struct ring_args {
  std::uint64_t slots;
  std::uint64_t producer_line;
  std::uint64_t consumer_line;
  std::uint64_t capacity;
  std::uint32_t publication;
  std::uint32_t stride;
  std::uint32_t payload_capacity;
  std::uint32_t reserved;
};

// In device memory, zeroed when the kernel is created; what outlives a launch.
struct alignas(ring::line_bytes) resume_block {
  std::uint64_t constructed;  // the handler's state is
  std::uint64_t output_next;
  counters_line counters;
  // Of handlers with hooks. A life goes from a launch to its terminate, through all launches of the
  // grid that it takes.
  std::uint64_t begun;     // the life in which on_start ran last
  std::uint64_t refused;   // it failed
  std::uint64_t ended;     // the life in which on_stop ran last
  std::uint64_t timer_at;  // set by call_again_after(), on the device's clock; 0: none
  ring::latency_counts latencies;
  // Of grids with several blocks; zeroed before each launch.
  std::uint64_t go;       // message number << 1, or 1: leave
  std::uint64_t arrived;  // blocks at the barrier, counted up for ever
  std::uint64_t aborted;  // somebody does not come: do not wait
};

enum : std::uint32_t {
  flag_once = 1u << 0,     // end when nothing is waiting (event-driven mode)
  flag_watched = 1u << 1,  // the host watches the handler's deadline
  flag_near = 1u << 2,     // the input's slots lie in device memory: a look at them alone is short
  flag_clock = 1u << 3,    // clock_ahead is known, so stamps of the host mean something
  // What the queues were asked for beyond one lane that waits. Only the entry for rules reads them.
  flag_timed = 1u << 4,         // requests may have a deadline
  flag_drops_oldest = 1u << 5,  // senders may ask for requests to be given up
  flag_urgent = 1u << 6,        // there is a second lane
  flag_reject = 1u << 7,        // nobody waits for a full output: the request fails
  flag_drop_newest = 1u << 8,   // the same: its reply is dropped
};
constexpr std::uint32_t flags_of_rules =
    flag_timed | flag_drops_oldest | flag_urgent | flag_reject | flag_drop_newest;

// The kernel's only parameter. Addresses are the device's.
struct launch_args {
  std::uint32_t struct_size;
  std::uint32_t contract;
  std::uint32_t what;  // action
  std::uint32_t flags;
  ring_args input;
  ring_args output;
  std::uint64_t control;   // control_line
  std::uint64_t report;    // report_line
  std::uint64_t counters;  // counters_line
  std::uint64_t resume;    // resume_block
  std::uint64_t state;     // the handler's object
  std::uint64_t scratch;   // what probe_record asks for; 0 if nothing
  std::uint64_t buffers;   // rondo_buffer_entry[buffer_count]
  std::uint64_t buffer_count;
  std::uint64_t kernel_tag;
  std::uint64_t skip_below;    // drop the requests below this sequence
  std::uint64_t lease_ns;      // 0: none
  std::uint64_t spin_ns;       // how long to look without a break after a message
  std::uint64_t probe;         // probe_record
  std::uint64_t life;          // a number that changes with each launch that the host is asked for
  std::uint64_t failed_hooks;  // hook_failure[hook_count]
  std::uint64_t start_argument;  // encoded, in start_room bytes of device memory
  std::uint32_t nap_ns;          // the longest break between two looks of an idle kernel; 0: none
  std::uint32_t start_bytes;
  std::uint64_t latencies;    // latency_block
  std::uint64_t clock_ahead;  // the device's clock minus CLOCK_MONOTONIC, modulo 2^64
  // Where the queues have rules.
  ring_args urgent_input;
  std::uint64_t skip_urgent_below;
  std::uint64_t rules;       // rules_block
  std::uint64_t rules_line;  // rules_line
  std::uint64_t most_owed;   // answers behind the rules_block; 0 if the output is waited for
};

// What both sides must have compiled alike. All fields are numbers of 32 bits, so that they can be
// compared one by one, each with its name.
#define RONDO_LAYOUT_FACTS(X)                                             \
  X(contract_version, ::rondo::device::contract_version)                  \
  X(ring_layout_version, ::rondo::ring::layout_version)                   \
  X(envelope_bytes, sizeof(rondo_envelope))                               \
  X(envelope_flags_at, offsetof(rondo_envelope, flags))                   \
  X(envelope_correlation_at, offsetof(rondo_envelope, correlation_id))    \
  X(failure_bytes, sizeof(rondo_failure))                                 \
  X(failure_text_at, offsetof(rondo_failure, text))                       \
  X(invocation_bytes, sizeof(rondo_invocation))                           \
  X(timed_invocation_bytes, sizeof(rondo_timed_invocation))               \
  X(buffer_entry_bytes, sizeof(rondo_buffer_entry))                       \
  X(producer_line_bytes, sizeof(::rondo::ring::producer_line))            \
  X(consumer_line_bytes, sizeof(::rondo::ring::consumer_line))            \
  X(control_word_at, offsetof(::rondo::device::control_line, word))       \
  X(urgent_word_at, offsetof(::rondo::device::control_line, urgent_word)) \
  X(rules_bytes, sizeof(::rondo::device::rules_block))                    \
  X(owed_answer_bytes, sizeof(::rondo::device::owed_answer))              \
  X(counters_bytes, sizeof(::rondo::device::counters_line))               \
  X(hook_failure_bytes, sizeof(::rondo::device::hook_failure))            \
  X(latency_bytes, sizeof(::rondo::device::latency_block))                \
  X(resume_bytes, sizeof(::rondo::device::resume_block))                  \
  X(launch_args_bytes, sizeof(::rondo::device::launch_args))              \
  X(launch_args_state_at, offsetof(::rondo::device::launch_args, state))  \
  X(launch_args_life_at, offsetof(::rondo::device::launch_args, life))    \
  X(launch_args_nap_at, offsetof(::rondo::device::launch_args, nap_ns))   \
  X(max_chunks, ::rondo::ring::max_chunks)

struct layout_facts {
#define RONDO_FACT_FIELD(name, value) std::uint32_t name;
  RONDO_LAYOUT_FACTS(RONDO_FACT_FIELD)
#undef RONDO_FACT_FIELD
};
#define RONDO_FACT_VALUE(name, value) static_cast<std::uint32_t>(value),
RONDO_HD constexpr layout_facts current_layout() { return {RONDO_LAYOUT_FACTS(RONDO_FACT_VALUE)}; }
#undef RONDO_FACT_VALUE

// Written by action::probe: how the device compiler saw things.
struct alignas(ring::line_bytes) probe_record {
  layout_facts layout;
  std::uint32_t handler_flags;  // RONDO_HANDLER_*
  std::uint32_t request_max_bytes;
  std::uint32_t response_max_bytes;
  std::uint32_t scratch_bytes;      // device memory that a kernel needs for its messages
  std::uint32_t shared_per_thread;  // shared memory that a launch needs, for each thread
  std::uint32_t hooks;              // bits of hook
  std::uint32_t start_max_bytes;
  std::uint32_t start_room;  // device memory for the start argument, encoded and decoded
  std::uint64_t start_schema;
  std::uint64_t request_schema;
  std::uint64_t response_schema;
  std::uint64_t state_bytes;
  std::uint64_t state_alignment;
  std::uint32_t destroys;  // the state's destructor does something
  std::uint64_t clock;     // the device's clock
  std::uint64_t done;      // written last: 1
};

static_assert(sizeof(control_line) == ring::line_bytes && offsetof(control_line, word) == 12 &&
              offsetof(control_line, drain_urgent_until) == 16 &&
              offsetof(control_line, urgent_word) == 28);
static_assert(sizeof(counters_line) == ring::line_bytes);

}  // namespace rondo::device
