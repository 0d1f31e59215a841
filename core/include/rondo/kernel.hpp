// Handles to launched kernels. kernel<H> sends and receives H's types; kernel_handle knows bytes
// only. A handle is a cheap reference: copies mean the same kernel, the runtime owns it, and one
// that outlives the runtime answers TERMINATED. Any thread may call anything at any time; lifecycle
// calls on one kernel wait for each other. A handle may be destroyed, moved from or assigned to
// while another thread waits through it: the wait has its own share of the kernel and goes on as if
// nothing had happened. Only a call's first microseconds must come before that, as with any object.
//
// Results: what a caller should expect comes back as result<T>: TIMEOUT, FULL, TERMINATED,
// TOO_LARGE, HANDLER_FAILED and HANDLER_THREW with the handler's text, HANDLER_HUNG; DROPPED,
// EXPIRED and REPEATED where the launch asked for queues that do such a thing. Lifecycle calls that
// are refused or fail throw rondo::error.
#pragma once

#include <rondo/async.hpp>
#include <rondo/batch.hpp>
#include <rondo/buffer.hpp>
#include <rondo/claim.hpp>
#include <rondo/error.hpp>
#include <rondo/kernel/dispatch.hpp>
#include <rondo/options.hpp>
#include <rondo/peek.hpp>
#include <rondo/telemetry.hpp>

#include <concepts>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rondo {

namespace detail {

class instance;

// How core turns a typed message into bytes without knowing the type.
struct codec {
  rondo_message_type type;
  std::int64_t (*encode)(const void* message, void* to, std::uint32_t room);
  bool (*decode)(const void* from, std::uint32_t bytes, void* message);
  // Of an array of messages: put_batch(), and the bytes from one to the next.
  void (*put_batch)(ring::producer<>& ring, std::uint64_t first, const void* messages,
                    std::uint64_t count, std::uint64_t& filled);
  std::uint64_t stride;
};

template <message_type T>
inline constexpr codec codec_of = {describe_message<T>(),
                                   [](const void* message, void* to, std::uint32_t room) {
                                     return encode(*static_cast<const T*>(message), to, room);
                                   },
                                   [](const void* from, std::uint32_t bytes, void* message) {
                                     return decode(from, bytes, *static_cast<T*>(message));
                                   },
                                   put_batch<T>, sizeof(T)};
template <message_type T>
const codec& codec_for() {
  return codec_of<T>;
}

struct selecting;

struct call_codecs {
  codec request;
  codec response;
};

template <class H>
inline constexpr call_codecs call_codecs_of = {codec_of<typename H::request>,
                                               codec_of<typename H::response>};

}  // namespace detail

// A reply taken with receive().
template <class T>
struct reply {
  std::uint64_t correlation_id = 0;  // what send() returned for the request
  std::uint64_t message_id = 0;
  result<T> outcome;  // the response, or the handler's failure
  // The handler said that more replies to the same request follow, see emitter::emit_more(). Where
  // it says so of all but the last, the end of a stream is known; a failure is always the last.
  bool more = false;
};

struct queue_names {
  std::string input;
  std::string output;
};

class RONDO_EXPORT kernel_handle {
 public:
  explicit kernel_handle(std::shared_ptr<detail::instance> instance);

  const std::string& id() const;
  std::string handler_id() const;
  const std::string& backend() const;  // short name
  std::uint32_t device() const;
  queue_names queues() const;

  kernel_state state() const;
  kernel_snapshot snapshot() const;

  // Transitions, see RONDO_STATE_* in abi.h. activate and deactivate are no-ops where they change
  // nothing. Throw INVALID_STATE, TIMEOUT, DEVICE_LOST.
  void activate(nanoseconds deadline = std::chrono::seconds(5));
  void deactivate(nanoseconds deadline = std::chrono::seconds(5));
  // Throws TIMEOUT (drain did not finish: the rest was discarded, the kernel is terminated) and
  // HANDLER_HUNG (the kernel is failed). Returns at the latest one second after the deadline.
  terminate_report terminate(const terminate_options& options = {});
  // Make a terminated kernel resident again, with its options and its state. Throws UNSUPPORTED.
  void relaunch();

  // Zeroed memory on this kernel's device, for every kernel of this runtime on it; see buffer.hpp.
  // Throws UNSUPPORTED, OUT_OF_MEMORY, LIMIT_REACHED, INVALID_ARGUMENT.
  buffer create_buffer(std::uint64_t bytes, memory kind = memory::device) const;
  // The buffer behind a handle that came in a reply, shared with those who have it already. Works
  // for each buffer of this runtime on this kernel's device, whichever kernel it was made on, and
  // after terminate(). Throws NO_SUCH_BUFFER if none with that handle is alive.
  buffer find_buffer(buffer_ref ref) const;

