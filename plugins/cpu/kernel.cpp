// Lifecycle of a kernel on the CPU.
#include "kernel.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstring>

namespace rondo::cpu {

namespace {

constexpr std::uint64_t default_spin_ns = 100'000;
// After a drain has run out of time the worker gets this long to put its request down [LIFE-04].
constexpr std::uint64_t grace_ns = 900'000'000;

std::uint64_t deadline_after(std::uint64_t ns) {
  const std::uint64_t now = ring::now_ns();
  return ns > ring::no_deadline - now ? ring::no_deadline : now + ns;
}

const char* state_name(std::uint32_t state) {
  switch (state) {
    case RONDO_STATE_CREATED: return "created";
    case RONDO_STATE_LAUNCHED: return "launched";
    case RONDO_STATE_ACTIVE: return "active";
    case RONDO_STATE_INACTIVE: return "inactive";
    case RONDO_STATE_TERMINATED: return "terminated";
    default: return "failed";
  }
}

backend::ring_memory make_ring(rondo_queue_params params, std::uint32_t flags) {
  const std::string name(backend::text(params.name));
  if (params.publication == RONDO_PUBLISH_DEFAULT) params.publication = RONDO_PUBLISH_WORD;
  if (params.publication == RONDO_PUBLISH_CHUNKED && !ring::platform::chunks_are_atomic())
    throw backend::failure(RONDO_UNSUPPORTED, name, "this processor has no atomic 16-byte access",
                           "use word or counted publication");
  backend::ring_memory memory;
  backend::ring_storage storage;
  storage.headers_apart = true;
  const rondo_status status =
      backend::ring_memory::create(params, memory, backend::ring_memory::zeroed, storage);
  if (status != RONDO_OK)
    throw backend::failure(
        status, name,
        "a ring of " + std::to_string(params.capacity) + " slots of " +
            std::to_string(params.payload_capacity) + " bytes cannot be made",
        "ask for a power of two of slots that fit in memory, and chunked publication "
        "only for small messages");
  memory.add_flags(flags);
  return memory;
}

worker_options options_from(const rondo_kernel_params& params) {
  worker_options options;
  if (params.wait != RONDO_WAIT_DEFAULT) options.wait = params.wait;
  options.spin_ns = params.spin_ns != 0 ? params.spin_ns : default_spin_ns;
  options.handler_deadline_ns = params.handler_deadline_ns;
  options.kernel_tag = params.kernel_tag;
  options.id = std::string(backend::text(params.id));
  const auto* const argument = static_cast<const std::byte*>(params.start_argument);
  if (argument != nullptr) options.start_argument.assign(argument, argument + params.start_bytes);
  options.rules.timed = (params.input.flags & RONDO_QUEUE_TIMED) != 0;
  options.rules.drops_oldest = (params.input.flags & RONDO_QUEUE_DROP_OLDEST) != 0;
  options.rules.urgent = params.input.lanes > 1;
  if ((params.output.flags & RONDO_QUEUE_REJECT) != 0)
    options.rules.output = queue_rules::when_full::reject;
  if ((params.output.flags & RONDO_QUEUE_DROP_NEWEST) != 0)
    options.rules.output = queue_rules::when_full::drop_newest;
  return options;
}

void check_flags(const rondo_queue_params& params, std::uint32_t offered, const char* what) {
  const std::string name(backend::text(params.name));
  if ((params.flags & ~(offered | RONDO_QUEUE_ONE_PRODUCER)) != 0)
    throw backend::failure(RONDO_UNSUPPORTED, name, what, "leave that option at its default");
  constexpr std::uint32_t both = RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST;
  if ((params.flags & both) == both)
    throw backend::failure(RONDO_INVALID_ARGUMENT, name,
                           "a full output can reject or drop, and not both", "choose one");
}

void check_queues(const rondo_kernel_params& params) {
  check_flags(params.input, RONDO_QUEUE_TIMED | RONDO_QUEUE_DROP_OLDEST,
              "the CPU backend offers of an input that it is timed or drops the oldest, no more");
  check_flags(params.output, RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST,
              "the CPU backend offers of an output that it rejects or drops the newest, no more");
  if (params.output.lanes > 1)
    throw backend::failure(RONDO_UNSUPPORTED, std::string(backend::text(params.output.name)),
                           "an output of the CPU backend has one lane", "ask for one lane");
}

// What the CPU backend does not do is refused before anything is made.
void check(const rondo_kernel_params& params, const processor_set& allowed) {
  const std::string id(backend::text(params.id));
  if (params.handler->invoke == nullptr)
    throw backend::failure(RONDO_NO_IMAGE, id, "the handler has no host image",
                           "build the module with a host compiler");
  if (params.grid > 1 || params.block > 1)
    throw backend::failure(RONDO_UNSUPPORTED, id,
                           "a CPU kernel runs on one thread: grid and block are 1",
                           "leave grid and block at 0");
  if (params.lease_ns != 0)
    throw backend::failure(RONDO_UNSUPPORTED, id,
                           "a CPU kernel ends with its process and takes no lease",
                           "leave lease at 0");
  if (params.wait > RONDO_WAIT_PARK)
    throw backend::failure(RONDO_INVALID_ARGUMENT, id,
                           "there is no wait policy " + std::to_string(params.wait),
                           "use spin, spin_then_park or park");
  if (params.option_count != 0)
    throw backend::failure(
        RONDO_INVALID_ARGUMENT, id,
        "the CPU backend has no option '" + std::string(backend::text(params.options[0].key)) + "'",
        "launch without further options");
  if (params.cpu >= 0 && !allowed.has(params.cpu))
    throw backend::failure(
        RONDO_INVALID_ARGUMENT, id,
        "processor " + std::to_string(params.cpu) + " is not open to the runtime",
        "choose one of the " + std::to_string(allowed.count()) + " that `taskset -p` shows, or -1");
}

void check_threads(const rondo_kernel_params& params) {
  const std::string id(backend::text(params.id));
  if (params.threads > RONDO_THREADS_POOL)
    throw backend::failure(RONDO_INVALID_ARGUMENT, id,
                           "there is no kind of threads " + std::to_string(params.threads),
                           "use a dedicated thread or the pool");
  if (params.threads != RONDO_THREADS_POOL) return;
  if (params.wait == RONDO_WAIT_SPIN)
    throw backend::failure(RONDO_UNSUPPORTED, id, "a pool's threads do not spin for one kernel",
                           "use another wait policy, or a dedicated thread");
  if (options_from(params).rules.any())
    throw backend::failure(RONDO_UNSUPPORTED, id,
                           "the queues of a kernel in a pool have one lane, no deadlines and wait "
                           "when they are full",
                           "use a dedicated thread, or leave out what the queues shall do");
  if (params.cpu >= 0)
    throw backend::failure(RONDO_UNSUPPORTED, id, "a kernel in a pool has no processor of its own",
                           "leave cpu at -1, or use a dedicated thread");
}

void check_start(const rondo_kernel_params& params) {
  const rondo_message_type* const type = backend::whole(*params.handler).start_type;
  if ((type != nullptr) == (params.start_argument != nullptr) &&
      (type == nullptr || params.start_bytes <= type->max_bytes))
    return;
  throw backend::failure(RONDO_INVALID_ARGUMENT, std::string(backend::text(params.id)),
                         type == nullptr ? "the handler takes no start argument"
                                         : "the handler's start argument is missing or too long",
                         "launch it with what its on_start takes");
}

}  // namespace

kernel::kernel(const rondo_kernel_params& given, std::shared_ptr<buffer_table> buffers,
               const processor_set& allowed, std::shared_ptr<pool> shared)
    : id_(backend::text(given.id)),
      handler_deadline_ns_(given.handler_deadline_ns),
      buffers_(std::move(buffers)) {
  const rondo_kernel_params params = backend::whole(given);
  check(params, allowed);
  check_threads(params);
  check_start(params);
  check_queues(params);
  worker_ = std::make_shared<worker>(
      *params.handler, options_from(params), buffers_,
      make_ring(params.input, RONDO_RING_CONSUMER_PARKS),
      make_ring(params.output, RONDO_RING_CONSUMER_PARKS | RONDO_RING_PRODUCER_WAKES),
      shared.get());
  if (shared != nullptr) carrier_ = std::make_unique<pooled>(std::move(shared));
  else
    carrier_ =
        std::make_unique<own_thread>(params.cpu < 0 ? allowed : processor_set::only(params.cpu));
}

kernel::~kernel() {
  // Else the host broke the order; do not take the process down with it.
  if (carrier_ != nullptr && carrier_->carries() && !give_back(grace_ns)) abandon();
}

void own_thread::start(const std::shared_ptr<worker>& kernel) {
  thread_ = std::thread([kernel, processors = processors_] {
    const std::string name = "rondo-" + kernel->options().id;
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    if (!processors.apply())
      backend::log(RONDO_LOG_WARNING, "cpu", name + " could not be bound to its processors");
    kernel->run();
  });
}

void kernel::require(bool allowed, const char* what) const {
  if (allowed) return;
  const std::uint32_t now = state_.load(std::memory_order_acquire);
  throw backend::failure(RONDO_INVALID_STATE, id_,
                         std::string("a ") + state_name(now) + " kernel cannot be " + what,
                         "see the states in rondo/abi.h");
}

void kernel::launch(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  require(now == RONDO_STATE_CREATED || now == RONDO_STATE_TERMINATED, "launched");
  worker_->prepare_launch();
  carrier_->start(worker_);
  if (!worker_->wait_for(report::paused, deadline_after(deadline_ns))) {
    if (worker_->reported() == report::refused) {
      carrier_->join();
      throw worker_->refusal();
    }
    if (!give_back(grace_ns)) abandon();
    throw backend::failure(RONDO_TIMEOUT, id_, "the kernel's thread did not start in time",
                           "raise launch_deadline; the machine, or the pool, may be overloaded");
  }
  if (now == RONDO_STATE_TERMINATED) worker_->input().reopen();
  launched_ns_.store(ring::now_ns(), std::memory_order_relaxed);
  state_.store(RONDO_STATE_LAUNCHED, std::memory_order_release);
}

// A change that is not made in time is not made later either: the state says what the kernel does.
void kernel::change(command to, report expected, std::uint32_t next, std::uint64_t deadline_ns) {
  std::uint32_t from = state_.load(std::memory_order_acquire);
  const command before = worker_->ordered();
  worker_->order(to);
  if (!worker_->wait_for(expected, deadline_after(deadline_ns))) {
    worker_->take_back(to, before);
    if (state() == RONDO_STATE_FAILED) say_hung();
    throw backend::failure(RONDO_TIMEOUT, id_,
                           "the kernel did not answer in time: its handler is still busy",
                           "wait longer, or launch with handler_deadline to have hangs detected");
  }
  if (!state_.compare_exchange_strong(from, next, std::memory_order_acq_rel)) say_hung();
}

void kernel::activate(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_ACTIVE) return;
  require(now == RONDO_STATE_LAUNCHED || now == RONDO_STATE_INACTIVE, "activated");
  change(command::run, report::running, RONDO_STATE_ACTIVE, deadline_ns);
}

