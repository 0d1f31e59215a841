// One kernel as the runtime knows it: the plugin's object, the two ports, the module it came from.
// Shared by the runtime and every handle; the plugin's object goes with the last of them, so a
// handle that outlives the runtime touches no freed memory.
#pragma once

#include "completions.hpp"
#include "duplicate_window.hpp"
#include "module_library.hpp"
#include "plugin_objects.hpp"
#include "pump.hpp"
#include "receive_port.hpp"
#include "reply_router.hpp"
#include "send_port.hpp"

#include <rondo/kernel.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace rondo::detail {

// A launch, checked and complete: what the plugin is asked for.
struct launch_plan {
  std::shared_ptr<open_device> device;
  found_handler found;
  launch_options options;
  std::string id;
  queue_names names;
  std::uint64_t input_capacity = 0;
  std::uint64_t output_capacity = 0;
  std::uint64_t kernel_tag = 0;
  std::shared_ptr<completions> async;
  std::optional<std::vector<std::byte>> start_argument;
  bool is_pumped = false;  // its input
};

class instance : public std::enable_shared_from_this<instance> {
 public:
  // Creates and launches the kernel; on failure nothing is left behind.
  explicit instance(launch_plan plan);
  ~instance();
  instance(const instance&) = delete;
  instance& operator=(const instance&) = delete;

  const std::string& id() const { return plan_.id; }
  const queue_names& names() const { return plan_.names; }
  const launch_plan& plan() const { return plan_; }
  const rondo_handler& handler() const { return *plan_.found.handler; }
  const std::string& backend() const { return plan_.device->backend().info().name; }
  const std::shared_ptr<open_device>& device() const { return plan_.device; }
  rondo_queue_info queue_info(bool input) const;

  kernel_state state() const;
  kernel_snapshot snapshot() const;
  void activate(nanoseconds deadline);
  void deactivate(nanoseconds deadline);
  terminate_report terminate(const terminate_options& options);
  void relaunch();
  // The runtime forgets it: it cannot be launched again.
  void retire();

  // nullptr if `out` has the reply, else why not.
  std::unique_ptr<error_info> call(const call_codecs& types, const void* in, void* out,
                                   nanoseconds timeout);
  status send(const codec& request, const void* in, std::uint64_t& id, nanoseconds timeout,
              error_info& why);
  // The same with options; see send_by_rules.cpp.
  std::unique_ptr<error_info> call(const call_codecs& types, const void* in, void* out,
                                   nanoseconds timeout, const send_options& how);
  status send(const codec& request, const void* in, std::uint64_t& id, nanoseconds timeout,
              const send_options& how, error_info& why);
  status receive(const codec& response, void* out, rondo_envelope& header, nanoseconds timeout,
                 error_info& why);
  std::unique_ptr<error_info> send_batch(const codec& request, const void* messages,
                                         std::uint64_t count, batch_sent& sent,
                                         nanoseconds timeout);
  std::unique_ptr<error_info> receive_batch(const codec& response, const reply_sink& sink,
                                            std::uint64_t most, std::uint64_t& taken,
                                            nanoseconds timeout);
  // As call, for bytes.
  status call_bytes(const void* request, std::uint32_t bytes, std::uint16_t version,
                    std::vector<std::byte>& reply, rondo_envelope& header, nanoseconds timeout,
                    error_info& why);

  // Zero copy; see zero_copy.cpp.
  status reserve(const codec& request, nanoseconds timeout, claim_state& out, error_info& why);
  status commit(claim_state& state, const codec& request, const void* staged, std::uint64_t& id,
                error_info& why);
  void abandon(claim_state& state) { input_->abandon(state.slot); }
  status peek(const codec& response, nanoseconds timeout, reply_hold& out, error_info& why);
  void release(reply_hold& held) { router_->release(held); }
  void put_back(reply_hold& held) noexcept { router_->put_back(held); }

  // Sends the request and returns; `then` is finished later, see completions.hpp. `self` is this.
  void call_async(const std::shared_ptr<instance>& self, const codec& request, const void* in,
                  const codec& response, nanoseconds timeout, const send_options& how,
                  std::unique_ptr<pending_call> then);
  // Waits until all that was accepted before has been handled.
  status flush(nanoseconds timeout, std::uint64_t& all, error_info& why);
  // OK if receive() would find a reply now, EMPTY, or why it never will.
  status look(bool check_health);