  // What the kernel's module says about its handler, and the scenarios it brings. The records live
  // as long as the process.
  struct module_records {
    const rondo_handler* handler = nullptr;
    std::vector<const rondo_scenario*> scenarios;
  };
  module_records records() const;

  // Waits until every request that was accepted before is done with: handled, failed, or skipped.
  // That is how the sender of a one-way request knows. Returns how many requests the kernel has
  // done with in all. TIMEOUT; TERMINATED if the kernel ended before this was known, see the report
  // of terminate(); HANDLER_HUNG.
  result<std::uint64_t> flush(nanoseconds timeout);

  // One encoded request and its reply, for callers that know no types. `payload` of the reply is
  // resized to fit.
  result<rondo_envelope> call_bytes(const void* request, std::uint32_t bytes, std::uint16_t version,
                                    std::vector<std::byte>& reply_payload, nanoseconds timeout);

 protected:
  // nullptr if `out` has the reply, else why not.
  std::unique_ptr<error_info> call_erased(const detail::call_codecs& types, const void* in,
                                          void* out, nanoseconds timeout);
  std::unique_ptr<error_info> call_erased(const detail::call_codecs& types, const void* in,
                                          void* out, nanoseconds timeout, const send_options& how);
  status send_erased(const detail::codec& request, const void* in, std::uint64_t& id,
                     nanoseconds timeout, error_info& why);
  status send_erased(const detail::codec& request, const void* in, std::uint64_t& id,
                     nanoseconds timeout, const send_options& how, error_info& why);
  status receive_erased(const detail::codec& response, void* out, rondo_envelope& header,
                        nanoseconds timeout, error_info& why);
  // nullptr if any were sent or taken, else why not.
  std::unique_ptr<error_info> send_batch_erased(const detail::codec& request, const void* messages,
                                                std::uint64_t count, batch_sent& sent,
                                                nanoseconds timeout);
  std::unique_ptr<error_info> receive_batch_erased(const detail::codec& response,
                                                   const detail::reply_sink& sink,
                                                   std::uint64_t most, std::uint64_t& taken,
                                                   nanoseconds timeout);
  status reserve_erased(const detail::codec& request, detail::claim_state& out, nanoseconds timeout,
                        error_info& why);
  status peek_erased(const detail::codec& response, detail::reply_hold& out, nanoseconds timeout,
                     error_info& why);
  void call_async_erased(const detail::codec& request, const void* in,
                         const detail::codec& response, nanoseconds timeout,
                         const send_options& how, std::unique_ptr<detail::pending_call> then);

  std::shared_ptr<detail::instance> instance_;
};

// Sends T to the input of any kernel that takes T. From runtime::open_sender or kernel<H>.
template <message_type T>
class sender : protected kernel_handle {
 public:
  explicit sender(kernel_handle kernel) : kernel_handle(std::move(kernel)) {}

  // Waits for a free slot until the timeout. Returns the id that replies will carry as correlation.
  result<std::uint64_t> send(const T& message, nanoseconds timeout) {
    std::uint64_t id = 0;
    error_info why;
    if (send_erased(detail::codec_of<T>, &message, id, timeout, why) != RONDO_OK)
      return result<std::uint64_t>(std::move(why));
    return id;
  }
  // FULL instead of waiting.
  result<std::uint64_t> try_send(const T& message) { return send(message, nanoseconds{0}); }
  // Urgent, with a time to live or a key; acceptance_of() says what the code means for a key.
  result<std::uint64_t> send(const T& message, nanoseconds timeout, const send_options& how) {
    std::uint64_t id = 0;
    error_info why;
    if (send_erased(detail::codec_of<T>, &message, id, timeout, how, why) != RONDO_OK)
      return result<std::uint64_t>(std::move(why));
    return id;
  }
  result<std::uint64_t> try_send(const T& message, const send_options& how) {
    return send(message, nanoseconds{0}, how);
  }

