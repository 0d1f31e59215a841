// What a kernel on a CUDA device is made of: its memory, its queues, the arguments of its launches;
// what is left of it in the queues, and what it has counted.
#include "kernel_parts.hpp"

#include <algorithm>

namespace rondo::cuda {

namespace {

// Answers that wait for room in an output that the kernel does not wait for. With so many, the next
// request of one who waits stays in the input until somebody reads.
constexpr std::uint64_t most_owed = 4096;

std::size_t round_to_line(std::uint64_t n) {
  return (n + ring::line_bytes - 1) / ring::line_bytes * ring::line_bytes;
}

struct kernel_lines {
  device::control_line control;
  device::report_line report;
  device::counters_line counters;
  device::hook_failure failed_hooks[device::hook_count];
  device::latency_block latencies;
  device::rules_line rules;
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
    grid_.args.urgent_input = in.urgent_args;
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
  rules_ = &lines.rules;
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
  const std::size_t rules_at = round_to_line(argument_at + plan_.entry.facts.start_room);
  constexpr std::uint32_t not_waited_for = device::flag_reject | device::flag_drop_newest;
  if ((plan_.rules & not_waited_for) != 0) grid_.args.most_owed = most_owed;
  own_bytes_ = rules_at;
  if (plan_.rules != 0)
    own_bytes_ += sizeof(device::rules_block) + grid_.args.most_owed * sizeof(device::owed_answer);
  own_memory_ = device_->memory.allocate(own_bytes_);
  grid_.args.resume = own_memory_;
  if (plan_.rules != 0) grid_.args.rules = own_memory_ + rules_at;
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
  if (device_->ping.knows_clock) args.flags |= device::flag_clock;
  args.flags |= plan_.rules;
  args.clock_ahead = static_cast<std::uint64_t>(device_->ping.clock_offset_ns);
  args.control = device_->pinned.device_address(grid_.control);
  args.report = device_->pinned.device_address(grid_.report);
  args.counters = device_->pinned.device_address(counters_);
  args.failed_hooks = device_->pinned.device_address(failed_hooks_);
  args.latencies = device_->pinned.device_address(latencies_);
  args.rules_line = device_->pinned.device_address(rules_);
  args.buffers = device_->buffers.entries();
  args.buffer_count = buffer_table::capacity;
  args.kernel_tag = plan_.kernel_tag;
  args.lease_ns = plan_.lease_ns;
  args.spin_ns = plan_.spin_ns;
  args.nap_ns = plan_.nap_ns;
  grid_.function = plan_.entry.function;
  grid_.blocks = plan_.blocks;
  grid_.threads = plan_.threads;
  grid_.shared_bytes = plan_.shared_bytes;
  grid_.counters = counters_;
  grid_.rules = rules_;
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

// No grid runs: the host takes the consumer's place and drops what waits. What a sender has claimed
// and not yet written is dropped by the next life, should there be one.
std::uint64_t kernel::discard_below(const lane_ends& ends) {
  grid_.args.skip_below = ends.normal;
  grid_.args.skip_urgent_below = ends.urgent;
  std::uint64_t discarded = discard_below(input_->view(), ends.normal);
  if (input_->has_urgent_lane()) discarded += discard_below(input_->urgent_view(), ends.urgent);
  return discarded;
}

std::uint64_t kernel::discard_below(ring::view lane, std::uint64_t sequence) {
  lane.drops_oldest = false;  // what was to be given up is discarded like the rest
  ring::consumer<> in(lane);
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
  if (input_->has_urgent_lane())
    out.messages_dropped += ring::platform::load_relaxed(&input_->urgent_view().consumer->skipped);
  out.dropped_oldest = ring::platform::load_relaxed(&rules_->dropped_oldest);
  out.expired = ring::platform::load_relaxed(&rules_->expired);
  out.replies_dropped = ring::platform::load_relaxed(&rules_->replies_dropped);
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