void kernel::deactivate(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_INACTIVE || now == RONDO_STATE_LAUNCHED) return;
  require(now == RONDO_STATE_ACTIVE, "deactivated");
  change(command::pause, report::paused, RONDO_STATE_INACTIVE, deadline_ns);
}

void kernel::terminate(std::uint32_t mode, std::uint64_t deadline_ns, rondo_terminate_report& out) {
  std::uint32_t from = out.state = state();
  if (from == RONDO_STATE_TERMINATED) return;
  require(from != RONDO_STATE_CREATED, "terminated");
  if (mode != RONDO_TERMINATE_DRAIN && mode != RONDO_TERMINATE_DISCARD)
    throw backend::failure(RONDO_INVALID_ARGUMENT, id_,
                           "there is no terminate mode " + std::to_string(mode),
                           "drain or discard");
  if (!carrier_->carries()) say_hung();  // abandoned before
  const bool drains = mode == RONDO_TERMINATE_DRAIN && from != RONDO_STATE_FAILED;
  const std::uint64_t handled_before =
      ring::platform::load_relaxed(&worker_->counters().messages_in);
  worker::ends accepted;
  accepted.normal = worker_->input().close();
  accepted.urgent = worker_->input().urgent_end();
  const command how = from == RONDO_STATE_FAILED ? command::abandon
                      : drains                   ? command::drain
                                                 : command::stop;
  const bool in_time = end_run(how, accepted, deadline_ns);
  out.handled = ring::platform::load_relaxed(&worker_->counters().messages_in) - handled_before;
  if (carrier_->carries()) {
    abandon();
    out.state = RONDO_STATE_FAILED;
    say_hung();
  }
  out.discarded = worker_->discard_below(accepted);
  if (from == RONDO_STATE_FAILED ||
      !state_.compare_exchange_strong(from, RONDO_STATE_TERMINATED, std::memory_order_acq_rel)) {
    out.state = RONDO_STATE_FAILED;  // it came back too late: a failed kernel stays failed
    say_hung();
  }
  out.state = RONDO_STATE_TERMINATED;
  if (!in_time)
    throw backend::failure(
        RONDO_TIMEOUT, id_,
        "draining did not finish in time; " + std::to_string(out.discarded) +
            " requests were discarded",
        "give terminate a longer deadline, and take the replies while it drains");
}