  // A slot to write the next request in, without a copy; see claim.hpp. Waits for a free one until
  // the timeout.
  result<claim<T>> reserve(nanoseconds timeout) {
    return reserve_as(detail::at_first::value, timeout);
  }
  // The same for who writes all of it: what T does not initialize has no value yet. Saves a large
  // message one pass over its bytes.
  result<claim<T>> reserve_for_overwrite(nanoseconds timeout) {
    return reserve_as(detail::at_first::indeterminate, timeout);
  }
  // FULL instead of waiting.
  result<claim<T>> try_reserve() { return reserve(nanoseconds{0}); }
  result<claim<T>> try_reserve_for_overwrite() { return reserve_for_overwrite(nanoseconds{0}); }

  // Sends all, in order, and waits for room until the timeout; what fits is on its way meanwhile.
  // Fewer are accepted if the timeout passes, the kernel ends, or one cannot be encoded; if none
  // was, that is the error (an exception from the encoding passes through then). An empty batch is
  // OK. For many small messages: slots are claimed all at once.
  result<batch_sent> send_batch(std::span<const T> messages, nanoseconds timeout) {
    return {std::in_place, [&](batch_sent& sent) {
              return send_batch_erased(detail::codec_of<T>, messages.data(), messages.size(), sent,
                                       timeout);
            }};
  }
  // As many as there is room for; FULL if there is none.
  result<batch_sent> try_send_batch(std::span<const T> messages) {
    return send_batch(messages, nanoseconds{0});
  }

 private:
  result<claim<T>> reserve_as(detail::at_first what, nanoseconds timeout) {
    detail::claim_state state;
    error_info why;
    if (reserve_erased(detail::codec_of<T>, state, timeout, why) != RONDO_OK)
      return result<claim<T>>(std::move(why));
    return claim<T>(std::move(state), what);
  }
};

// Takes T from the output of any kernel that gives T. Replies to call() are never seen here.
template <message_type T>
class receiver : protected kernel_handle {
  friend struct detail::selecting;

 public:
  explicit receiver(kernel_handle kernel) : kernel_handle(std::move(kernel)) {}

  result<reply<T>> receive(nanoseconds timeout) {
    T value{};
    rondo_envelope header{};
    error_info why;
    const status code = receive_erased(detail::codec_of<T>, &value, header, timeout, why);
    if (code == RONDO_OK)
      return reply<T>{header.correlation_id, header.message_id, result<T>(std::move(value)),
                      (header.flags & RONDO_FLAG_MORE) != 0};
    if (header.message_id != 0)  // there is a reply, and it is a failure
      return reply<T>{header.correlation_id, header.message_id, result<T>(std::move(why)), false};
    return result<reply<T>>(std::move(why));
  }
  // EMPTY instead of waiting.
  result<reply<T>> try_receive() { return receive(nanoseconds{0}); }

  // The oldest reply, read where it lies and taken only by release(); see peek.hpp. Waits until the
  // timeout.
  result<peeked_reply<T>> peek(nanoseconds timeout) {
    detail::reply_hold held;
    error_info why;
    if (peek_erased(detail::codec_of<T>, held, timeout, why) != RONDO_OK)
      return result<peeked_reply<T>>(std::move(why));
    return peeked_reply<T>(std::move(held));
  }
  // EMPTY instead of waiting.
  result<peeked_reply<T>> try_peek() { return peek(nanoseconds{0}); }

  // Waits for the first reply, then takes what else is there without waiting: at most `most`, and
  // never more than the queue has slots. take(const reply_view<T>&) is called for each, in order,
  // on this thread. Returns how many it got. Slots are freed 64 at a time.
  //
  // While `take` runs, others who wait for this kernel wait for it too: it must neither call() nor
  // receive from this kernel nor wait for room in it. It may throw: that ends the batch, the reply
  // it was given counts as taken, and those behind it stay for the next receive.
  template <std::invocable<const reply_view<T>&> F>
  result<std::uint64_t> receive_batch(std::uint64_t most, F&& take, nanoseconds timeout) {
    detail::reply_taker<T, std::remove_reference_t<F>> taker(take, id());
    return {std::in_place, [&](std::uint64_t& taken) {
              return receive_batch_erased(detail::codec_of<T>, taker.sink(), most, taken, timeout);
            }};
  }
  // EMPTY instead of waiting for the first.
  template <std::invocable<const reply_view<T>&> F>
  result<std::uint64_t> try_receive_batch(std::uint64_t most, F&& take) {
    return receive_batch(most, std::forward<F>(take), nanoseconds{0});
  }
};

template <handler_type H>
class kernel : public kernel_handle {
 public:
  using request = typename H::request;
  using response = typename H::response;

  explicit kernel(kernel_handle handle) : kernel_handle(std::move(handle)) {}