  reply_router& router() { return *router_; }
  status health() const;
  // Fills `why` with the words for a code, and returns it.
  status explain(status code, const codec& type, nanoseconds timeout, error_info& why) const;
  std::unique_ptr<error_info> explained(status code, const codec& type, nanoseconds timeout) const;

 private:
  const backend_api& api() const { return plan_.device->api(); }
  void create();
  void make_ports();
  std::optional<rondo_ring_map> map_of(rondo_queue* queue) const;
  // The pump's part in the end of a life; see pumping.cpp. All of it nothing where there is none.
  // Before the backend is asked: closes the pump and, to drain, waits until all is moved on.
  // Returns how many requests were handled meanwhile.
  std::uint64_t begin_end(terminate_mode mode, deadline& until);
  // The kernel has ended: returns how many requests were given up.
  std::uint64_t end_staging();
  pump::hold hold_pump();
  // As explanation::require(); also if a drain has given up what was staged.
  void require_ended(status code, terminate_mode mode, std::uint64_t given_up,
                     const explanation& why) const;
  void drain_staged(deadline& until);
  // How much is staged, as of the same moment as what `read` asks the backend for. With traffic
  // that does not stop it is about the same moment.
  template <class Read>
  std::uint64_t with_staged(Read&& read) const {
    for (int tries = 0;; ++tries) {
      const std::uint64_t turn = pump_ ? pump_->turn() : 0;
      const std::uint64_t staged = pump_ ? pump_->staged() : 0;
      read();
      const bool is_one_moment = turn % 2 == 0 && (!pump_ || pump_->turn() == turn);
      if (is_one_moment || tries == 4) return staged;
    }
  }
  // A message with options on its way.
  struct order {
    const codec& type;
    const void* message;
    std::uint64_t correlation = 0;
    const send_options& how;
    send_port::extras with{};
  };
  template <class Send, class Read>
  std::unique_ptr<error_info> exchange(const call_codecs& types, nanoseconds timeout, Send&& send,
                                       Read&& read);
  status send_until(const codec& type, const void* message, std::uint64_t correlation,
                    deadline& until, std::uint64_t& id, reply_router::ticket* ticket);
  status wait_to_send(const codec& type, const void* message, std::uint64_t correlation,
                      deadline& until, std::uint64_t& id, reply_router::ticket* ticket);
  // The input is full: tries again when there may be room. `moving` does something for those that
  // wait with it.
  template <class Try, class Moving>
  status wait_for_place(const send_port::extras& with, deadline& until, Try&& again,
                        Moving&& moving);
  // What the launch said about a full input: OK if the sender should wait, else what it is told.
  status when_input_full(bool urgent, std::uint64_t messages);
  // What a caller is told. Without time to wait for room his call has simply timed out.
  status as_call(status code) const {
    return code == RONDO_FULL && plan_.options.input_full == when_full::block ? RONDO_TIMEOUT
                                                                              : code;
  }
  // OK, and what `how` asks for in `of`; INVALID_ARGUMENT, and why, if the launch did not ask.
  status begin_order(order& of, error_info& why) const;
  status try_order(const order& of, std::uint64_t& id);
  status send_order(const order& of, deadline& until, std::uint64_t& id,
                    reply_router::ticket* ticket);
  status send_batch_until(send_port::outgoing& batch, deadline& until);
  status wait_to_send_batch(send_port::outgoing& batch, deadline& until);
  status send_moving(const order& of, deadline& until);
  status commit_later(const codec& request, const void* staged, deadline& until, std::uint64_t& id);
  // Why the kernel is failed, when it is.
  struct failure_cause {
    status code = RONDO_HANDLER_HUNG;
    std::string text;  // may be empty
  };
  failure_cause cause() const;
  void explain_failure(error_info& why) const;
  status refusal() const;
  // A wait goes on although the handle that it was begun with is destroyed or moved from.
  void keep_for(deadline& until) const {
    until.keep([this] { return weak_from_this().lock(); });
  }

  launch_plan plan_;
  rondo_kernel* handle_ = nullptr;
  std::shared_ptr<pump> pump_;  // nullptr where there is none
  std::optional<send_port> input_;
  std::optional<receive_port> output_;
  std::optional<reply_router> router_;
  std::optional<duplicate_window> keys_;
  std::atomic<std::uint64_t> dropped_newest_{0};   // by senders
  mutable std::atomic<std::uint64_t> expired_{0};  // before there was room for them
  mutable std::atomic<bool> closed_{false};        // takes no more requests
  std::mutex lifecycle_;
  bool retired_ = false;  // under lifecycle_
};

}  // namespace rondo::detail
