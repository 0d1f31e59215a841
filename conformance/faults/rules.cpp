// Queues with rules, and what can be wrong about them: lanes, what is given up, what is counted.
#include "wrapped.hpp"

#include <utility>

namespace rondo::faults {

namespace {

bool drops_oldest(const rondo_kernel& kernel) {
  return (kernel.input_flags & RONDO_QUEUE_DROP_OLDEST) != 0;
}

std::int32_t failure_of(const message& m) {
  std::int32_t code = RONDO_OK;
  if ((m.header.flags & RONDO_FLAG_FAILED) != 0 && m.payload.size() >= sizeof code)
    std::memcpy(&code, m.payload.data(), sizeof code);
  return code;
}
bool is_given_up(const message& m) { return failure_of(m) == RONDO_DROPPED; }

void give_up(message& m) {
  rondo_failure told{};
  told.code = RONDO_DROPPED;
  m.payload.resize(offsetof(rondo_failure, text));
  std::memcpy(m.payload.data(), &told, m.payload.size());
  m.header.flags |= RONDO_FLAG_FAILED;
  m.header.version = 0;
}

}  // namespace

// Only rings take deadlines along.
bool needs_the_rings() {
  return broken(fault::expired_not_counted) || broken(fault::info_of_another_ring);
}

void change_rules(rondo_kernel_params& params) {
  std::uint32_t& of_output = params.output.flags;
  if (broken(fault::output_waits))
    of_output &= ~std::uint32_t{RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST};
  if (broken(fault::output_rule_replaced) && (of_output & RONDO_QUEUE_REJECT) != 0)
    of_output ^= std::uint32_t{RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST};
  constexpr std::uint32_t both = RONDO_QUEUE_REJECT | RONDO_QUEUE_DROP_NEWEST;
  if (broken(fault::both_rules_taken) && (of_output & both) == both)
    of_output &= ~std::uint32_t{RONDO_QUEUE_DROP_NEWEST};
  if (broken(fault::oldest_kept)) params.input.flags &= ~std::uint32_t{RONDO_QUEUE_DROP_OLDEST};
}

bool rules_refuse(rondo_queue* queue, rondo_envelope& header) {
  const rondo_kernel& kernel = *queue->kernel;
  const std::uint32_t now = inner_state(queue->kernel);
  const bool is_urgent = kernel.lanes > 1 && (header.flags & RONDO_FLAG_URGENT) != 0;
  if (broken(fault::urgent_waits)) header.flags &= ~std::uint32_t{RONDO_FLAG_URGENT};
  if (now == RONDO_STATE_TERMINATED || header.length > queue->payload_capacity) return false;
  if (broken(fault::urgent_shares_room)) return is_urgent && inner_depth(queue) >= queue->capacity;
  return broken(fault::oldest_kept_at_rest) && drops_oldest(kernel) && now != RONDO_STATE_ACTIVE &&
         inner_depth(queue) >= queue->capacity * kernel.lanes;
}

rondo_status rules_when_full(rondo_queue* queue, rondo_status status) {
  const bool loses = broken(fault::newest_dropped) && drops_oldest(*queue->kernel);
  return loses && status == RONDO_FULL ? RONDO_OK : status;
}

bool rules_swallow(const message& reply) {
  return (broken(fault::given_up_in_silence) && is_given_up(reply)) ||
         (broken(fault::lost_in_silence) && failure_of(reply) == RONDO_FULL);
}

void rules_change_reply(rondo_kernel& kernel, message& reply) {
  if (!broken(fault::two_given_up)) return;
  if (!std::exchange(kernel.had_given_up, is_given_up(reply)) || kernel.had_given_up) return;
  give_up(reply);
}

void rules_change_counters(rondo_kernel_counters& out) {
  if (out.struct_size < sizeof out) return;  // an older host's
  if (broken(fault::given_up_not_in_dropped)) out.messages_dropped -= out.dropped_oldest;
  if (broken(fault::given_up_not_counted)) out.dropped_oldest = 0;
  if (broken(fault::expired_not_counted)) out.expired = 0;
  if (broken(fault::lost_not_counted)) out.replies_dropped = 0;
}

}  // namespace rondo::faults
