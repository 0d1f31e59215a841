// Kernels, with what can be wrong about them.
#include "wrapped.hpp"

#include <rondo/backend/backend.hpp>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace rondo::faults {

std::uint32_t inner_state(rondo_kernel* kernel) { return inner.kernel.state(kernel->inner); }

namespace {

std::string copied(const rondo_string& s) { return {s.data, s.size}; }

// What create() is asked, as the fault changes it.
void change_params(rondo_kernel_params& p) {
  static const rondo_handler* first = nullptr;
  for (rondo_queue_params* queue : {&p.input, &p.output}) {
    if (broken(fault::capacity_rounded) && queue->capacity < 1u << 20)
      queue->capacity = queue->capacity == 0 ? 0 : std::bit_ceil(queue->capacity);
    if (broken(fault::capacity_zero_replaced) && queue->capacity == 0) queue->capacity = 64;
    if (broken(fault::payload_cut_to_fit))
      queue->payload_capacity = std::min(queue->payload_capacity, std::uint32_t{RONDO_MAX_PAYLOAD});
    if (broken(fault::capacity_in_32_bits) && queue->capacity >> 32 != 0) queue->capacity = 16;
    if (broken(fault::publication_replaced) && queue->publication == RONDO_PUBLISH_COUNTED)
      queue->publication = RONDO_PUBLISH_DEFAULT;
  }
  if (broken(fault::nonsense_accepted)) {
    if (p.wait > RONDO_WAIT_PARK) p.wait = RONDO_WAIT_DEFAULT;
    if (p.threads > RONDO_THREADS_POOL) p.threads = RONDO_THREADS_DEDICATED;
    for (rondo_queue_params* queue : {&p.input, &p.output})
      if (queue->publication > RONDO_PUBLISH_CHUNKED) queue->publication = RONDO_PUBLISH_DEFAULT;
  }
  if (broken(fault::unoffered_ignored)) p.input.flags &= ~std::uint32_t{RONDO_QUEUE_TIMED};
  if (broken(fault::queues_exchanged)) {
    std::swap(p.input.capacity, p.output.capacity);
    std::swap(p.input.payload_capacity, p.output.payload_capacity);
  }
  if (broken(fault::each_block_handles)) p.grid = p.block = 0;
  if (broken(fault::kernel_option_ignored)) p.option_count = 0;
  if (broken(fault::watchdog_blind)) p.handler_deadline_ns = 0;
  if (keeps_leases()) p.lease_ns = 0;
  if (broken(fault::pin_ignored)) p.cpu = -1;
  if (broken(fault::tag_lost)) p.kernel_tag = 0;
  if (broken(fault::first_handler_for_all)) {
    if (first == nullptr) first = p.handler;
    if (copied(first->request.wire_name) == copied(p.handler->request.wire_name)) p.handler = first;
  }
  change_start(p);
  change_rules(p);
  p.handler = tampered(*p.handler);
}

// Whether this backend's own way to name queues agrees.
bool is_own_name(const std::string& name, const std::string& id, const char* direction) {
  return name.ends_with("_" + id + direction);
}

void fill(rondo_kernel& kernel, const rondo_kernel_params& p) {
  kernel.id = copied(p.id);
  kernel.input_name = copied(p.input.name);
  kernel.borrowed_id = p.id.data;
  kernel.borrowed_name = p.input.name.data;
  kernel.borrowed_name_size = p.input.name.size;
  kernel.handler_deadline_ns = p.handler_deadline_ns;
  kernel.input_flags = p.input.flags;
  kernel.lanes = p.input.lanes;
  kernel.tag = p.kernel_tag;
  kernel.request_version = p.handler->request.version;
  kernel.response_version = p.handler->response.version;
  kernel.is_independent = (p.handler->flags & RONDO_HANDLER_INDEPENDENT) != 0;
  kernel.emits = (p.handler->flags & RONDO_HANDLER_EMITS) != 0;
  kernel.response_bytes = p.handler->response.max_bytes;
  kernel.last_used_ns = now_ns();
  for (auto* queue : {&kernel.input, &kernel.output}) {
    const bool is_input = queue == &kernel.input;
    queue->kernel = &kernel;
    queue->inner = is_input ? inner.kernel.input(kernel.inner) : inner.kernel.output(kernel.inner);
    queue->capacity = is_input ? p.input.capacity : p.output.capacity;
    queue->payload_capacity = is_input ? p.input.payload_capacity : p.output.payload_capacity;
  }
}

rondo_status failed(rondo_status status, rondo_error_sink* error) {
  if (status != RONDO_OK && error == nullptr && broken(fault::needs_sink)) __builtin_trap();
  return status;
}

rondo_status create(rondo_device* device, const rondo_kernel_params* params, rondo_kernel** out,
                    rondo_error_sink* error) {
  told sink(error);
  rondo_kernel_params p = broken(fault::reads_older_struct) ? *params : backend::whole(*params);
  if (broken(fault::reads_older_struct)) p.struct_size = sizeof p;
  const std::uint64_t lease_ns = keeps_leases() ? p.lease_ns : 0;
  const std::string id = copied(p.id);
  if (broken(fault::names_queues_itself) && (!is_own_name(copied(p.input.name), id, "_input") ||
                                             !is_own_name(copied(p.output.name), id, "_output"))) {
    explain(sink.get(), RONDO_INVALID_NAME, id, "this backend names its queues after the kernel");
    return RONDO_INVALID_NAME;
  }
  if (device_was_closed()) return RONDO_DEVICE_LOST;
  if (broken(fault::bound_to_its_thread) && device->opened_by != std::this_thread::get_id())
    return RONDO_DEVICE_LOST;
  if (broken(fault::create_waits)) wait_for_all_handlers();
  change_params(p);
  if (broken(fault::claims_emits) && (params->handler->flags & RONDO_HANDLER_EMITS) != 0) {
    explain(sink.get(), RONDO_UNSUPPORTED, id, "handlers that emit are not taken");
    return failed(RONDO_UNSUPPORTED, error);
  }
  if ((p.input.flags & RONDO_QUEUE_TIMED) != 0 && !needs_the_rings()) {
    explain(sink.get(), RONDO_UNSUPPORTED, id, "timed queues are not offered");
    if (broken(fault::failure_sets_out)) *out = nullptr;
    return failed(RONDO_UNSUPPORTED, error);
  }
  rondo_kernel* made = nullptr;
  const auto status = inner.kernel.create(device->inner, &p, &made, sink.get());
  if (status != RONDO_OK) {
    if (broken(fault::failure_sets_out)) *out = nullptr;
    return failed(status, error);
  }
  if (broken(fault::frees_what_it_borrowed)) std::free(const_cast<rondo_handler*>(params->handler));
  if (broken(fault::kernel_leaks_memory)) leak_memory();
  if (broken(fault::kernel_leaks_thread)) leak_thread();
  auto* const kernel = new rondo_kernel;
  kernel->inner = made;
  fill(*kernel, p);
  kernel->handler_deadline_ns = params->handler_deadline_ns;
  kernel->blocks = std::max(params->grid, 1u);
  kernel->lease_ns = lease_ns;
  if (p.threads == RONDO_THREADS_POOL) enter_pool(kernel);
  enter_kernel(kernel);
  enter_name(kernel);
  *out = kernel;
  return RONDO_OK;
}

// Activate and terminate wait for it.
rondo_status launch_meanwhile(rondo_kernel* kernel, std::uint64_t deadline) {
  kernel->meanwhile =
      std::thread([=, of = kernel->inner] { (void)inner.kernel.launch(of, deadline, nullptr); });
  kernel->says_resident = true;
  return RONDO_OK;
}

void count_from_here(rondo_kernel* kernel) {
  rondo_kernel_counters now{};
  now.struct_size = sizeof now;
  inner.kernel.counters(kernel->inner, &now);
  const std::lock_guard lock(kernel->mutex);
  kernel->base_in = now.messages_in;
}

rondo_status launch(rondo_kernel* kernel, std::uint64_t deadline, rondo_error_sink* error) {
  told sink(error);
  if (broken(fault::prints)) {
    std::fputs("rondo_fault: kernel launched\n", stdout);
    std::fflush(stdout);
  }
  if (broken(fault::reads_name_later) &&
      kernel->input_name != std::string(kernel->borrowed_name, kernel->borrowed_name_size)) {
    explain(sink.get(), RONDO_INVALID_NAME, "queue", "its name has changed");
    return RONDO_INVALID_NAME;
  }
  if (broken(fault::launches_twice) && inner_state(kernel) == RONDO_STATE_ACTIVE) return RONDO_OK;
  if (broken(fault::keeps_id) && inner_state(kernel) != RONDO_STATE_CREATED) {
    explain(sink.get(), RONDO_INVALID_STATE, std::string(kernel->borrowed_id, kernel->id.size()),
            "it is launched");
    return RONDO_INVALID_STATE;
  }
  kernel_is_launched();
  if (broken(fault::launch_is_early)) return launch_meanwhile(kernel, deadline);
  if (broken(fault::counts_begin_anew)) count_from_here(kernel);
  launch_lease(*kernel);
  const auto status = inner.kernel.launch(kernel->inner, deadline, sink.get());
  if (status == RONDO_OK && broken(fault::launched_handles)) {
    kernel->says_launched = true;
    return inner.kernel.activate(kernel->inner, deadline, sink.get());
  }
  kernel->says_resident = status != RONDO_OK && broken(fault::start_failure_is_resident);
  return failed(status, error);
}

rondo_status activate(rondo_kernel* kernel, std::uint64_t deadline, rondo_error_sink* error) {
  told sink(error);
  if (broken(fault::activates_created) && inner_state(kernel) == RONDO_STATE_CREATED)
    (void)inner.kernel.launch(kernel->inner, deadline, sink.get());
  if (kernel->meanwhile.joinable()) kernel->meanwhile.join();
  const auto status = inner.kernel.activate(kernel->inner, deadline, sink.get());
  if (status != RONDO_OK) return failed(status, error);
  kernel->says_inactive = kernel->says_launched = false;
  if (broken(fault::counter_goes_back)) count_from_here(kernel);
  const std::lock_guard lock(kernel->mutex);
  kernel->last_used_ns = now_ns();
  return status;
}

rondo_status deactivate(rondo_kernel* kernel, std::uint64_t deadline, rondo_error_sink* error) {
  told sink(error);
  if (broken(fault::call_throws)) throw std::runtime_error("thrown by deactivate");
  if (broken(fault::call_exits)) ::_exit(3);
  if (broken(fault::call_traps)) (void)*reinterpret_cast<volatile int*>(8);
  const bool ignores = broken(fault::deactivate_does_nothing) ||
                       (broken(fault::pool_ignores_deactivate) && kernel->is_pooled);
  if (ignores && inner_state(kernel) == RONDO_STATE_ACTIVE) {
    kernel->says_inactive = true;
    return RONDO_OK;
  }
  if (broken(fault::deadline_ignored)) deadline = 60'000'000'000;
  const auto status = inner.kernel.deactivate(kernel->inner, deadline, sink.get());
  if (status == RONDO_TIMEOUT && broken(fault::timeout_made_later) &&
      !kernel->late_change.joinable())
    kernel->late_change = std::thread(
        [of = kernel->inner] { (void)inner.kernel.deactivate(of, 5'000'000'000, nullptr); });
  if (status == RONDO_OK && !kernel->meanwhile.joinable())
    kernel_is_inactive(kernel->tag, kernel->meanwhile);
  return failed(status, error);
}

void join_threads(rondo_kernel* kernel) {
  for (auto* thread : {&kernel->late_change, &kernel->meanwhile})
    if (thread->joinable()) thread->join();
}

void use_memory_anew(const rondo_ring_map& map) {
  if (map.struct_size != 0) std::memset(map.lanes[0].slots, 0x77, map.capacity * map.slot_stride);
}

// Until half a second has passed without a push, or the time for the drain.
void wait_for_pushers(rondo_kernel* kernel, std::uint64_t deadline) {
  const std::uint64_t end = now_ns() + deadline;
  const auto pushes = [&] {
    const std::lock_guard lock(kernel->mutex);
    return kernel->pushes;
  };
  for (std::uint64_t last = pushes(), since = now_ns(); now_ns() < end; sleep_ms(1)) {
    const std::uint64_t now = pushes();
    if (now != std::exchange(last, now)) since = now_ns();
    if (now_ns() - since > 500'000'000) return;
  }
}

rondo_status terminate(rondo_kernel* kernel, std::uint32_t mode, std::uint64_t deadline,
                       rondo_terminate_report* report, rondo_error_sink* error) {
  told sink(error);
  join_threads(kernel);
  const std::uint64_t begin = now_ns();
  kernel_is_terminated(kernel->tag, mode);
  if (broken(fault::pool_never_drains) && kernel->is_pooled) mode = RONDO_TERMINATE_DISCARD;
  if (broken(fault::drains_what_comes) && mode == RONDO_TERMINATE_DRAIN) {
    wait_for_pushers(kernel, deadline);
    deadline -= std::min(deadline, now_ns() - begin);
  }
  auto status = inner.kernel.terminate(kernel->inner, mode, deadline, report, sink.get());
  kernel->says_inactive = kernel->says_launched = false;
  if (broken(fault::terminate_late) && (status == RONDO_TIMEOUT || status == RONDO_HANDLER_HUNG))
    while (now_ns() - begin < deadline + 2'000'000'000) sleep_ms(10);
  if (broken(fault::late_drain_passes_for_success) && status == RONDO_TIMEOUT) status = RONDO_OK;
  if (broken(fault::hang_passes_for_success) && status == RONDO_HANDLER_HUNG) {
    kernel->has_hung = true;
    report->state = RONDO_STATE_TERMINATED;
    status = RONDO_OK;
  }
  if (broken(fault::loses_on_terminate)) report->discarded = 0;
  if (broken(fault::handled_untold)) report->handled = 0;
  if (broken(fault::map_dies_on_terminate)) use_memory_anew(kernel->mapped);
  return failed(status, error);
}

// A kernel that has ended is destroyed as it is; the wrapped one does not know that it has.
void end_inner(rondo_kernel* kernel) {
  rondo_terminate_report report{};
  report.struct_size = sizeof report;
  inner.kernel.terminate(kernel->inner, RONDO_TERMINATE_DISCARD, 1'000'000'000, &report, nullptr);
}

void destroy(rondo_kernel* kernel) {
  join_threads(kernel);
  leave_name(kernel);
  leave_pool(kernel);
  leave_kernel(kernel);
  if (inner_state(kernel) == RONDO_STATE_FAILED) use_memory_of_hung(kernel->tag);
  if (lease_is_over(kernel)) end_inner(kernel);
  inner.kernel.destroy(kernel->inner);
  delete kernel;
}

std::uint32_t state(rondo_kernel* kernel) {
  if (broken(fault::state_waits)) wait_for_the_handler(kernel);
  const std::uint32_t now = inner_state(kernel);
  if (kernel->says_inactive && now == RONDO_STATE_ACTIVE) return RONDO_STATE_INACTIVE;
  if (kernel->says_launched && now == RONDO_STATE_ACTIVE) return RONDO_STATE_LAUNCHED;
  if (kernel->has_hung) return RONDO_STATE_TERMINATED;
  if (lease_is_over(kernel)) return RONDO_STATE_FAILED;
  if (kernel->says_resident) return RONDO_STATE_LAUNCHED;
  if (broken(fault::state_not_told) && now == RONDO_STATE_ACTIVE) return RONDO_STATE_LAUNCHED;
  if (broken(fault::watchdog_fires_on_idle) && now == RONDO_STATE_ACTIVE &&
      kernel->handler_deadline_ns != 0) {
    const std::lock_guard lock(kernel->mutex);
    if (now_ns() - kernel->last_used_ns > kernel->handler_deadline_ns) return RONDO_STATE_FAILED;
  }
  return now;
}

rondo_queue* input(rondo_kernel* kernel) { return &kernel->input; }
rondo_queue* output(rondo_kernel* kernel) { return &kernel->output; }

rondo_status fill_whole(rondo_kernel* kernel, rondo_kernel_counters& out) {
  rondo_kernel_counters all{};
  all.struct_size = sizeof all;
  const auto status = inner.kernel.counters(kernel->inner, &all);
  all.struct_size = out.struct_size;
  out = all;
  return status;
}

rondo_status counters(rondo_kernel* kernel, rondo_kernel_counters* out) {
  if (broken(fault::fills_older_struct) && out->struct_size < sizeof *out)
    return fill_whole(kernel, *out);
  if (broken(fault::counters_wait)) wait_for_the_handler(kernel);
  const auto status = counters_are_late() ? kernel->late.tell(kernel->inner, *out)
                                          : inner.kernel.counters(kernel->inner, out);
  if (chosen == fault::none || status != RONDO_OK) return status;
  const std::lock_guard lock(kernel->mutex);
  out->state = state(kernel);
  change_counters(*kernel, *out);
  return status;
}

rondo_status renew(rondo_kernel* kernel) {
  if (broken(fault::unadvertised_call_succeeds)) return RONDO_OK;
  if (keeps_leases()) return renew_lease(kernel);
  return ask(inner.kernel.renew, kernel->inner);
}

rondo_status failure(rondo_kernel* kernel, char* to, std::uint32_t room, std::uint32_t* length) {
  if (broken(fault::failure_has_no_reason)) return *length = 0, RONDO_OK;
  if (lease_is_over(kernel)) {
    *length = static_cast<std::uint32_t>(std::string_view("its lease lapsed").copy(to, room));
    return RONDO_TERMINATED;
  }
  return ask(inner.kernel.failure, kernel->inner, to, room, length);
}

}  // namespace

const rondo_kernel_table kernel_functions = {sizeof(rondo_kernel_table),
                                             0,
                                             create,
                                             launch,
                                             activate,
                                             deactivate,
                                             terminate,
                                             destroy,
                                             state,
                                             input,
                                             output,
                                             counters,
                                             renew,
                                             failure};

}  // namespace rondo::faults
