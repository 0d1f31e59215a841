// What an application may choose when it opens the runtime, launches a kernel and ends it. Every
// field has a default that works; strings and lists spell theirs out, or GCC would warn about each
// that a designated initialiser leaves out.
#pragma once

#include <rondo/abi.h>
#include <rondo/probe.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo {

using std::chrono::nanoseconds;

enum class kernel_state : std::uint32_t {
  created = RONDO_STATE_CREATED,
  launched = RONDO_STATE_LAUNCHED,
  active = RONDO_STATE_ACTIVE,
  inactive = RONDO_STATE_INACTIVE,
  terminated = RONDO_STATE_TERMINATED,
  failed = RONDO_STATE_FAILED,
};

// What a kernel, and a caller that waits for it, do while there is nothing to do.
enum class wait_policy : std::uint32_t {
  backend_default = RONDO_WAIT_DEFAULT,
  spin = RONDO_WAIT_SPIN,                      // lowest latency, one processor each
  spin_then_park = RONDO_WAIT_SPIN_THEN_PARK,  // spin for `spin_time`, then sleep
  park = RONDO_WAIT_PARK,                      // sleep after some microseconds
};

// How a message becomes visible to the other side; see rondo/ring/layout.hpp.
enum class publish_policy : std::uint32_t {
  backend_default = RONDO_PUBLISH_DEFAULT,
  word = RONDO_PUBLISH_WORD,
  counted = RONDO_PUBLISH_COUNTED,
  chunked = RONDO_PUBLISH_CHUNKED,
};

// Whose threads run a kernel.
enum class kernel_threads : std::uint32_t {
  dedicated = RONDO_THREADS_DEDICATED,  // one of its own
  // The few that the device has for all such kernels, as many as processors unless `pool_threads`
  // in runtime_options::device_options says otherwise. For kernels that are many and mostly idle.
  // Where every kernel asks for it, handlers should be short: one that blocks keeps a thread.
  pool = RONDO_THREADS_POOL,
};

// What becomes of a message that finds its queue full. Whatever is dropped is counted, see
// kernel_snapshot, and whoever waits for the reply learns of it at once, by DROPPED or FULL.
enum class when_full : std::uint32_t {
  // Its sender waits: until its deadline, or, if it is a reply, until it is taken. Nothing is lost.
  block,
  // It is not taken. A send is FULL at once, whatever its timeout; a request whose reply would find
  // the output full fails with FULL, and a handler with one reply is not run for it. Nothing is
  // lost of what was accepted.
  reject,
  // It is dropped. A send is DROPPED; a reply is lost when its request has been handled.
  drop_newest,
  // For an input: the oldest is dropped for it. The kernel lets go of that one when it has done
  // with the request in hand, or at once if it is not active, and the send waits for it until its
  // deadline, try_send for 1 ms at most; then it is TIMEOUT or FULL. The answer to a request that
  // was dropped waits for room like any reply: where nobody takes replies, output_full must not be
  // block. UNSUPPORTED for an output.
  drop_oldest,
};

// Whether requests are staged by their senders and moved to the backend in batches by a thread of
// the kernel. Senders then pay no call of the backend, and each message another hand-over between
// threads. A claim of a slot claims nothing, and its commit() sends; when_full::drop_oldest and
// `timed` are not to be had.
enum class pump_policy : std::uint32_t {
  // Where the host cannot write the backend's rings, the backend takes batches, and nothing was
  // asked for that the pump has not. Else every sender pushes for himself.
  automatic,
  never,
  always,  // also where the rings could be used directly; UNSUPPORTED with what it has not
};

enum class terminate_mode : std::uint32_t {
  drain = RONDO_TERMINATE_DRAIN,      // handle what is waiting, then stop
  discard = RONDO_TERMINATE_DISCARD,  // stop after the request in hand
};

// What a backend is told when it opens a device; it refuses a key that it does not know.
struct device_option {
  std::string backend{};  // its name
  std::string key{};
  std::string value{};
};

struct runtime_options {
  // Directories or single files, searched first. One that does not exist is an error.
  std::vector<std::filesystem::path> plugin_paths{};
  // Whether to look in RONDO_PLUGIN_PATH, the user's directory and the installed directory as well.
  bool standard_plugin_paths = true;
  // If not empty, only plugins with one of these ids or names are opened.
  std::vector<std::string> only_backends{};
  // With a program, each plugin is tried in a child process before it is opened.
  probe_options probe{};

