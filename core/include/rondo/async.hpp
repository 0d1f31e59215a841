// Calls whose caller goes on: what kernel<H>::call_async() and co_call() in kernel.hpp are made of.
//
// Who completes them. A runtime starts one completion thread with its first asynchronous call, and
// none before. It alone runs callbacks and resumes coroutines, one after the other; a future gets
// ready there too. It sleeps while nothing is outstanding. Whoever waits for the same kernel in
// call() or receive() hands over what he meets on his way, so nobody waits for this thread but
// those it serves. With runtime_options::manual_completion there is no thread: runtime::poll() does
// all of it, on the thread that calls it.
//
// When. With the reply; with TIMEOUT within 10 ms after the deadline; with TERMINATED, HANDLER_HUNG
// or DEVICE_LOST within 100 ms after the kernel ended. Closing the runtime completes what is left
// before it returns. Each of these bounds holds on a machine that has a processor for the thread,
// and while no callback keeps it: a callback that waits makes everyone behind it wait, deadlines
// included. What a callback or coroutine throws is logged and goes no further.
#pragma once

#include <rondo/batch.hpp>
#include <rondo/error.hpp>
#include <rondo/export.hpp>
#include <rondo/kernel/message.hpp>
#include <rondo/options.hpp>

#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace rondo {

namespace detail {

struct completed_call {
  const std::string* kernel_id = nullptr;
  const rondo_envelope* header = nullptr;  // nullptr: there is no reply, see why
  const std::byte* payload = nullptr;
  error_info why;
};

// One outstanding call. finish() is called once, or never if the runtime could not take the call,
// which its caller then learns by an exception.
class RONDO_EXPORT pending_call {
 public:
  pending_call() = default;
  pending_call(const pending_call&) = delete;
  pending_call& operator=(const pending_call&) = delete;
  virtual ~pending_call();
  virtual void finish(completed_call&& with) = 0;
};

template <message_type T>
result<T> result_of(completed_call&& call) {
  if (call.header == nullptr) return result<T>(std::move(call.why));
  const rondo_envelope& header = *call.header;
  try {
    T value{};
    if ((header.flags & RONDO_FLAG_FAILED) == 0 && header.version == message_of<T>.version &&
        decode(call.payload, header.length, value))
      return result<T>(std::move(value));
  } catch (const std::exception& thrown) {  // by a type that only a host can read
    return result<T>(error_info{RONDO_MALFORMED,
                                *call.kernel_id,
                                std::string("the reply's reader threw: ") + thrown.what(),
                                {}});
  }
  return result<T>(why_no_value(*call.kernel_id, header, call.payload, describe_message<T>()));
}

template <message_type T, class F>
class callback_call final : public pending_call {
 public:
  explicit callback_call(F&& then) : then_(std::move(then)) {}
  explicit callback_call(const F& then) : then_(then) {}
  void finish(completed_call&& with) override { then_(result_of<T>(std::move(with))); }

 private:
  F then_;
};

template <message_type T>
class promised_call final : public pending_call {
 public:
  std::future<result<T>> future() { return promise_.get_future(); }
  void finish(completed_call&& with) override { promise_.set_value(result_of<T>(std::move(with))); }

 private:
  std::promise<result<T>> promise_;
};

// Shared by the awaiting coroutine and the call, whichever ends first.
template <message_type T>
struct awaited_call {
  std::mutex mutex;
  std::coroutine_handle<> waiting;  // empty: nobody waits any more
  std::optional<result<T>> outcome;
};

template <message_type T>
class resuming_call final : public pending_call {
 public:
  explicit resuming_call(std::shared_ptr<awaited_call<T>> call) : call_(std::move(call)) {}
  void finish(completed_call&& with) override {
    auto outcome = result_of<T>(std::move(with));
    std::coroutine_handle<> waiting;
    {
      const std::lock_guard lock(call_->mutex);
      waiting = std::exchange(call_->waiting, {});
      call_->outcome.emplace(std::move(outcome));
    }
    if (waiting) waiting.resume();
  }

 private:
  std::shared_ptr<awaited_call<T>> call_;
};

}  // namespace detail

// What co_call() returns; co_await it, once. The request is sent when it is awaited. A coroutine
// that is destroyed while it waits is forgotten; destroy it on the completion thread, or when that
// cannot be about to resume it.
template <class Kernel>
class [[nodiscard]] call_awaitable {
  using request = typename Kernel::request;
  using response = typename Kernel::response;

 public:
  call_awaitable(Kernel kernel, request message, nanoseconds timeout, const send_options& how)
      : kernel_(std::move(kernel)), message_(std::move(message)), timeout_(timeout), how_(how) {}
  call_awaitable(const call_awaitable&) = delete;
  call_awaitable& operator=(const call_awaitable&) = delete;
  ~call_awaitable() {
    if (call_ == nullptr) return;
    const std::lock_guard lock(call_->mutex);
    call_->waiting = {};
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    auto call = std::make_shared<detail::awaited_call<response>>();
    call->waiting = waiting;
    call_ = call;
    // From here on the coroutine may be resumed on another thread, and this object with it be gone:
    // what is still needed is on the stack.
    Kernel kernel = kernel_;
    const request message = std::move(message_);
    const nanoseconds timeout = timeout_;
    const send_options how = how_;
    kernel.start_call(message, timeout,
                      std::make_unique<detail::resuming_call<response>>(std::move(call)), how);
  }
  result<response> await_resume() { return *std::move(call_->outcome); }

 private:
  Kernel kernel_;
  request message_;
  nanoseconds timeout_;
  send_options how_;
  std::shared_ptr<detail::awaited_call<response>> call_;
};

}  // namespace rondo