// Drain or stop, and let go of what ran the kernel if that ends; carries() is still true if it does
// not. False if a drain did not end before the deadline.
bool kernel::end_run(command how, const worker::ends& accepted, std::uint64_t deadline_ns) {
  worker_->drain_until(accepted);
  worker_->order(how);
  if (worker_->wait_for(report::stopped, deadline_after(deadline_ns))) {
    carrier_->join();
    return true;
  }
  if (how == command::drain) {
    give_back(grace_ns);
    return false;
  }
  if (carrier_->withdraw()) worker_->finish();  // the pool was too busy to get to it
  return true;
}

// Stop it, now; false if its handler is running and does not return in time.
bool kernel::give_back(std::uint64_t deadline_ns) {
  worker_->order(command::stop);
  if (worker_->wait_for(report::stopped, deadline_after(deadline_ns))) {
    carrier_->join();
    return true;
  }
  if (!carrier_->withdraw()) return false;
  worker_->finish();
  return true;
}

// The thread cannot be ended from outside. It keeps the worker, and with it everything the handler
// touches, alive; if the handler ever returns, the thread sees the stop and ends.
void kernel::abandon() {
  buffers_->quarantine();
  worker_->give_up();
  worker_->order(command::abandon);
  carrier_->abandon();
  state_.store(RONDO_STATE_FAILED, std::memory_order_release);
  backend::log(RONDO_LOG_ERROR, "cpu", id_ + ": the handler did not return and was abandoned");
}

