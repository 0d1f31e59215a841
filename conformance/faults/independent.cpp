// Independent requests that are confused with each other: two replies that are there at the same
// time, as those of requests are that ran together.
#include "wrapped.hpp"

#include <utility>

namespace rondo::faults {

namespace {

bool is_confused() {
  return broken(fault::independent_out_of_turn) || broken(fault::independent_mixed_up) ||
         broken(fault::independent_fails_together);
}

bool take(rondo_queue* output, message& reply) {
  reply.payload.resize(output->payload_capacity);
  const auto room = static_cast<std::uint32_t>(reply.payload.size());
  if (inner.queue.pop(output->inner, &reply.header, reply.payload.data(), room) != RONDO_OK)
    return false;
  reply.payload.resize(reply.header.length);
  return true;
}

void fail_too(const message& failed, message& next) {
  if ((failed.header.flags & RONDO_FLAG_FAILED) == 0) return;
  const rondo_envelope own = next.header;
  next = failed;
  next.header.message_id = own.message_id;
  next.header.correlation_id = own.correlation_id;
}

}  // namespace

void exchange_replies(rondo_queue* output, message& reply) {
  rondo_kernel& kernel = *output->kernel;
  if (!is_confused() || !kernel.is_independent) return;
  message next;
  if (!take(output, next)) return;
  if (broken(fault::independent_out_of_turn)) {
    std::swap(reply, next);
    std::swap(reply.header.message_id, next.header.message_id);
  }
  if (broken(fault::independent_mixed_up))
    std::swap(reply.header.correlation_id, next.header.correlation_id);
  if (broken(fault::independent_fails_together)) fail_too(reply, next);
  kernel.again.push_back(next);
}

}  // namespace rondo::faults
