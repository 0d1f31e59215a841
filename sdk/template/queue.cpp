// The two queues of a kernel, as the host calls them.
#include "kernel.hpp"

#include <cstring>

namespace starter {

rondo_status input_queue::push(const rondo_envelope& header, const void* payload) {
  if (header.length > owner_.input_params_.payload_capacity) return RONDO_TOO_LARGE;
  kernel::lock held(owner_.mutex_);
  if (owner_.closed_) return RONDO_TERMINATED;
  if (owner_.requests_.size() >= owner_.input_params_.capacity) return RONDO_FULL;
  const auto* bytes = static_cast<const std::byte*>(payload);
  owner_.requests_.push_back({header, {bytes, bytes + header.length}});
  owner_.run_waiting(held);
  return RONDO_OK;
}

rondo_status input_queue::info(rondo_queue_info& out) {
  const kernel::lock held(owner_.mutex_);
  out = {out.struct_size,
         RONDO_PUBLISH_WORD,
         owner_.input_params_.capacity,
         owner_.input_params_.payload_capacity,
         0,
         owner_.requests_.size()};
  return RONDO_OK;
}

rondo_status output_queue::pop(rondo_envelope& header, void* payload, std::uint32_t room) {
  kernel::lock held(owner_.mutex_);
  owner_.run_waiting(held);  // there may be room now
  if (owner_.replies_.empty()) return RONDO_EMPTY;
  const stored_message& reply = owner_.replies_.front();
  header = reply.header;
  if (header.length > room) return RONDO_TOO_LARGE;
  std::memcpy(payload, reply.payload.data(), header.length);
  owner_.replies_.pop_front();
  owner_.changed_.notify_all();
  return RONDO_OK;
}

rondo_status output_queue::info(rondo_queue_info& out) {
  const kernel::lock held(owner_.mutex_);
  out = {out.struct_size,
         RONDO_PUBLISH_WORD,
         owner_.output_params_.capacity,
         owner_.output_params_.payload_capacity,
         0,
         owner_.replies_.size()};
  return RONDO_OK;
}

}  // namespace starter