  // One request and its own reply, however many callers there are.
  result<response> call(const request& message, nanoseconds timeout) requires replying_handler<H> {
    // Read into the result itself: a copy waits for the stores of the one before.
    return result<response>(std::in_place, [&](response& answer) {
      return call_erased(detail::call_codecs_of<H>, &message, &answer, timeout);
    });
  }

  result<response> call(const request& message, nanoseconds timeout,
                        const send_options& how) requires replying_handler<H> {
    return result<response>(std::in_place, [&](response& answer) {
      return call_erased(detail::call_codecs_of<H>, &message, &answer, timeout, how);
    });
  }

  // The same without waiting for the reply; async.hpp says on which thread and when each of the
  // three completes. The request is sent before these return (co_call: when it is awaited), and
  // they wait for room in the input until the timeout as send() does; on the completion thread they
  // do not wait, and complete with FULL. Replies of other calls are never mixed up with theirs.
  // Whatever becomes of the request, the completion says so; thrown is only what the message's own
  // encoding throws, and LIMIT_REACHED if there is no completion thread to be had.
  //
  // A future that is dropped blocks nobody and leaks nothing.
  std::future<result<response>> call_async(const request& message, nanoseconds timeout,
                                           const send_options& how = {}) requires
      replying_handler<H> {
    auto call = std::make_unique<detail::promised_call<response>>();
    auto answer = call->future();
    start_call(message, timeout, std::move(call), how);
    return answer;
  }
  // Calls then(result<response>) once. Never from within call_async() while the runtime is open;
  // once it is closed, at once and on this thread.
  template <std::invocable<result<response>> F>
  void call_async(const request& message, nanoseconds timeout, F&& then,
                  const send_options& how = {}) requires replying_handler<H> {
    start_call(message, timeout,
               std::make_unique<detail::callback_call<response, std::remove_cvref_t<F>>>(
                   std::forward<F>(then)),
               how);
  }
  // result<response> answer = co_await kernel.co_call(message, timeout);
  call_awaitable<kernel> co_call(request message, nanoseconds timeout,
                                 const send_options& how = {}) requires replying_handler<H> {
    return {*this, std::move(message), timeout, how};
  }

  result<std::uint64_t> send(const request& message, nanoseconds timeout) {
    return as_sender().send(message, timeout);
  }
  result<std::uint64_t> try_send(const request& message) { return as_sender().try_send(message); }
  result<std::uint64_t> send(const request& message, nanoseconds timeout, const send_options& how) {
    return as_sender().send(message, timeout, how);
  }
  result<std::uint64_t> try_send(const request& message, const send_options& how) {
    return as_sender().try_send(message, how);
  }
  result<reply<response>> receive(nanoseconds timeout) { return as_receiver().receive(timeout); }
  result<reply<response>> try_receive() { return as_receiver().try_receive(); }

  result<claim<request>> reserve(nanoseconds timeout) { return as_sender().reserve(timeout); }
  result<claim<request>> try_reserve() { return as_sender().try_reserve(); }
  result<claim<request>> reserve_for_overwrite(nanoseconds timeout) {
    return as_sender().reserve_for_overwrite(timeout);
  }
  result<peeked_reply<response>> peek(nanoseconds timeout) { return as_receiver().peek(timeout); }
  result<peeked_reply<response>> try_peek() { return as_receiver().try_peek(); }

  result<batch_sent> send_batch(std::span<const request> messages, nanoseconds timeout) {
    return as_sender().send_batch(messages, timeout);
  }
  result<batch_sent> try_send_batch(std::span<const request> messages) {
    return as_sender().try_send_batch(messages);
  }
  template <std::invocable<const reply_view<response>&> F>
  result<std::uint64_t> receive_batch(std::uint64_t most, F&& take, nanoseconds timeout) {
    return as_receiver().receive_batch(most, std::forward<F>(take), timeout);
  }
  template <std::invocable<const reply_view<response>&> F>
  result<std::uint64_t> try_receive_batch(std::uint64_t most, F&& take) {
    return as_receiver().try_receive_batch(most, std::forward<F>(take));
  }

  sender<request> as_sender() const { return sender<request>(*this); }
  receiver<response> as_receiver() const { return receiver<response>(*this); }

 private:
  template <class>
  friend class call_awaitable;
  void start_call(const request& message, nanoseconds timeout,
                  std::unique_ptr<detail::pending_call> then, const send_options& how) {
    call_async_erased(detail::codec_of<request>, &message, detail::codec_of<response>, timeout, how,
                      std::move(then));
  }
};

}  // namespace rondo
