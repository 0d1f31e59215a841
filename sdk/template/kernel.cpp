// The life of a kernel, and what it does with a request.
#include "kernel.hpp"

#include <bit>
#include <cstring>
#include <new>

namespace starter {

using rondo::backend::text;

namespace {

using rondo::backend::failure;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// What this backend does not do is refused, each with its own status.
void check_queue(const rondo_queue_params& params) {
  const std::string name(text(params.name));
  if (params.capacity == 0)
    throw failure(RONDO_CAPACITY_ZERO, name, "a capacity is 0", "ask for a slot or more");
  if (!std::has_single_bit(params.capacity))
    throw failure(RONDO_CAPACITY_NOT_POWER_OF_TWO, name, "a capacity is no power of two",
                  "round it up to one");
  if (params.capacity > std::uint64_t{1} << 32)
    throw failure(RONDO_CAPACITY_OVERFLOW, name, "a capacity is larger than what can be had",
                  "ask for fewer slots");
  if (params.payload_capacity == 0 || params.payload_capacity > RONDO_MAX_PAYLOAD)
    throw failure(RONDO_INVALID_ARGUMENT, name, "a slot has 1 byte or more, and at most 64 KiB",
                  "send larger data in a buffer");
  if (params.lanes == 0 || params.lanes > RONDO_MAX_LANES)
    throw failure(RONDO_INVALID_ARGUMENT, name, "a queue has one lane or two", "ask for one");
  if (params.lanes != 1 || params.publication != RONDO_PUBLISH_DEFAULT ||
      (params.flags & ~std::uint32_t{RONDO_QUEUE_ONE_PRODUCER}) != 0)
    throw failure(RONDO_UNSUPPORTED, name,
                  "there is no ring here: one lane, untimed, as it comes, and nothing is dropped",
                  "leave the queue's options at their defaults");
}

void check(const rondo_kernel_params& params) {
  const std::string id(text(params.id));
  if (params.handler->invoke == nullptr)
    throw failure(RONDO_NO_IMAGE, id, "the handler has no host image",
                  "build the module with a host compiler");
  if (params.option_count != 0)
    throw failure(RONDO_INVALID_ARGUMENT, id,
                  "there is no option '" + std::string(text(params.options[0].key)) + "'",
                  "leave it out");
  if (params.lease_ns != 0 || params.handler_deadline_ns != 0 || params.cpu >= 0 ||
      params.wait > RONDO_WAIT_SPIN || params.threads != RONDO_THREADS_DEDICATED ||
      params.grid > 1 || params.block > 1)
    throw failure(RONDO_UNSUPPORTED, id,
                  "this backend has no threads of its own: no lease, no handler deadline, nothing "
                  "to pin or park",
                  "leave these options at their defaults");
  check_queue(params.input);
  check_queue(params.output);
}

}  // namespace

kernel::kernel(const rondo_kernel_params& params, std::shared_ptr<buffer_table> buffers)
    : rondo_emitter{sizeof(rondo_emitter), 0, nullptr, nullptr, {}},
      handler_(*params.handler),
      id_(text(params.id)),
      input_params_(params.input),
      output_params_(params.output),
      buffers_(std::move(buffers)),
      state_(nullptr, free_state{1}) {
  check(params);
  reserve = [](rondo_emitter* self, std::uint32_t bytes) -> void* {
    auto& me = *static_cast<kernel*>(self);
    me.reply_.payload.resize(bytes);
    return me.reply_.payload.data();
  };
  commit = [](rondo_emitter* self, std::uint32_t length, std::uint16_t version,
              std::uint32_t flags) {
    static_cast<kernel*>(self)->put_reply(length, version, flags);
  };
  const std::size_t alignment = handler_.state_alignment;
  state_ = {::operator new(handler_.state_bytes, std::align_val_t(alignment)),
            free_state{alignment}};
  std::memset(state_.get(), 0, handler_.state_bytes);
  if (handler_.construct(state_.get(), nullptr) != RONDO_OK)
    throw ::starter::failure(RONDO_HANDLER_THREW, id_, "the handler's state cannot be constructed",
                             "repair the constructor of the handler");
  invocation_.struct_size = sizeof invocation_;
  invocation_.lanes = 1;
  invocation_.buffers = buffers_->entries();
  invocation_.buffer_count = buffer_table::capacity;
  invocation_.kernel_tag = params.kernel_tag;
}

void kernel::require(bool allowed, const char* what) const {
  if (!allowed)
    throw ::starter::failure(RONDO_INVALID_STATE, id_,
                             std::string("the kernel's state forbids to ") + what + " it",
                             "see the states in rondo/abi.h");
}

void kernel::launch(std::uint64_t) {
  const lock held(mutex_);
  require(now_ == RONDO_STATE_CREATED, "launch");
  now_ = RONDO_STATE_LAUNCHED;
  launched_ns_ = now_ns();
}

void kernel::activate(std::uint64_t) {
  lock held(mutex_);
  require(
      now_ == RONDO_STATE_LAUNCHED || now_ == RONDO_STATE_ACTIVE || now_ == RONDO_STATE_INACTIVE,
      "activate");
  now_ = RONDO_STATE_ACTIVE;
  counters_.heartbeat_ns = now_ns();
  run_waiting(held);
}

void kernel::deactivate(std::uint64_t deadline_ns) {
  lock held(mutex_);
  if (now_ == RONDO_STATE_LAUNCHED || now_ == RONDO_STATE_INACTIVE) return;
  require(now_ == RONDO_STATE_ACTIVE, "deactivate");
  now_ = RONDO_STATE_INACTIVE;
  if (changed_.wait_for(held, std::chrono::nanoseconds(deadline_ns), [&] { return !busy_; }))
    return;
  now_ = RONDO_STATE_ACTIVE;
  throw ::starter::failure(RONDO_TIMEOUT, id_, "the handler is still busy", "wait longer");
}

// Everything that waits is handled, as long as somebody takes the replies. False if time runs out.
bool kernel::drain(lock& held, std::chrono::nanoseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  now_ = RONDO_STATE_ACTIVE;
  for (;;) {
    run_waiting(held);
    if (requests_.empty() && !busy_) return true;
    if (changed_.wait_until(held, end) == std::cv_status::timeout) return false;
  }
}

void kernel::terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                       rondo_terminate_report& report) {
  lock held(mutex_);
  report.state = now_;
  if (now_ == RONDO_STATE_TERMINATED) return;
  require(now_ != RONDO_STATE_CREATED, "terminate");
  if (now_ == RONDO_STATE_FAILED) say_hung();
  const std::chrono::nanoseconds deadline(deadline_ns);
  const std::uint64_t before = counters_.messages_in;
  closed_ = true;
  const bool in_time = mode != RONDO_TERMINATE_DRAIN || drain(held, deadline);
  now_ = RONDO_STATE_TERMINATED;
  // A drain has used its time up; the request in hand may still be put down.
  changed_.wait_for(held, in_time ? deadline : std::chrono::milliseconds(500),
                    [&] { return !busy_; });
  report.handled = counters_.messages_in - before;
  report.discarded = requests_.size();
  counters_.messages_dropped += requests_.size();
  requests_.clear();
  if (busy_) now_ = RONDO_STATE_FAILED;
  report.state = now_;
  if (busy_) say_hung();
  if (!in_time)
    throw ::starter::failure(RONDO_TIMEOUT, id_, "nobody took the replies in time",
                             "take them while terminate drains");
}

