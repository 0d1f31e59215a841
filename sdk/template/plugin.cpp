// A backend to grow from: it has one device, and runs a handler on the thread that sends the
// request. No ring and no thread of its own, only the calls that every backend must have, and it
// passes the conformance suite. Replace it from the inside out: first what happens in
// `run_waiting`, then the queues; `rondo conformance` says when something is missing.
#include <rondo/backend/backend.hpp>

#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

namespace starter {

using rondo::backend::failure;
using rondo::backend::text;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// Buffers: host memory, found by handlers through a table that never moves.
class buffer_table {
 public:
  static constexpr std::size_t capacity = 64;

  rondo_buffer_handle create(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < capacity; ++i) {
      if (entries_[i].handle != 0) continue;
      memory_[i].assign(bytes, std::byte{0});
      entries_[i].address = reinterpret_cast<std::uint64_t>(memory_[i].data());
      entries_[i].bytes = bytes;
      return set_handle(i, ++generation_ << 32 | i);
    }
    throw failure(RONDO_LIMIT_REACHED, "buffer", "all buffers are in use");
  }
  void destroy(rondo_buffer_handle handle) {
    const std::lock_guard lock(mutex_);
    set_handle(index_of(handle), 0);
  }
  std::byte* range(rondo_buffer_handle handle, std::uint64_t offset, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t index = index_of(handle);
    if (offset > entries_[index].bytes || bytes > entries_[index].bytes - offset)
      throw failure(RONDO_INVALID_ARGUMENT, "buffer", "the range is not in the buffer");
    return memory_[index].data() + offset;
  }
  const rondo_buffer_entry* entries() const { return entries_; }

 private:
  std::size_t index_of(rondo_buffer_handle handle) const {
    const std::uint64_t index = handle & 0xffffffffu;
    if (handle == 0 || index >= capacity || entries_[index].handle != handle)
      throw failure(RONDO_NO_SUCH_BUFFER, "buffer", "the handle is not alive");
    return index;
  }
  // Handlers look at the handle first, without the mutex.
  rondo_buffer_handle set_handle(std::size_t index, rondo_buffer_handle handle) {
    __atomic_store_n(&entries_[index].handle, handle, __ATOMIC_RELEASE);
    return handle;
  }

  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  rondo_buffer_entry entries_[capacity]{};
  std::vector<std::byte> memory_[capacity];
};

struct stored_message {
  rondo_envelope header;
  std::vector<std::byte> payload;
};

class kernel;

// The host pushes requests here.
class input_queue final : public rondo::backend::queue {
 public:
  explicit input_queue(kernel& owner) : owner_(owner) {}
  rondo_status push(const rondo_envelope& header, const void* payload) override;
  rondo_status info(rondo_queue_info& out) override;

 private:
  kernel& owner_;
};

// The host pops replies here.
class output_queue final : public rondo::backend::queue {
 public:
  explicit output_queue(kernel& owner) : owner_(owner) {}
  rondo_status pop(rondo_envelope& header, void* payload, std::uint32_t room) override;
  rondo_status info(rondo_queue_info& out) override;

 private:
  kernel& owner_;
};

class kernel final : public rondo::backend::kernel, private rondo_emitter {
 public:
  kernel(const rondo_kernel_params& params, std::shared_ptr<buffer_table> buffers);
  ~kernel() override { handler_.destroy(state_.get()); }

  void launch(std::uint64_t) override;
  void activate(std::uint64_t) override;
  void deactivate(std::uint64_t deadline_ns) override;
  void terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                 rondo_terminate_report& report) override;
  std::uint32_t state() override;
  rondo::backend::queue& input() override { return input_; }
  rondo::backend::queue& output() override { return output_; }
  void counters(rondo_kernel_counters& out) override;
  rondo_status failure(std::string& why) override;

 private:
  friend class input_queue;
  friend class output_queue;
  using lock = std::unique_lock<std::mutex>;
  struct free_state {
    void operator()(void* p) const { ::operator delete(p, std::align_val_t(alignment)); }
    std::size_t alignment;
  };

  void require(bool allowed, const char* what) const;
  void run_waiting(lock& held);
  void handle(const stored_message& request);
  void put_reply(std::uint32_t length, std::uint16_t version, std::uint32_t flags);
  bool drain(lock& held, std::chrono::nanoseconds deadline);
  [[noreturn]] void say_hung() const;

  const rondo_handler& handler_;
  const std::string id_;
  const rondo_queue_params input_params_, output_params_;
  std::shared_ptr<buffer_table> buffers_;
  std::unique_ptr<void, free_state> state_;
  input_queue input_{*this};
  output_queue output_{*this};
  stored_message reply_;  // the one the handler writes; whoever is busy_ uses it

  std::mutex mutex_;  // everything below; not held while the handler runs
  std::condition_variable changed_;
  bool busy_ = false;  // some thread runs the handler
  bool closed_ = false;
  std::uint32_t now_ = RONDO_STATE_CREATED;
  std::uint64_t launched_ns_ = 0;
  std::deque<stored_message> requests_, replies_;
  rondo_invocation invocation_{};
  rondo_kernel_counters counters_{};
};