  // The same for kernel modules; the variable is RONDO_KERNEL_PATH.
  std::vector<std::filesystem::path> kernel_paths{};
  bool standard_kernel_paths = true;
  // Modules that are linked into the application: {&rondo_module_entry}.
  std::vector<rondo_module_entry_fn> linked_modules{};

  // For devices that this runtime opens; all devices of a backend get the same. What names a
  // backend that is not there is not used. A key that is given twice is INVALID_ARGUMENT.
  std::vector<device_option> device_options{};

  // Asynchronous calls are completed by runtime::poll(), and no thread is started for them.
  bool manual_completion = false;
};

struct launch_options {
  std::string backend{};  // a backend's name or id; empty: the best that can run the handler
  std::uint32_t device = 0;
  std::string id{};      // the kernel's name in this runtime; empty: the handler's id
  std::string module{};  // name or path of the kernel module; empty: whichever has the handler

  // Slots of the queues, powers of two. 0 is an error; the default gives small messages 1024 slots
  // and large ones as many as fit in about 1 MiB. Who waits for each answer is faster with 16.
  static constexpr std::uint64_t default_capacity = ~std::uint64_t{0};
  std::uint64_t input_capacity = default_capacity;
  std::uint64_t output_capacity = default_capacity;
  publish_policy publish = publish_policy::backend_default;
  // The application promises that one thread at a time sends to this kernel.
  bool one_sender = false;

  wait_policy wait = wait_policy::backend_default;
  nanoseconds spin_time{0};  // not with spin and park, which have none; 0: the backend's default
  kernel_threads threads = kernel_threads::dedicated;
  int cpu = -1;  // processor for the kernel's thread; -1: any

  std::uint32_t grid = 0;  // blocks and threads per block, for devices that have them; 0: default
  std::uint32_t block = 0;
  // Room for the reason why a request failed in each slot of the output; a longer text is cut.
  // Small responses lie closer together, and stream faster, with less.
  std::uint32_t failure_text = RONDO_FAILURE_TEXT_MAX;

  // ---- what the queues do beyond first in, first out. What a backend does not offer is
  // UNSUPPORTED, and nothing is launched.
  when_full input_full = when_full::block;
  when_full output_full = when_full::block;
  // A second lane of the input, as long as the first, for requests that are sent as urgent: the
  // kernel takes them before all others. Replies have one lane.
  bool urgent_lane = false;
  // Requests may have a time to live, see send_options. Each then takes 16 bytes more.
  bool timed = false;
  // How many keys of requests are remembered, to recognize one that is sent again: a power of two,
  // at most max_duplicate_window. 0: none.
  std::uint32_t duplicate_window = 0;
  static constexpr std::uint32_t max_duplicate_window = 65536;

  nanoseconds handler_deadline{0};  // a handler that runs longer is hung; 0: none
  nanoseconds lease{0};             // the kernel ends if the host is silent for so long; 0: default
  nanoseconds launch_deadline = std::chrono::seconds(30);

  // Key and value of what only one backend knows; the backend refuses a key that it does not know
  // with INVALID_ARGUMENT, and so is one that is given twice.
  std::vector<std::pair<std::string, std::string>> options{};

  // Ask the backend through its calls even if its rings could be used directly. For tests and
  // comparisons.
  bool avoid_mapped = false;
  pump_policy pump = pump_policy::automatic;
};

// How one request is sent, by send, call, call_async and co_call; batches and claims have none of
// this. Each field needs the launch option that is named with it, and is INVALID_ARGUMENT without.
struct send_options {
  bool urgent = false;  // urgent_lane
  // timed. How long it may take from this call until the handler begins; what is older is not
  // handled, and EXPIRED. 0: as long as it takes.
  nanoseconds ttl{0};
  // duplicate_window. The application's name for this request. REPEATED if the queue accepted one
  // with the same key and no more than a window's worth of others since, whatever became of it.
  std::optional<std::uint64_t> key{};
};

// What send() with a key says about that key.
enum class acceptance {
  accepted,   // the queue has the request, and the key is remembered
  duplicate,  // it was accepted before
  rejected,   // neither: full, expired, terminated …; the key is not remembered for this request
};
constexpr acceptance acceptance_of(rondo_status code) {
  if (code == RONDO_OK) return acceptance::accepted;
  return code == RONDO_REPEATED ? acceptance::duplicate : acceptance::rejected;
}

struct terminate_options {
  terminate_mode mode = terminate_mode::drain;
  nanoseconds deadline = std::chrono::seconds(5);
};

struct terminate_report {
  std::uint64_t handled = 0;    // requests handled while draining
  std::uint64_t discarded = 0;  // accepted requests that will never be handled
};

}  // namespace rondo