void kernel::say_hung() const {
  throw ::starter::failure(RONDO_HANDLER_HUNG, id_, "the handler does not return",
                           "find out what it waits for");
}

rondo_status kernel::failure(std::string& why) {
  if (state() != RONDO_STATE_FAILED) return RONDO_OK;
  why = "the handler did not return in time";
  return RONDO_HANDLER_HUNG;
}

std::uint32_t kernel::state() {
  const lock held(mutex_);
  return now_;
}

void kernel::counters(rondo_kernel_counters& out) {
  const lock held(mutex_);
  const std::uint32_t size = out.struct_size;
  out = counters_;
  out.struct_size = size;
  out.state = now_;
  out.uptime_ns = launched_ns_ == 0 ? 0 : now_ns() - launched_ns_;
  out.input_depth = requests_.size();
  out.output_depth = replies_.size();
}

// Handle requests, oldest first, as long as there is room for a reply. If another thread is at it,
// it will see these as well.
void kernel::run_waiting(lock& held) {
  while (now_ == RONDO_STATE_ACTIVE && !busy_ && !requests_.empty() &&
         replies_.size() < output_params_.capacity) {
    const stored_message request = std::move(requests_.front());
    requests_.pop_front();
    busy_ = true;
    held.unlock();
    handle(request);
    held.lock();
    busy_ = false;
    ++counters_.messages_in;
    ++counters_.polls;
    counters_.messages_failed += invocation_.failure_code != RONDO_OK ? 1u : 0u;
    counters_.bytes_in += request.header.length;
    counters_.heartbeat_ns = now_ns();
    changed_.notify_all();
  }
}

void kernel::handle(const stored_message& request) {
  invocation_.request = &request.header;
  invocation_.failure_code = RONDO_OK;
  invocation_.user_code = 0;
  invocation_.failure_length = 0;
  handler_.invoke(state_.get(), request.payload.data(), this, &invocation_);
  if (invocation_.failure_code == RONDO_OK) return;
  rondo_failure why{invocation_.failure_code, invocation_.user_code, {}};
  std::memcpy(why.text, invocation_.failure_text, invocation_.failure_length);
  const auto length =
      static_cast<std::uint32_t>(offsetof(rondo_failure, text)) + invocation_.failure_length;
  std::memcpy(reserve(this, length), &why, length);
  put_reply(length, 0, RONDO_FLAG_FAILED);
}

void kernel::put_reply(std::uint32_t length, std::uint16_t version, std::uint32_t flags) {
  reply_.payload.resize(length);
  const lock held(mutex_);
  reply_.header = {length,
                   RONDO_TYPE_RESPONSE,
                   version,
                   flags,
                   0,
                   ++counters_.messages_out,
                   invocation_.request->correlation_id};
  counters_.bytes_out += length;
  replies_.push_back(std::move(reply_));
  reply_ = {};
}

}  // namespace starter
