// A backend to grow from: it has one device, and runs a handler on the thread that sends the
// request. No ring and no thread of its own, only the calls that every backend must have. Replace
// it from the inside out: first what happens in `run_waiting`, then the queues.
#include <rondo/backend/backend.hpp>

#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

namespace starter {

using rondo::backend::text;

// Buffers: host memory, found by handlers through a table that never moves.
class buffer_table {
 public:
  static constexpr std::size_t capacity = 64;

  rondo_buffer_handle create(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < capacity; ++i) {
      if (entries_[i].handle != 0) continue;
      memory_[i].assign(bytes, std::byte{0});
      entries_[i] = {++generation_ << 32 | i, reinterpret_cast<std::uint64_t>(memory_[i].data()),
                     bytes, 0};
      return entries_[i].handle;
    }
    throw rondo::backend::failure(RONDO_LIMIT_REACHED, "buffer", "all buffers are in use");
  }
  void destroy(rondo_buffer_handle handle) {
    const std::lock_guard lock(mutex_);
    find(handle, 0, 0);
    entries_[handle % (std::uint64_t{1} << 32)] = {};
  }
  std::byte* find(rondo_buffer_handle handle, std::uint64_t offset, std::uint64_t bytes) {
    const std::uint64_t index = handle % (std::uint64_t{1} << 32);
    if (handle == 0 || index >= capacity || entries_[index].handle != handle)
      throw rondo::backend::failure(RONDO_NO_SUCH_BUFFER, "buffer", "the handle is not alive");
    if (offset > entries_[index].bytes || bytes > entries_[index].bytes - offset)
      throw rondo::backend::failure(RONDO_INVALID_ARGUMENT, "buffer",
                                    "the range is not in the buffer");
    return memory_[index].data() + offset;
  }
  const rondo_buffer_entry* entries() const { return entries_; }

 private:
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

  // The handler runs on the sender's thread: nothing has to be waited for, and no deadline passes.
  void launch(std::uint64_t) override { change(RONDO_STATE_CREATED, RONDO_STATE_LAUNCHED); }
  void activate(std::uint64_t) override;
  void deactivate(std::uint64_t) override;
  void terminate(std::uint32_t mode, std::uint64_t, rondo_terminate_report& report) override;
  std::uint32_t state() override;
  rondo::backend::queue& input() override { return input_; }
  rondo::backend::queue& output() override { return output_; }
  void counters(rondo_kernel_counters& out) override;

 private:
  friend class input_queue;
  friend class output_queue;
  struct free_state {
    void operator()(void* p) const { ::operator delete(p, std::align_val_t(alignment)); }
    std::size_t alignment;
  };

  void change(std::uint32_t from, std::uint32_t to);
  void run_waiting();
  void put_reply(std::uint32_t length, std::uint16_t version, std::uint32_t flags);

  const rondo_handler& handler_;
  const rondo_queue_params input_params_, output_params_;
  std::shared_ptr<buffer_table> buffers_;
  std::unique_ptr<void, free_state> state_;
  input_queue input_{*this};
  output_queue output_{*this};

  std::mutex mutex_;  // everything below
  std::uint32_t now_ = RONDO_STATE_CREATED;
  std::deque<stored_message> requests_, replies_;
  stored_message reply_;  // the one the handler writes
  rondo_invocation invocation_{};
  rondo_kernel_counters counters_{};
};

kernel::kernel(const rondo_kernel_params& params, std::shared_ptr<buffer_table> buffers)
    : rondo_emitter{sizeof(rondo_emitter), 0, nullptr, nullptr},
      handler_(*params.handler),
      input_params_(params.input),
      output_params_(params.output),
      buffers_(std::move(buffers)),
      state_(nullptr, free_state{1}) {
  if (handler_.invoke == nullptr)
    throw rondo::backend::failure(RONDO_NO_IMAGE, std::string(text(params.id)),
                                  "the handler has no host image");
  if (params.lease_ns != 0 || params.handler_deadline_ns != 0 || params.cpu >= 0)
    throw rondo::backend::failure(
        RONDO_UNSUPPORTED, std::string(text(params.id)),
        "this backend has no lease, no handler deadline and no threads to pin");
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
    throw rondo::backend::failure(RONDO_HANDLER_THREW, std::string(text(params.id)),
                                  "its state has no constructor");
  invocation_.struct_size = sizeof invocation_;
  invocation_.lanes = 1;
  invocation_.buffers = buffers_->entries();
  invocation_.buffer_count = buffer_table::capacity;
  invocation_.kernel_tag = params.kernel_tag;
}

void kernel::change(std::uint32_t from, std::uint32_t to) {
  const std::lock_guard lock(mutex_);
  if (now_ != from)
    throw rondo::backend::failure(RONDO_INVALID_STATE, std::string(text(handler_.id)),
                                  "the kernel's state forbids it");
  now_ = to;
}

void kernel::activate(std::uint64_t) {
  const std::lock_guard lock(mutex_);
  if (now_ == RONDO_STATE_CREATED || now_ == RONDO_STATE_TERMINATED)
    throw rondo::backend::failure(RONDO_INVALID_STATE, std::string(text(handler_.id)),
                                  "the kernel is not launched");
  now_ = RONDO_STATE_ACTIVE;
  run_waiting();
}

void kernel::deactivate(std::uint64_t) {
  const std::lock_guard lock(mutex_);
  if (now_ == RONDO_STATE_LAUNCHED || now_ == RONDO_STATE_INACTIVE) return;
  if (now_ != RONDO_STATE_ACTIVE)
    throw rondo::backend::failure(RONDO_INVALID_STATE, std::string(text(handler_.id)),
                                  "the kernel is not active");
  now_ = RONDO_STATE_INACTIVE;
}

