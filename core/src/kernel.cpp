// Handles: everything forwards to the instance.
#include <rondo/kernel.hpp>

#include "buffer_storage.hpp"
#include "instance.hpp"

namespace rondo {

kernel_handle::kernel_handle(std::shared_ptr<detail::instance> instance)
    : instance_(std::move(instance)) {}

const std::string& kernel_handle::id() const { return instance_->id(); }
std::string kernel_handle::handler_id() const {
  return std::string(detail::view_of(instance_->handler().id));
}
const std::string& kernel_handle::backend() const { return instance_->backend(); }
std::uint32_t kernel_handle::device() const { return instance_->device()->index(); }
queue_names kernel_handle::queues() const { return instance_->names(); }

kernel_state kernel_handle::state() const { return instance_->state(); }
kernel_snapshot kernel_handle::snapshot() const { return instance_->snapshot(); }
void kernel_handle::activate(nanoseconds deadline) { instance_->activate(deadline); }
void kernel_handle::deactivate(nanoseconds deadline) { instance_->deactivate(deadline); }
terminate_report kernel_handle::terminate(const terminate_options& options) {
  return instance_->terminate(options);
}
void kernel_handle::relaunch() { instance_->relaunch(); }

buffer kernel_handle::create_buffer(std::uint64_t bytes, memory kind) const {
  return buffer(buffer::storage::make(instance_->device(), bytes, kind));
}
buffer kernel_handle::find_buffer(buffer_ref ref) const {
  return buffer(buffer::storage::find(*instance_->device(), ref));
}

kernel_handle::module_records kernel_handle::records() const {
  const auto& found = instance_->plan().found;
  return {found.handler, found.module->scenarios_of(detail::view_of(found.handler->id))};
}

result<rondo_envelope> kernel_handle::call_bytes(const void* request, std::uint32_t bytes,
                                                 std::uint16_t version,
                                                 std::vector<std::byte>& reply_payload,
                                                 nanoseconds timeout) {
  rondo_envelope header{};
  error_info why;
  if (instance_->call_bytes(request, bytes, version, reply_payload, header, timeout, why) !=
      RONDO_OK)
    return result<rondo_envelope>(std::move(why));
  return header;
}

std::unique_ptr<error_info> kernel_handle::call_erased(const detail::call_codecs& types,
                                                       const void* in, void* out,
                                                       nanoseconds timeout) {
  return instance_->call(types, in, out, timeout);
}
std::unique_ptr<error_info> kernel_handle::call_erased(const detail::call_codecs& types,
                                                       const void* in, void* out,
                                                       nanoseconds timeout,
                                                       const send_options& how) {
  return instance_->call(types, in, out, timeout, how);
}
status kernel_handle::send_erased(const detail::codec& request, const void* in, std::uint64_t& id,
                                  nanoseconds timeout, const send_options& how, error_info& why) {
  return instance_->send(request, in, id, timeout, how, why);
}
status kernel_handle::send_erased(const detail::codec& request, const void* in, std::uint64_t& id,
                                  nanoseconds timeout, error_info& why) {
  return instance_->send(request, in, id, timeout, why);
}
status kernel_handle::receive_erased(const detail::codec& response, void* out,
                                     rondo_envelope& header, nanoseconds timeout, error_info& why) {
  return instance_->receive(response, out, header, timeout, why);
}
std::unique_ptr<error_info> kernel_handle::send_batch_erased(const detail::codec& request,
                                                             const void* messages,
                                                             std::uint64_t count, batch_sent& sent,
                                                             nanoseconds timeout) {
  return instance_->send_batch(request, messages, count, sent, timeout);
}
std::unique_ptr<error_info> kernel_handle::receive_batch_erased(const detail::codec& response,
                                                                const detail::reply_sink& sink,
                                                                std::uint64_t most,
                                                                std::uint64_t& taken,
                                                                nanoseconds timeout) {
  return instance_->receive_batch(response, sink, most, taken, timeout);
}

status kernel_handle::reserve_erased(const detail::codec& request, detail::claim_state& out,
                                     nanoseconds timeout, error_info& why) {
  return instance_->reserve(request, timeout, out, why);
}
status kernel_handle::peek_erased(const detail::codec& response, detail::reply_hold& out,
                                  nanoseconds timeout, error_info& why) {
  return instance_->peek(response, timeout, out, why);
}
void kernel_handle::call_async_erased(const detail::codec& request, const void* in,
                                      const detail::codec& response, nanoseconds timeout,
                                      const send_options& how,
                                      std::unique_ptr<detail::pending_call> then) {
  const auto self = instance_;  // it may wait for room, and this handle be gone meanwhile
  self->call_async(self, request, in, response, timeout, how, std::move(then));
}

result<std::uint64_t> kernel_handle::flush(nanoseconds timeout) {
  error_info why;
  std::uint64_t done = 0;
  if (instance_->flush(timeout, done, why) != RONDO_OK)
    return result<std::uint64_t>(std::move(why));
  return done;
}

}  // namespace rondo
