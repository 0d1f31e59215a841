// The objects of the faulty plugin: each stands before one of the wrapped plugin's and hands on
// what it is asked, but for the one thing that is broken. Only calls are handed on: rings are not
// mapped, or messages would pass by here, except by faults of the map itself.
#pragma once

#include "fault.hpp"
#include "lag.hpp"

#include <rondo/abi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rondo::faults {

// The wrapped plugin's tables; functions that it does not have are NULL.
struct inner_tables {
  const rondo_plugin_descriptor* descriptor = nullptr;
  rondo_backend_table backend{};
  rondo_kernel_table kernel{};
  rondo_queue_table queue{};
  rondo_buffer_table buffer{};
};
extern inner_tables inner;

extern const rondo_backend_table backend_functions;
extern const rondo_kernel_table kernel_functions;
extern const rondo_queue_table queue_functions;
extern const rondo_buffer_table buffer_functions;

bool inner_has(std::string_view capability);
bool shows_the_map();

template <class Function, class... Arguments>
rondo_status ask(Function function, Arguments... arguments) {
  return function != nullptr ? function(arguments...) : rondo_status{RONDO_UNSUPPORTED};
}

// What a failing call says, as the fault wants it said.
void explain(rondo_error_sink* sink, rondo_status code, const std::string& subject,
             const std::string& message);
// The sink to hand on: the caller's, or one that says too much or too little.
struct told {
  rondo_error_sink sink;
  rondo_error_sink* real;
  explicit told(rondo_error_sink* to);
  rondo_error_sink* get() { return real == nullptr ? nullptr : &sink; }
};

struct message {
  rondo_envelope header;
  std::vector<std::byte> payload;
};

// Handlers of the host image that are run with something in between.
const rondo_handler* tampered(const rondo_handler& handler);

// Hooks that are called wrongly, see hooks.cpp: what stands between the backend and a handler.
bool hooks_are_broken();
rondo_status start_wrongly(const rondo_handler& real, void* state, const void* argument,
                           std::uint32_t bytes, rondo_invocation* call);
rondo_status stop_wrongly(const rondo_handler& real, void* state, rondo_invocation* call);
rondo_status invoke_beside_hooks(const rondo_handler& real, void* state, const void* payload,
                                 rondo_emitter* out, rondo_invocation* call);
void change_start(rondo_kernel_params& params);
void kernel_is_launched();
void kernel_is_terminated(std::uint64_t tag, std::uint32_t mode);  // soon
rondo_status time_wrongly(const rondo_handler& real, void* state, rondo_invocation* call);
void kernel_is_inactive(std::uint64_t tag, std::thread& meanwhile);
void forget_hooks_of(void* state);

// A request is about to go to the kernel.
void message_is_pushed();

// What the kernel says of itself, as the fault wants it said. The caller holds its mutex.
void change_counters(rondo_kernel& kernel, rondo_kernel_counters& out);

// Whether this device went when another one was closed.
bool device_was_closed();

void leak_thread();
void show_names();
void leak_memory();  // 8 KiB

std::uint64_t now_ns();
void sleep_ms(std::uint64_t milliseconds);
std::uint32_t inner_state(rondo_kernel* kernel);

// Queues with rules, see rules.cpp. What the rules of a kernel's queues become, whether a push ends
// with `status` before it is made, what becomes of one that was FULL, and of replies to what was
// not handled.
void change_rules(rondo_kernel_params& params);
bool rules_refuse(rondo_queue* queue, rondo_envelope& header);
rondo_status rules_when_full(rondo_queue* queue, rondo_status status);
bool rules_swallow(const message& reply);
void rules_change_reply(rondo_kernel& kernel, message& reply);
void rules_change_counters(rondo_kernel_counters& out);
bool needs_the_rings();

// Independent requests, see independent.cpp: what becomes of a reply and of the one behind it.
void exchange_replies(rondo_queue* output, message& reply);

// Kernels in the pool, see pool.cpp. Whether a request to this one is lost.
void enter_pool(rondo_kernel* kernel);
void leave_pool(rondo_kernel* kernel);
bool pool_loses(rondo_kernel* kernel);
std::uint64_t inner_depth(rondo_queue* queue);

// Leases, see lease.cpp. Whether the wrapper keeps them; what becomes of one at a launch and a
// renewal; whether the kernel has ended for want of one.
bool keeps_leases();
void launch_lease(rondo_kernel& kernel);
rondo_status renew_lease(rondo_kernel* kernel);
bool lease_is_over(rondo_kernel* kernel);

// Handlers that are at work, see busy.cpp.
void enter_kernel(rondo_kernel* kernel);
void leave_kernel(rondo_kernel* kernel);
void wait_for_the_handler(rondo_kernel* kernel);
void wait_for_all_handlers();
rondo_status run_and_remember(const rondo_handler& real, void* state, const void* payload,
                              rondo_emitter* out, rondo_invocation* call);
void use_memory_of_hung(std::uint64_t tag);

// Where queues are found by name, if that is what is wrong.
void enter_name(rondo_kernel* kernel);
void leave_name(rondo_kernel* kernel);
rondo_queue* first_of_name(rondo_queue* queue);

}  // namespace rondo::faults

// The opaque types of abi.h. A pointer called `inner` is the wrapped plugin's and never looked
// into.
struct rondo_backend {
  rondo_backend* inner;
};
struct rondo_device {
  rondo_device* inner;
  std::thread::id opened_by;
};
struct rondo_queue {
  rondo_queue* inner = nullptr;
  rondo_kernel* kernel = nullptr;
  std::uint64_t capacity = 0;
  std::uint32_t payload_capacity = 0;
};
struct rondo_kernel {
  rondo_kernel* inner = nullptr;
  rondo_queue input, output;
  std::string id, input_name;
  const char* borrowed_id = nullptr;
  const char* borrowed_name = nullptr;
  std::uint64_t borrowed_name_size = 0;
  std::uint64_t handler_deadline_ns = 0;
  std::uint64_t tag = 0;
  std::uint32_t input_flags = 0, lanes = 1;
  std::uint64_t lease_ns = 0;
  std::atomic<std::uint64_t> renewed_ns = 0;  // 0: nobody has taken the lease over
  std::atomic<bool> lease_lapsed = false;

  std::recursive_mutex mutex;  // what follows
  std::uint64_t pushes = 0, pops = 0;
  std::uint64_t first_launch_ns = 0;
  std::uint64_t base_in = 0;                       // subtracted from messages_in
  std::vector<rondo::faults::message> held;        // requests that are kept back
  std::vector<rondo::faults::message> remembered;  // requests, for those who echo
  std::vector<rondo::faults::message> again;       // replies to be given once more
  std::uint32_t blocks = 1;
  std::uint64_t last_correlation = 0;
  std::uint32_t request_version = 0, response_version = 0, response_bytes = 0;
  bool is_independent = false, emits = false;
  bool says_resident = false;  // a launch failed
  bool is_pooled = false, had_version = false, had_given_up = false;
  std::uint64_t looks = 0;
  bool had_failure = false, says_inactive = false, says_launched = false, has_hung = false;
  std::uint64_t last_used_ns = 0;
  rondo_ring_map mapped{};
  rondo::faults::late_counters late;
  std::thread late_change, meanwhile;
};