void kernel::terminate(std::uint32_t mode, std::uint64_t, rondo_terminate_report& report) {
  const std::lock_guard lock(mutex_);
  if (now_ == RONDO_STATE_CREATED)
    throw rondo::backend::failure(RONDO_INVALID_STATE, std::string(text(handler_.id)),
                                  "the kernel is not launched");
  const std::uint64_t before = counters_.messages_in;
  if (mode == RONDO_TERMINATE_DRAIN && now_ != RONDO_STATE_TERMINATED) {
    now_ = RONDO_STATE_ACTIVE;
    run_waiting();
  }
  now_ = RONDO_STATE_TERMINATED;
  report.state = now_;
  report.handled = counters_.messages_in - before;
  report.discarded = requests_.size();
  requests_.clear();
}

std::uint32_t kernel::state() {
  const std::lock_guard lock(mutex_);
  return now_;
}

void kernel::counters(rondo_kernel_counters& out) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t size = out.struct_size;
  out = counters_;
  out.struct_size = size;
  out.state = now_;
  out.input_depth = requests_.size();
  out.output_depth = replies_.size();
}

// Handle requests, oldest first, as long as there is room for a reply.
void kernel::run_waiting() {
  while (now_ == RONDO_STATE_ACTIVE && !requests_.empty() &&
         replies_.size() < output_params_.capacity) {
    const stored_message request = std::move(requests_.front());
    requests_.pop_front();
    invocation_.request = &request.header;
    invocation_.failure_code = RONDO_OK;
    invocation_.user_code = 0;
    invocation_.failure_length = 0;
    handler_.invoke(state_.get(), request.payload.data(), this, &invocation_);
    if (invocation_.failure_code != RONDO_OK) {
      rondo_failure why{invocation_.failure_code, invocation_.user_code, {}};
      std::memcpy(why.text, invocation_.failure_text, invocation_.failure_length);
      const auto length =
          static_cast<std::uint32_t>(offsetof(rondo_failure, text)) + invocation_.failure_length;
      std::memcpy(reserve(this, length), &why, length);
      put_reply(length, 0, RONDO_FLAG_FAILED);
      ++counters_.messages_failed;
    }
    ++counters_.messages_in;
    counters_.bytes_in += request.header.length;
  }
}

void kernel::put_reply(std::uint32_t length, std::uint16_t version, std::uint32_t flags) {
  reply_.header = {length,
                   RONDO_TYPE_RESPONSE,
                   version,
                   flags,
                   0,
                   ++counters_.messages_out,
                   invocation_.request->correlation_id};
  reply_.payload.resize(length);
  counters_.bytes_out += length;
  replies_.push_back(std::move(reply_));
  reply_ = {};
}

rondo_status input_queue::push(const rondo_envelope& header, const void* payload) {
  if (header.length > owner_.input_params_.payload_capacity) return RONDO_TOO_LARGE;
  const std::lock_guard lock(owner_.mutex_);
  if (owner_.now_ == RONDO_STATE_TERMINATED) return RONDO_TERMINATED;
  if (owner_.requests_.size() >= owner_.input_params_.capacity) return RONDO_FULL;
  const auto* bytes = static_cast<const std::byte*>(payload);
  owner_.requests_.push_back({header, {bytes, bytes + header.length}});
  owner_.run_waiting();
  return RONDO_OK;
}

rondo_status input_queue::info(rondo_queue_info& out) {
  const std::lock_guard lock(owner_.mutex_);
  out = {out.struct_size,
         RONDO_PUBLISH_WORD,
         owner_.input_params_.capacity,
         owner_.input_params_.payload_capacity,
         0,
         owner_.requests_.size()};
  return RONDO_OK;
}

rondo_status output_queue::pop(rondo_envelope& header, void* payload, std::uint32_t room) {
  const std::lock_guard lock(owner_.mutex_);
  owner_.run_waiting();  // there may be room now
  if (owner_.replies_.empty()) return RONDO_EMPTY;
  const stored_message& reply = owner_.replies_.front();
  header = reply.header;
  if (header.length > room) return RONDO_TOO_LARGE;
  std::memcpy(payload, reply.payload.data(), header.length);
  owner_.replies_.pop_front();
  return RONDO_OK;
}

rondo_status output_queue::info(rondo_queue_info& out) {
  const std::lock_guard lock(owner_.mutex_);
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
    if (bytes == 0)
      throw rondo::backend::failure(RONDO_INVALID_ARGUMENT, "buffer", "0 bytes were asked for");
    return buffers_->create(bytes);
  }
  rondo_status destroy_buffer(rondo_buffer_handle handle) override {
    return buffers_->destroy(handle), RONDO_OK;
  }
  void write_buffer(rondo_buffer_handle handle, std::uint64_t at, const void* from,
                    std::uint64_t bytes) override {
    std::memcpy(buffers_->find(handle, at, bytes), from, bytes);
  }
  void read_buffer(rondo_buffer_handle handle, std::uint64_t at, void* to,
                   std::uint64_t bytes) override {
    std::memcpy(to, buffers_->find(handle, at, bytes), bytes);
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
    return RONDO_OK;
  }
  std::unique_ptr<rondo::backend::device> open_device(std::uint32_t, const rondo_option*,
                                                      std::uint64_t) override {
    return std::make_unique<device>();
  }
};

constexpr rondo_string capabilities[] = {RONDO_CAPABILITY(RONDO_CAP_HOST_IMAGE),
                                         RONDO_CAPABILITY(RONDO_CAP_BUFFER),
                                         RONDO_CAPABILITY(RONDO_CAP_HOST_ONLY_MESSAGES)};

}  // namespace starter

RONDO_BACKEND(starter::backend, "org.example.starter", "starter", RONDO_PLUGIN_VERSION,
              starter::capabilities, 1);
