// What a launch asks for, held against the handler's image and the device: every refusal is made
// here, with nothing to undo.
#include "kernel.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace rondo::cuda {

using backend::text;

namespace {

constexpr std::uint64_t default_lease_ns = 10'000'000'000;
// The monitor renews all leases once in its period, and may be late by a few.
constexpr std::uint64_t least_lease_ns = 4 * monitor::period_ns;
constexpr std::uint64_t default_spin_ns = 1'000'000;
constexpr std::uint32_t default_nap_ns = 2'000;

[[noreturn]] void refuse(rondo_status code, const std::string& id, std::string what,
                         std::string remedy) {
  throw failure(code, id, std::move(what), std::move(remedy));
}

placement placement_from(const std::string& id, std::string_view word) {
  for (const placement p : {placement::pinned, placement::bar, placement::event})
    if (word == to_string(p)) return p;
  refuse(RONDO_INVALID_ARGUMENT, id, "there is no placement '" + std::string(word) + "'",
         "Use auto, pinned, bar or event");
}

struct chosen_options {
  std::string placement = "auto";
};

chosen_options read_options(const std::string& id, const rondo_kernel_params& params) {
  chosen_options chosen;
  for (std::uint64_t i = 0; i < params.option_count; ++i) {
    const std::string key(text(params.options[i].key));
    if (key != "placement")
      refuse(RONDO_INVALID_ARGUMENT, id, "the CUDA backend has no option '" + key + "'",
             "The only one is placement");
    chosen.placement = std::string(text(params.options[i].value));
  }
  return chosen;
}

// A kernel whose requests cannot lie behind the bus has them in pinned memory.
placement best_for(const device_parts& device, const rondo_kernel_params& params) {
  if (device.ping.best != placement::bar) return device.ping.best;
  const bool timed = (params.input.flags & RONDO_QUEUE_TIMED) != 0;
  const bool fits = params.input.payload_capacity <= ring::max_chunked_payload(timed) &&
                    params.input.lanes == 1 && params.input.publication != RONDO_PUBLISH_COUNTED &&
                    (params.handler->flags & RONDO_HANDLER_INDEPENDENT) == 0;
  return fits ? placement::bar : placement::pinned;
}

placement choose_placement(const device_parts& device, const std::string& id,
                           const rondo_kernel_params& params) {
  const std::string wanted = read_options(id, params).placement;
  if (wanted == "auto") return best_for(device, params);
  const placement p = placement_from(id, wanted);
  if (p == placement::bar && !device.bar)
    refuse(RONDO_UNSUPPORTED, id,
           "the host has no window into this device's memory: " + device.ping.bar.why_not,
           "Use placement pinned; `rondo backends` says what is there");
  if (p == placement::bar && params.input.lanes > 1)
    refuse(RONDO_UNSUPPORTED, id, "an urgent_lane is not offered behind the bus",
           "Use placement pinned, or launch without urgent_lane");
  return p;
}

constexpr std::uint32_t warp = 32;

// With rules, independent requests are taken one by one as well.
std::uint32_t default_threads(const kernel_plan& plan, std::uint32_t handler_flags,
                              std::uint32_t most) {
  if ((handler_flags & RONDO_HANDLER_INDEPENDENT) == 0 || plan.rules != 0) return warp;
  return std::min(256u, std::max(most / warp * warp, 1u));
}

// How many threads a block can have: each takes registers, and some shared memory for its messages.
std::uint32_t most_threads(const device_parts& device, const entry_point& entry) {
  auto most = static_cast<std::uint32_t>(entry.max_threads);
  if (entry.facts.shared_per_thread != 0)
    most = std::min(most, static_cast<std::uint32_t>(
                              std::max(0, device.facts.shared_bytes - entry.shared_bytes)) /
                              entry.facts.shared_per_thread);
  return most;
}

void choose_size(device_parts& device, kernel_plan& plan, const rondo_kernel_params& params) {
  plan.blocks = params.grid != 0 ? params.grid : 1;
  const std::uint32_t most = most_threads(device, plan.entry);
  plan.threads =
      params.block != 0 ? params.block : default_threads(plan, params.handler->flags, most);
  if (plan.threads > most)
    refuse(RONDO_LIMIT_REACHED, plan.id,
           "blocks of " + std::to_string(plan.threads) +
               " threads were asked for, and this handler "
               "can have " +
               std::to_string(most),
           "Ask for smaller blocks");
  if (plan.blocks > 1 && !device.facts.cooperative)
    refuse(RONDO_UNSUPPORTED, plan.id,
           "the device cannot launch several blocks that wait for each other", "Leave grid at 1");
  int per_multiprocessor = 0;
  const context_scope current(device.context.get());
  plan.shared_bytes = plan.threads * plan.entry.facts.shared_per_thread;
  if (plan.shared_bytes != 0)
    check(the_driver().cuFuncSetAttribute(plan.entry.function,
                                          CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                          device.facts.shared_bytes - plan.entry.shared_bytes),
          plan.id, "it cannot have the shared memory that its messages need");
  check(the_driver().cuOccupancyMaxActiveBlocksPerMultiprocessor(
            &per_multiprocessor, plan.entry.function, static_cast<int>(plan.threads),
            plan.shared_bytes),
        plan.id, "its occupancy cannot be told");
  plan.blocks_per_multiprocessor = static_cast<std::uint32_t>(per_multiprocessor);
}

void choose_waiting(kernel_plan& plan, const rondo_kernel_params& params) {
  switch (params.wait) {
    case RONDO_WAIT_SPIN: break;
    case RONDO_WAIT_DEFAULT:
      plan.spin_ns = params.spin_ns != 0 ? params.spin_ns : default_spin_ns;
      plan.nap_ns = default_nap_ns;
      break;
    default:
      refuse(RONDO_UNSUPPORTED, plan.id, "a kernel on a GPU cannot sleep until it is woken",
             "Use spin, or the backend's default, which looks less often after a while");
  }
}

void check_types(const kernel_plan& plan, const rondo_kernel_params& params) {
  const rondo_handler& h = *params.handler;
  if (params.input.payload_capacity < h.request.max_bytes)
    refuse(RONDO_TOO_LARGE, plan.id,
           "the input's slots hold " + std::to_string(params.input.payload_capacity) +
               " bytes, and a request may have " + std::to_string(h.request.max_bytes),
           "Ask for larger slots");
  const auto reply = std::max(h.response.max_bytes, std::uint32_t{offsetof(rondo_failure, text)});
  if (params.output.payload_capacity < reply)
    refuse(RONDO_TOO_LARGE, plan.id,
           "the output's slots hold " + std::to_string(params.output.payload_capacity) +
               " bytes, and a reply may have " + std::to_string(reply),
           "Ask for larger slots");
}

void check_threads(const kernel_plan& plan, const rondo_kernel_params& params) {
  if (params.threads != RONDO_THREADS_DEDICATED)
    refuse(RONDO_UNSUPPORTED, plan.id, "a kernel on a GPU has no threads of the host to share",
           "Launch it on the cpu backend");
}

// What the handler has beside its operator(), and what its on_start gets.
void note_hooks(kernel_plan& plan, const rondo_kernel_params& params) {
  const rondo_handler handler = rondo::backend::whole(*params.handler);
  plan.hooks = hooks_of(handler);
  const rondo_message_type* const type = handler.start_type;
  if ((type != nullptr) != (params.start_argument != nullptr) ||
      (type != nullptr && params.start_bytes > type->max_bytes))
    refuse(RONDO_INVALID_ARGUMENT, plan.id,
           type == nullptr ? "the handler takes no start argument"
                           : "the handler's start argument is missing or too long",
           "Launch it with what its on_start takes");
  if (type == nullptr) return;
  if ((type->flags & RONDO_MESSAGE_HOST_ONLY) != 0)
    refuse(RONDO_UNSUPPORTED, plan.id,
           "its on_start takes " + std::string(text(type->wire_name)) +
               ", which can only be read on the host",
           "Use bounded_vector, bounded_string and optional in it, or the cpu backend");
  const auto* const bytes = static_cast<const std::byte*>(params.start_argument);
  plan.start_argument.assign(bytes, bytes + params.start_bytes);
}

// A longer one than was asked for would be no lease of that length.
void choose_lease(kernel_plan& plan, const rondo_kernel_params& params) {
  if (params.lease_ns != 0 && params.lease_ns < least_lease_ns)
    refuse(RONDO_UNSUPPORTED, plan.id,
           "a lease of " + std::to_string(params.lease_ns) +
               " ns is shorter than the host can renew it: the least is " +
               std::to_string(least_lease_ns / 1'000'000) + " ms",
           "Ask for a longer lease, or for 0, which is the default");
  plan.is_leased = params.lease_ns != 0;
  plan.lease_ns = params.lease_ns != 0 ? params.lease_ns : default_lease_ns;
}

std::uint32_t rules_of(const rondo_kernel_params& params) {
  const auto flag_if = [](bool is_asked, std::uint32_t flag) { return is_asked ? flag : 0; };
  const std::uint32_t in = params.input.flags, out = params.output.flags;
  return flag_if((in & RONDO_QUEUE_TIMED) != 0, device::flag_timed) |
         flag_if((in & RONDO_QUEUE_DROP_OLDEST) != 0, device::flag_drops_oldest) |
         flag_if(params.input.lanes > 1, device::flag_urgent) |
         flag_if((out & RONDO_QUEUE_REJECT) != 0, device::flag_reject) |
         flag_if((out & RONDO_QUEUE_DROP_NEWEST) != 0, device::flag_drop_newest);
}

void check_queues(const device_parts& device, const kernel_plan& plan,
                  const rondo_kernel_params& params) {
  constexpr std::uint32_t of_input =
      RONDO_QUEUE_ONE_PRODUCER | RONDO_QUEUE_TIMED | RONDO_QUEUE_DROP_OLDEST;
  constexpr std::uint32_t not_waiting = RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST;
  constexpr std::uint32_t of_output = RONDO_QUEUE_ONE_PRODUCER | not_waiting;
  const auto refuse_option = [&](const char* which) {
    refuse(RONDO_UNSUPPORTED, plan.id, std::string("the CUDA backend does not offer ") + which,
           "Leave that option at its default");
  };
  if ((params.input.flags & ~of_input) != 0) refuse_option("that of an input");
  if ((params.output.flags & ~of_output) != 0 || params.output.lanes > 1)
    refuse_option("that of an output");
  if ((params.output.flags & not_waiting) == not_waiting)
    refuse(RONDO_INVALID_ARGUMENT, plan.id, "a full output can reject or drop, and not both",
           "Choose one");
  if ((plan.rules & device::flag_timed) != 0 && !device.ping.knows_clock)
    refuse(RONDO_UNSUPPORTED, plan.id,
           "timed: the device's clock could not be compared with the host's",
           "Launch without it, or on the CPU; `rondo backends` says why");
}

}  // namespace

kernel_plan plan_kernel(device_parts& device, const rondo_kernel_params& given) {
  const rondo_kernel_params params = rondo::backend::whole(given);
  kernel_plan plan;
  plan.id = std::string(text(params.id));
  if (params.image == nullptr)
    refuse(RONDO_NO_IMAGE, plan.id, "the module has no image for CUDA devices",
           "Build the module where nvcc is, without NO_DEVICE_IMAGE");
  if (params.cpu >= 0)
    refuse(RONDO_UNSUPPORTED, plan.id, "a kernel on a GPU has no processor of the host",
           "Leave cpu at -1");
  check_threads(plan, params);
  choose_lease(plan, params);
  note_hooks(plan, params);
  plan.rules = rules_of(params);
  check_queues(device, plan, params);
  check_types(plan, params);
  plan.where = choose_placement(device, plan.id, params);
  choose_waiting(plan, params);
  plan.entry = device.images.find(*params.image, *params.handler,
                                  plan.rules != 0 ? entry_kind::by_rules : entry_kind::plain);
  choose_size(device, plan, params);
  plan.handler_deadline_ns = params.handler_deadline_ns;
  plan.kernel_tag = params.kernel_tag;
  return plan;
}

}  // namespace rondo::cuda