void kernel::say_hung() const {
  throw backend::failure(
      RONDO_HANDLER_HUNG, id_, "the handler did not return; the kernel is failed",
      "find out what the handler waits for; its memory stays reserved until the process "
      "ends");
}

std::uint32_t kernel::state() {
  std::uint32_t now = state_.load(std::memory_order_acquire);
  if (now != RONDO_STATE_ACTIVE || !worker_->is_hung()) return now;
  if (!state_.compare_exchange_strong(now, RONDO_STATE_FAILED, std::memory_order_acq_rel))
    return now;
  worker_->give_up();
  worker_->order(command::abandon);  // should the handler return, it gets no further request
  carrier_->handler_hangs();
  return RONDO_STATE_FAILED;
}

rondo_status kernel::failure(std::string& text) {
  if (state() != RONDO_STATE_FAILED) return RONDO_OK;
  text = "the handler did not return in time";
  if (handler_deadline_ns_ != 0)
    text += ", its deadline is " + std::to_string(handler_deadline_ns_ / 1'000'000) + " ms";
  return RONDO_HANDLER_HUNG;
}

void kernel::counters(rondo_kernel_counters& out) {
  const worker_counters& c = worker_->counters();
  const auto load = [](const std::uint64_t& counter) {
    return ring::platform::load_relaxed(&counter);
  };
  const std::uint64_t launched = launched_ns_.load(std::memory_order_relaxed);
  out.state = state();
  out.messages_in = load(c.messages_in);
  out.messages_out = load(c.messages_out);
  out.messages_failed = load(c.messages_failed);
  out.messages_dropped = load(c.messages_dropped) + load(worker_->input().view().consumer->skipped);
  if (worker_->input().has_urgent_lane())
    out.messages_dropped += load(worker_->input().urgent_view().consumer->skipped);
  out.dropped_oldest = load(c.dropped_oldest);
  out.expired = load(c.expired);
  out.replies_dropped = load(c.replies_dropped);
  out.bytes_in = load(c.bytes_in);
  out.bytes_out = load(c.bytes_out);
  out.polls = load(c.polls);
  out.heartbeat_ns = load(c.heartbeat_ns);
  out.uptime_ns = launched == 0 ? 0 : ring::now_ns() - launched;
  out.handler_samples = load(c.handler_samples);
  out.handler_sampled_ns = load(c.handler_sampled_ns);
  out.handler_sampled_max_ns = load(c.handler_sampled_max_ns);
  const ring::latency_counts& latencies = worker_->latencies();
  for (std::uint32_t i = 0; i < RONDO_LATENCY_BUCKETS; ++i) {
    out.handling[i] = load(latencies.handling[i]);
    out.queueing[i] = load(latencies.queueing[i]);
  }
  out.input_depth = worker_->input().depth();
  out.output_depth = worker_->output().depth();
}

}  // namespace rondo::cpu
