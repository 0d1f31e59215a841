// One kernel and its two queues: lists of bounded length, and a handler that is run by whichever
// thread makes something to do for it. Calls come as abi.h says; everything is under one mutex, but
// for the handler while it runs.
#pragma once

#include "memory.hpp"

#include <rondo/backend/backend.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

namespace starter {

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
  // A handler that hung still works with all of it, so it stays for the life of the process
  // [LIFE-05].
  static void operator delete(kernel* it, std::destroying_delete_t) {
    if (it->state() == RONDO_STATE_FAILED) return;
    it->~kernel();
    ::operator delete(it);
  }

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

}  // namespace starter
