// RONDO_KERNEL(handler): makes a handler part of the module it is compiled into. The record is
// constant and is found through a linker section, so that loading a module runs no code of ours.
#pragma once

#include <rondo/kernel/dispatch.hpp>
#include <rondo/kernel/hooks.hpp>

#if defined(__CUDACC__)
#include <rondo/device/entry.hpp>
#endif

#include <exception>

namespace rondo::detail {

// Everything that may throw on the host stays on this side of the C boundary: what throws has
// failed.
template <class F>
rondo_status run_handler(rondo_invocation& invocation, F&& run) {
  try {
    return run();
  } catch (const std::exception& e) {
    context(invocation).fail_with(RONDO_HANDLER_THREW, 0, e.what());
  } catch (...) {
    context(invocation).fail_with(RONDO_HANDLER_THREW, 0, "an exception that is no std::exception");
  }
  return invocation.failure_code;
}

template <class H>
rondo_status invoke_handler(void* state, const void* payload, rondo_emitter* out,
                            rondo_invocation* invocation) {
  return run_handler(*invocation, [&] {
    return dispatch(*static_cast<H*>(state), *invocation->request, payload, *out, *invocation);
  });
}

// The reply in hand of a burst.
struct burst_reply {
  void* place;
  std::uint32_t length = 0;
  bool is_there = false;

  static void* reserve(burst_reply* self, std::uint32_t) { return self->place; }
  static void commit(burst_reply* self, std::uint32_t length, std::uint16_t, std::uint32_t) {
    self->length = length;
    self->is_there = true;
  }
};

// By 8 bytes, as it will be read: what was stored by fewer cannot be handed to a wider load before
// it has reached the cache, and that takes until all stores before it have.
template <class Response>
void put_reply_header(unsigned char* to, std::uint32_t length, std::uint64_t id,
                      std::uint64_t correlation) {
  constexpr auto version = std::uint64_t{message_of<Response>.version};
  const auto put = [to](std::size_t at, std::uint64_t word) {
    __builtin_memcpy(to + at, &word, sizeof word);
  };
  put(0, length | std::uint64_t{RONDO_TYPE_RESPONSE} << 32 | version << 48);
  put(8, 0);
  put(16, id);
  put(24, correlation);
}

// A failure ends the burst there.
template <class H>
void invoke_burst_of(void* state, rondo_burst* burst, rondo_invocation* invocation) {
  H& handler = *static_cast<H*>(state);
  const auto* at = static_cast<const unsigned char*>(burst->requests);
  const auto* payload = static_cast<const unsigned char*>(burst->payloads);
  auto* to = static_cast<unsigned char*>(burst->replies);
  auto* reply_payload = static_cast<unsigned char*>(burst->reply_payloads);
  // Alike but for ids: one envelope, and each request finds its ids in it.
  const bool are_alike = burst->request_stride == 0;
  rondo_envelope shared = *reinterpret_cast<const rondo_envelope*>(at);
  std::uint32_t answered = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  burst->status = run_handler(*invocation, [&]() -> rondo_status {
    for (; answered < burst->count; ++answered) {
      const auto& request = are_alike ? shared : *reinterpret_cast<const rondo_envelope*>(at);
      burst_reply reply{reply_payload};
      invocation->request = &request;
      const rondo_status status = dispatch(handler, request, payload, reply, *invocation);
      if (!reply.is_there || status != RONDO_OK) [[unlikely]]
        return status;
      if (to != nullptr) {
        put_reply_header<typename H::response>(to, reply.length, burst->first_message_id + answered,
                                               request.correlation_id);
        to += burst->reply_stride;
      }
      bytes_in += request.length;
      bytes_out += reply.length;
      ++shared.message_id;
      ++shared.correlation_id;
      at += burst->request_stride;
      payload += burst->payload_stride;
      reply_payload += burst->reply_payload_stride;
    }
    return RONDO_OK;
  });
  burst->answered = answered;
  burst->bytes_in = bytes_in;
  burst->bytes_out = bytes_out;
}

template <class H>
rondo_status construct_state(void* memory, rondo_error_sink* error) {
  const auto refuse = [&](const char* what) {
    const rondo_string subject{H::id.text, H::id.size};
    if (error != nullptr)
      error->report(error->self, RONDO_HANDLER_THREW, subject, rondo_string{what, length_of(what)},
                    rondo_string{nullptr, 0});
    return RONDO_HANDLER_THREW;
  };
  try {
    ::new (memory) H{};
    return RONDO_OK;
  } catch (const std::exception& e) {
    return refuse(e.what());
  } catch (...) {
    return refuse("the handler's constructor threw");
  }
}

template <class H>
void destroy_state(void* state) {
  static_cast<H*>(state)->~H();
}

template <class H>
constexpr rondo_handler make_handler(const char* device_entry) {
  static_assert(handler_type<H>,
                "a handler has `static constexpr rondo::handler_id id`, `using request`, `using "
                "response`, both declared with RONDO_MESSAGE, and operator()(const request&, "
                "response&, rondo::context&) or (const request&, rondo::emitter<response>&, "
                "rondo::context&)");
  static_assert(may_fill_response<H>,
                "fills_response is for handlers with one response that is plain");
  static_assert(!is_brief<H>() || replying_handler<H>,
                "is_brief is for handlers with one response to each request");
  rondo_handler record = {sizeof(rondo_handler),
                          handler_flags<H>(),
                          {H::id.text, H::id.size},
                          describe_message<typename H::request>(),
                          describe_message<typename H::response>(),
                          {device_entry, length_of(device_entry)},
                          sizeof(H),
                          alignof(H),
                          &construct_state<H>,
                          &destroy_state<H>,
                          &invoke_handler<H>,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};
  if constexpr (is_brief<H>()) record.invoke_burst = &invoke_burst_of<H>;
  add_hooks<H>(record);
  return record;
}

}  // namespace rondo::detail

// Put it in one .cpp of the module, in the handler's namespace.
#if defined(__CUDACC__)
// Through nvcc a module becomes a device image, in which a handler is the entry of its own loop.
// The record that names this entry is in the host's half of the module. Beside it stands one for
// queues with rules, so that nothing of these is in the other's way.
#define RONDO_KERNEL(Handler)                                                                     \
  extern "C" __global__ void __launch_bounds__(::rondo::device::stage_plan<Handler>::max_threads, \
                                               1)                                                 \
      rondo_kernel_##Handler(const __grid_constant__ ::rondo::device::launch_args args) {         \
    ::rondo::device::enter<Handler>(args);                                                        \
  }                                                                                               \
  extern "C" __global__ void __launch_bounds__(::rondo::device::stage_plan<Handler>::max_threads, \
                                               1)                                                 \
      rondo_rules_##Handler(const __grid_constant__ ::rondo::device::launch_args args) {          \
    ::rondo::device::enter_by_rules<Handler>(args);                                               \
  }                                                                                               \
  static_assert(::rondo::handler_type<Handler>)
#else
// `retain`, because lld with --gc-sections drops a section that nothing but its bounds refers to.
#define RONDO_KERNEL(Handler)                                                        \
  static constexpr rondo_handler rondo_record_##Handler =                            \
      ::rondo::detail::make_handler<Handler>("rondo_kernel_" #Handler);              \
  __attribute__((section("rondo_handlers"), used,                                    \
                 retain)) static const rondo_handler* const rondo_listed_##Handler = \
      &rondo_record_##Handler
#endif
