// Lifecycle of a kernel on a CUDA device.
#include "kernel_parts.hpp"

#include <algorithm>

namespace rondo::cuda {

namespace {

// After a drain has run out of time the kernel gets this long to put its request down [LIFE-04].
constexpr std::uint64_t grace_ns = 900'000'000;
constexpr std::uint64_t least_lease_ns = 4 * monitor::period_ns;

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

// Looks often at first, then as a sleeper: until `done`, or false when the deadline passes.
template <class Done>
bool wait_until(std::uint64_t deadline_ns, Done&& done) {
  constexpr std::uint32_t eager_looks = 20'000;
  for (std::uint32_t looks = 0; !done(); ++looks) {
    if (looks < eager_looks) {
      ring::platform::pause();
    } else {
      const timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
    if (looks % 64 == 63 && ring::now_ns() >= deadline_ns) return done();
  }
  return true;
}

std::size_t round_to_line(std::uint64_t n) {
  return (n + ring::line_bytes - 1) / ring::line_bytes * ring::line_bytes;
}

struct kernel_lines {
  device::control_line control;
  device::report_line report;
  device::counters_line counters;
  device::hook_failure failed_hooks[device::hook_count];
  device::latency_block latencies;
};

}  // namespace

kernel::kernel(std::shared_ptr<device_parts> device, const rondo_kernel_params& params)
    : device_(std::move(device)), plan_(plan_kernel(*device_, params)) {
  device_->require_alive();
  try {
    device_ring in = make_input(*device_, params.input, plan_.where, params.handler->flags);
    device_ring out = make_output(*device_, params.output, plan_.where, params.handler->flags);
    grid_.args.input = in.args;
    grid_.args.output = out.args;
    make_memory(params);
    input_ = std::make_unique<backend::ring_input>(std::move(in.memory));
    output_ = std::make_unique<device_output>(std::move(out.memory), *counters_);
    fill_arguments();
  } catch (...) {
    device_->memory.release(own_memory_, own_bytes_);
    device_->pinned.release(lines_);
    throw;
  }
}

void kernel::make_memory(const rondo_kernel_params& params) {
  lines_ = device_->pinned.allocate(sizeof(kernel_lines));
  auto& lines = *reinterpret_cast<kernel_lines*>(lines_.host);
  grid_.control = &lines.control;
  grid_.report = &lines.report;
  counters_ = &lines.counters;
  failed_hooks_ = lines.failed_hooks;
  latencies_ = &lines.latencies;
  const std::uint64_t alignment =
      std::max<std::uint64_t>(params.handler->state_alignment, ring::line_bytes);
  if (alignment > 256)
    throw rondo::backend::failure(RONDO_UNSUPPORTED, plan_.id,
                                  "its state is aligned to " + std::to_string(alignment) +
                                      " bytes, and a device's memory to 256",
                                  "Align the state to at most 256 bytes");
  const std::size_t state_at = round_to_line(sizeof(device::resume_block)) + ring::line_bytes;
  const std::size_t aligned_state_at = (state_at + 255) / 256 * 256;
  const std::size_t scratch_at = aligned_state_at + round_to_line(params.handler->state_bytes);
  const std::size_t argument_at = scratch_at + round_to_line(plan_.entry.facts.scratch_bytes);
  own_bytes_ = argument_at + plan_.entry.facts.start_room;
  own_memory_ = device_->memory.allocate(own_bytes_);
  grid_.args.resume = own_memory_;
  grid_.args.state = own_memory_ + aligned_state_at;
  grid_.args.scratch = plan_.entry.facts.scratch_bytes != 0 ? own_memory_ + scratch_at : 0;
  if (plan_.entry.facts.start_room != 0) {
    grid_.args.start_argument = own_memory_ + argument_at;
    grid_.args.start_bytes = static_cast<std::uint32_t>(plan_.start_argument.size());
    if (!plan_.start_argument.empty())
      device_->memory.write(grid_.args.start_argument, plan_.start_argument.data(),
                            plan_.start_argument.size());
  }
  grid_.barrier_words = own_memory_ + offsetof(device::resume_block, go);
}

void kernel::fill_arguments() {
  device::launch_args& args = grid_.args;
  args.struct_size = sizeof args;
  args.contract = device::contract_version;
  args.what = static_cast<std::uint32_t>(device::action::serve);
  if (plan_.where == placement::event) args.flags |= device::flag_once;
  if (plan_.where == placement::bar) args.flags |= device::flag_near;
  if (plan_.handler_deadline_ns != 0) args.flags |= device::flag_watched;
  if (device_->ping.pinned.answered) args.flags |= device::flag_clock;
  args.clock_ahead = static_cast<std::uint64_t>(device_->ping.clock_offset_ns);
  args.control = device_->pinned.device_address(grid_.control);
  args.report = device_->pinned.device_address(grid_.report);
  args.counters = device_->pinned.device_address(counters_);
  args.failed_hooks = device_->pinned.device_address(failed_hooks_);
  args.latencies = device_->pinned.device_address(latencies_);
  args.buffers = device_->buffers.entries();
  args.buffer_count = buffer_table::capacity;
  args.kernel_tag = plan_.kernel_tag;
  args.lease_ns = std::max(plan_.lease_ns, least_lease_ns);
  args.spin_ns = plan_.spin_ns;
  args.nap_ns = plan_.nap_ns;
  grid_.function = plan_.entry.function;
  grid_.blocks = plan_.blocks;
  grid_.threads = plan_.threads;
  grid_.shared_bytes = plan_.shared_bytes;
  grid_.counters = counters_;
  grid_.hooks = plan_.hooks;
  grid_.clock = &device_->ping;
}

kernel::~kernel() {
  if (runs_.load(std::memory_order_relaxed)) {  // the host broke the order, or the kernel failed
    const bool has_failed = state_.load(std::memory_order_acquire) == RONDO_STATE_FAILED;
    runner_->order(has_failed ? command::leave : command::stop);
    if (!wait_for_end(deadline_after(grace_ns))) abandon();
  }
  stop_watching();
  if (state_.load(std::memory_order_acquire) == RONDO_STATE_FAILED &&
      runs_.load(std::memory_order_acquire)) {
    // What the grid may still touch stays; see keep_for_ever().
    static_cast<void>(runner_.release());
    static_cast<void>(input_.release());
    static_cast<void>(output_.release());
    return;
  }
  destroy_state();
  try {
    const context_scope current(device_->context.get());
    runner_.reset();
  } catch (const rondo::backend::failure&) {  // the context is gone, and its streams with it
    static_cast<void>(runner_.release());
  }
  device_->memory.release(own_memory_, own_bytes_);
  device_->pinned.release(lines_);
}

// The handler's destructor, where it does something.
void kernel::destroy_state() {
  if (plan_.entry.facts.destroys == 0 || !is_constructed_ || device_->watch.is_lost()) return;
  try {
    const context_scope current(device_->context.get());
    device::launch_args args = grid_.args;
    args.what = static_cast<std::uint32_t>(device::action::destroy);
    void* parameters[] = {&args};
    const pooled_stream stream(device_->streams);
    CUresult code = the_driver().cuLaunchKernel(grid_.function, 1, 1, 1, 1, 1, 1, 0, stream.get(),
                                                parameters, nullptr);
    if (code == CUDA_SUCCESS) code = wait_for_stream(stream.get(), deadline_after(grace_ns));
    check(code, plan_.id, "its state's destructor did not run");
  } catch (const rondo::backend::failure& failed) {
    backend::log(RONDO_LOG_WARNING, "cuda", plan_.id + ": " + failed.what());
  }
}

void kernel::require(bool allowed, const char* what) const {
  if (allowed) return;
  const std::uint32_t now = state_.load(std::memory_order_acquire);
  throw rondo::backend::failure(RONDO_INVALID_STATE, plan_.id,
                                std::string("a ") + state_name(now) + " kernel cannot be " + what,
                                "See the states in rondo/abi.h");
}

// ---- waiting

bool kernel::wait_for(std::uint32_t word, std::uint64_t deadline_ns) {
  bool there = false;
  wait_until(deadline_ns, [&] {
    const std::uint64_t answer = runner_->answer();
    there = static_cast<std::uint32_t>(answer) == word;
    return there || ending_of(answer) == ending::refused ||
           state_.load(std::memory_order_acquire) == RONDO_STATE_FAILED;
  });
  return there;
}

bool kernel::wait_for_end(std::uint64_t deadline_ns) {
  const bool ended = wait_until(deadline_ns, [&] {
    // The grid says that it is about to end before it has; asking the driver is dearer.
    if (ending_of(runner_->answer()) == ending::none && !device_->watch.is_lost() &&
        state_.load(std::memory_order_acquire) != RONDO_STATE_FAILED)
      return false;
    return runner_->result() != CUDA_ERROR_NOT_READY;
  });
  if (ended) runs_.store(false, std::memory_order_release);
  return ended;
}

// ---- the states

void kernel::launch(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  require(now == RONDO_STATE_CREATED || now == RONDO_STATE_TERMINATED, "launched");
  device_->require_alive();
  const std::uint64_t deadline = deadline_after(deadline_ns);
  renewed_ns_.store(0, std::memory_order_relaxed);
  ++grid_.args.life;
  // An event-driven kernel, too: its grid comes at any time, and must find room then.
  device_->residents.take(plan_.id, plan_.blocks, plan_.blocks_per_multiprocessor);
  holds_residency_ = true;
  try {
    runner_ =
        plan_.where == placement::event
            ? make_event_runner(device_->context.get(), device_->streams, grid_, *input_, *output_)
            : make_resident_runner(device_->context.get(), device_->streams, grid_);
    // Before it runs: from now on it can be sent away while code is loaded.
    device_->watch.add(*this);
    is_watched_ = true;
    runner_->start();
  } catch (...) {
    stop_watching();
    throw;
  }
  runs_.store(true, std::memory_order_release);
  ordered_ = command::pause;
  if (!wait_for(device::command_word(1, command::pause), deadline))
    give_up_launch(ending_of(runner_->answer()) == ending::refused);
  is_constructed_ = true;
  if (now == RONDO_STATE_TERMINATED) input_->reopen();
  launched_ns_.store(ring::now_ns(), std::memory_order_relaxed);
  state_.store(RONDO_STATE_LAUNCHED, std::memory_order_release);
}

void kernel::give_up_launch(bool is_refused) {
  if (!is_refused) runner_->order(command::stop);
  const CUresult code = runner_->result();
  if (!wait_for_end(deadline_after(grace_ns))) abandon();
  stop_watching();
  if (is_sticky(code)) device_->watch.lose(describe(code));
  device_->require_alive();
  if (is_refused) {
    is_constructed_ = true;
    say_refused();
  }
  throw rondo::backend::failure(
      RONDO_TIMEOUT, plan_.id, "the device did not begin to run it in time",
      (plan_.hooks & device::hook_bit(device::hook::start)) != 0
          ? "Raise launch_deadline, in which its on_start has to end; other work may hold the "
            "device, see nvidia-smi"
          : "Raise launch_deadline; other work may hold the device, see nvidia-smi");
}

// A change that is not made in time is not made later either: the state says what the kernel does.
void kernel::change(command to, std::uint32_t next, std::uint64_t deadline_ns) {
  std::uint32_t from = state_.load(std::memory_order_acquire);
  const std::uint32_t word = runner_->order(to);
  if (!wait_for(word, deadline_after(deadline_ns))) {
    if (state() == RONDO_STATE_FAILED) say_failed();
    runner_->order(ordered_);
    throw rondo::backend::failure(RONDO_TIMEOUT, plan_.id,
                                  "the kernel did not answer in time: its handler is still busy",
                                  "Wait longer, or launch with handler_deadline to have hangs "
                                  "detected");
  }
  ordered_ = to;
  if (!state_.compare_exchange_strong(from, next, std::memory_order_acq_rel)) say_failed();
}

void kernel::activate(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_ACTIVE) return;
  if (now == RONDO_STATE_FAILED) say_failed();
  require(now == RONDO_STATE_LAUNCHED || now == RONDO_STATE_INACTIVE, "activated");
  change(command::run, RONDO_STATE_ACTIVE, deadline_ns);
}

void kernel::deactivate(std::uint64_t deadline_ns) {
  const std::uint32_t now = state();
  if (now == RONDO_STATE_INACTIVE || now == RONDO_STATE_LAUNCHED) return;
  if (now == RONDO_STATE_FAILED) say_failed();
  require(now == RONDO_STATE_ACTIVE, "deactivated");
  change(command::pause, RONDO_STATE_INACTIVE, deadline_ns);
}

void kernel::terminate(std::uint32_t mode, std::uint64_t deadline_ns, rondo_terminate_report& out) {
  std::uint32_t from = out.state = state();
  if (from == RONDO_STATE_TERMINATED) return;
  require(from != RONDO_STATE_CREATED, "terminated");
  if (mode != RONDO_TERMINATE_DRAIN && mode != RONDO_TERMINATE_DISCARD)
    throw rondo::backend::failure(RONDO_INVALID_ARGUMENT, plan_.id,
                                  "there is no terminate mode " + std::to_string(mode));
  const std::uint64_t accepted = input_->close();
  if (!runs_.load(std::memory_order_acquire)) say_failed();  // it ended, or was abandoned, before
  const bool drains = mode == RONDO_TERMINATE_DRAIN && from != RONDO_STATE_FAILED;
  const std::uint64_t handled_before = counted(&device::counters_line::messages_in);
  // A handler that failed is not called any more, not even its on_stop.
  runner_->order(from == RONDO_STATE_FAILED ? command::leave
                 : drains                   ? command::drain
                                            : command::stop,
                 accepted);
  const bool in_time = wait_for_end(deadline_after(deadline_ns));
  if (!in_time && runs_.load(std::memory_order_acquire)) {
    runner_->order(command::stop, 0);
    wait_for_end(deadline_after(grace_ns));
  }
  out.handled = counted(&device::counters_line::messages_in) - handled_before;
  if (runs_.load(std::memory_order_acquire)) {
    abandon();
    out.state = RONDO_STATE_FAILED;
    say_failed();
  }
  const CUresult code = runner_->result();
  stop_watching();
  if (code != CUDA_SUCCESS) {
    device_->watch.lose(describe(code));
    fail(RONDO_DEVICE_LOST, "the device failed: " + describe(code));
    out.state = RONDO_STATE_FAILED;
    say_failed();
  }
  warn_of(device::hook::timer);
  warn_of(device::hook::stop);
  out.discarded = discard_below(accepted);
  if (from == RONDO_STATE_FAILED ||
      !state_.compare_exchange_strong(from, RONDO_STATE_TERMINATED, std::memory_order_acq_rel)) {
    out.state = RONDO_STATE_FAILED;  // it came back too late: a failed kernel stays failed
    say_failed();
  }
  out.state = RONDO_STATE_TERMINATED;
  if (!in_time)
    throw rondo::backend::failure(
        RONDO_TIMEOUT, plan_.id,
        "draining did not finish in time; " + std::to_string(out.discarded) +
            " requests were discarded",
        "Give terminate a longer deadline, and take the replies while it drains");
}

// No grid runs: the host takes the consumer's place and drops what waits. What a sender has claimed
// and not yet written is dropped by the next life, should there be one.
std::uint64_t kernel::discard_below(std::uint64_t sequence) {
  grid_.args.skip_below = sequence;
  ring::consumer<> in(input_->view());
  const std::uint64_t begin = std::min(in.next_sequence(), sequence);
  const std::uint64_t abandoned_before = in.skipped();
  std::uint64_t dropped = 0;
  ring::message request;
  while (in.next_sequence() < sequence) {
    const rondo_status status = in.peek(request);
    if (status != RONDO_OK && status != RONDO_MALFORMED) break;
    in.release();
    ++dropped;
  }
  dropped_by_host_.fetch_add(dropped, std::memory_order_relaxed);
  return sequence - begin - (in.skipped() - abandoned_before);
}

void kernel::counters(rondo_kernel_counters& out) {
  using line = device::counters_line;
  const std::uint64_t launched = launched_ns_.load(std::memory_order_relaxed);
  const std::uint64_t heartbeat = counted(&line::heartbeat);
  out.state = state();
  out.messages_in = counted(&line::messages_in);
  out.messages_out = counted(&line::messages_out);
  out.messages_failed = counted(&line::messages_failed);
  out.messages_dropped = counted(&line::messages_dropped) +
                         dropped_by_host_.load(std::memory_order_relaxed) +
                         ring::platform::load_relaxed(&input_->view().consumer->skipped);
  out.bytes_in = counted(&line::bytes_in);
  out.bytes_out = counted(&line::bytes_out);
  out.polls = counted(&line::polls);
  out.heartbeat_ns = heartbeat == 0 ? 0 : device_->ping.to_host(heartbeat);
  out.uptime_ns = launched == 0 ? 0 : ring::now_ns() - launched;
  out.handler_samples = counted(&line::handler_samples);
  out.handler_sampled_ns = counted(&line::handler_sampled_ns);
  out.handler_sampled_max_ns = counted(&line::handler_sampled_max_ns);
  const ring::latency_counts& latencies = latencies_->counts;
  for (std::uint32_t i = 0; i < RONDO_LATENCY_BUCKETS; ++i) {
    out.handling[i] = ring::platform::load_relaxed(&latencies.handling[i]);
    out.queueing[i] = ring::platform::load_relaxed(&latencies.queueing[i]);
  }
  out.input_depth = input_->depth();
  out.output_depth = output_->depth_now();
}

}  // namespace rondo::cuda