// What this backend does not do is refused, each with its own status.
void check_queue(const rondo_queue_params& params) {
  const std::string name(text(params.name));
  if (params.capacity == 0) throw failure(RONDO_CAPACITY_ZERO, name, "a capacity is 0");
  if (!std::has_single_bit(params.capacity))
    throw failure(RONDO_CAPACITY_NOT_POWER_OF_TWO, name, "a capacity is no power of two");
  if (params.capacity > std::uint64_t{1} << 32)
    throw failure(RONDO_CAPACITY_OVERFLOW, name, "a capacity is larger than what can be had");
  if (params.lanes == 0 || params.lanes > RONDO_MAX_LANES)
    throw failure(RONDO_INVALID_ARGUMENT, name, "a queue has one lane or two");
  if (params.lanes != 1 || params.publication != RONDO_PUBLISH_DEFAULT ||
      (params.flags & ~std::uint32_t{RONDO_QUEUE_ONE_PRODUCER}) != 0)
    throw failure(RONDO_UNSUPPORTED, name,
                  "there is no ring here: one lane, untimed, as it comes, and nothing is dropped");
}

void check(const rondo_kernel_params& params) {
  const std::string id(text(params.id));
  if (params.handler->invoke == nullptr)
    throw failure(RONDO_NO_IMAGE, id, "the handler has no host image");
  if (params.option_count != 0)
    throw failure(RONDO_INVALID_ARGUMENT, id,
                  "there is no option '" + std::string(text(params.options[0].key)) + "'");
  if (params.lease_ns != 0 || params.handler_deadline_ns != 0 || params.cpu >= 0 ||
      params.wait > RONDO_WAIT_SPIN || params.grid > 1 || params.block > 1)
    throw failure(RONDO_UNSUPPORTED, id,
                  "this backend has no threads of its own: no lease, no handler deadline, nothing "
                  "to pin or park");
  check_queue(params.input);
  check_queue(params.output);
}

kernel::kernel(const rondo_kernel_params& params, std::shared_ptr<buffer_table> buffers)
    : rondo_emitter{sizeof(rondo_emitter), 0, nullptr, nullptr},
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
    throw ::starter::failure(RONDO_HANDLER_THREW, id_, "the handler's state cannot be constructed");
  invocation_.struct_size = sizeof invocation_;
  invocation_.lanes = 1;
  invocation_.buffers = buffers_->entries();
  invocation_.buffer_count = buffer_table::capacity;
  invocation_.kernel_tag = params.kernel_tag;
}

void kernel::require(bool allowed, const char* what) const {
  if (!allowed)
    throw ::starter::failure(RONDO_INVALID_STATE, id_,
                             std::string("the kernel's state forbids to ") + what + " it");
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
  throw ::starter::failure(RONDO_TIMEOUT, id_, "the handler is still busy");
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
  throw ::starter::failure(RONDO_HANDLER_HUNG, id_, "the handler does not return");
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

class device final : public rondo::backend::device {
 public:
  std::unique_ptr<rondo::backend::kernel> create_kernel(
      const rondo_kernel_params& params) override {
    return std::make_unique<kernel>(params, buffers_);
  }
  rondo_buffer_handle create_buffer(std::uint64_t bytes) override {
    if (bytes == 0) throw failure(RONDO_INVALID_ARGUMENT, "buffer", "0 bytes were asked for");
    return buffers_->create(bytes);
  }
  rondo_status destroy_buffer(rondo_buffer_handle handle) override {
    return buffers_->destroy(handle), RONDO_OK;
  }
  void write_buffer(rondo_buffer_handle handle, std::uint64_t at, const void* from,
                    std::uint64_t bytes) override {
    std::memcpy(buffers_->range(handle, at, bytes), from, bytes);
  }
  void read_buffer(rondo_buffer_handle handle, std::uint64_t at, void* to,
                   std::uint64_t bytes) override {
    std::memcpy(to, buffers_->range(handle, at, bytes), bytes);
  }

 private:
  std::shared_ptr<buffer_table> buffers_ = std::make_shared<buffer_table>();
};

class backend final : public rondo::backend::backend {
 public:
  std::uint32_t device_count() override { return 1; }
  rondo_status device_info(std::uint32_t index, rondo_device_info& out) override {
    if (index != 0) return RONDO_INVALID_ARGUMENT;
    out.index = 0;
    out.usable = 1;
    out.processors = 1;
    rondo::backend::put_text(out.name, "the sender's thread");
    rondo::backend::put_text(out.reason, "");
    return RONDO_OK;
  }
  std::unique_ptr<rondo::backend::device> open_device(std::uint32_t index,
                                                      const rondo_option* options,
                                                      std::uint64_t option_count) override {
    if (index != 0) throw failure(RONDO_NO_SUCH_DEVICE, "starter", "there is one device, number 0");
    if (option_count != 0)
      throw failure(RONDO_INVALID_ARGUMENT, "starter",
                    "there is no option '" + std::string(text(options[0].key)) + "'");
    return std::make_unique<device>();
  }
};

constexpr rondo_string capabilities[] = {RONDO_CAPABILITY(RONDO_CAP_HOST_IMAGE),
                                         RONDO_CAPABILITY(RONDO_CAP_BUFFER),
                                         RONDO_CAPABILITY(RONDO_CAP_HOST_ONLY_MESSAGES)};

}  // namespace starter

RONDO_BACKEND(starter::backend, "org.example.starter", "starter", RONDO_PLUGIN_VERSION,
              starter::capabilities, 1);
