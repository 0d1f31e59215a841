// The handlers of the conformance suite. Each shows one thing that a backend must bring about; all
// of them are compiled for the host and, where there is a CUDA compiler, for the device.
#pragma once

#include "messages.hpp"

#if !defined(__CUDA_ARCH__)
#include <stdexcept>
#endif

namespace conformance_kernels {

RONDO_HANDLER constexpr std::uint32_t ran_on_device() {
#if defined(__CUDA_ARCH__)
  return 1;
#else
  return 0;
#endif
}

template <std::uint64_t Salt>
struct prover {
  using request = nonce_request;
  using response = nonce_reply;
  std::uint64_t chain = chain_start;
  std::uint64_t count = 0;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    chain = secret(chain ^ in.nonce, chain_salt);
    out.proof = secret(in.nonce, Salt);
    out.chain = chain;
    out.count = ++count;
    out.kernel_tag = ctx.kernel_tag();
    out.correlation_id = ctx.correlation_id();
    out.message_id = ctx.message_id();
    for (const std::uint64_t each : in.filling) out.filling += each;
    out.on_device = ran_on_device();
    out.lanes = ctx.lanes();
  }
};
struct nonce_handler : prover<nonce_salt> {
  static constexpr rondo::handler_id id{"ConformanceNonce"};
};
struct other_handler : prover<other_salt> {
  static constexpr rondo::handler_id id{"ConformanceOther"};
};

struct types_handler {
  static constexpr rondo::handler_id id{"ConformanceTypes"};
  using request = types_request;
  using response = types_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out.on_device = ran_on_device();
    out.changed = change(in);
  }
};

struct control_handler {
  static constexpr rondo::handler_id id{"ConformanceControl"};
  using request = control_request;
  using response = control_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out.value = walk(in);
  }
};

struct counter_handler {
  static constexpr rondo::handler_id id{"ConformanceCounter"};
  using request = counter_request;
  using response = counter_reply;
  std::uint64_t total = 0;
  std::uint64_t requests = 0;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out.total = total += in.amount;
    out.requests = ++requests;
  }
};

RONDO_HANDLER inline void stay_busy(const rondo::context& ctx, std::uint64_t microseconds) {
  const std::uint64_t begin = ctx.now_ns();
  while (ctx.now_ns() - begin < microseconds * 1000) {
  }
}

struct slow_handler {
  static constexpr rondo::handler_id id{"ConformanceSlow"};
  using request = slow_request;
  using response = slow_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    stay_busy(ctx, in.microseconds < longest_slow_us ? in.microseconds : longest_slow_us);
    out.proof = secret(in.nonce, nonce_salt);
  }
};

struct hang_handler {
  static constexpr rondo::handler_id id{"ConformanceHang"};
  using request = slow_request;
  using response = slow_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    stay_busy(ctx, in.microseconds < longest_hang_us ? in.microseconds : longest_hang_us);
    out.proof = secret(in.nonce, nonce_salt);
  }
};

struct busy_handler {
  static constexpr rondo::handler_id id{"ConformanceBusy"};
  using request = busy_request;
  using response = slow_reply;
  RONDO_HANDLER void operator()(const request& in, rondo::emitter<response>& out,
                                rondo::context& ctx) {
    slow_reply one{};
    one.proof = secret(in.nonce, nonce_salt);
    for (std::uint64_t i = 0; i < in.shown; ++i)
      if (!out.emit(one)) return;
    stay_busy(ctx, in.microseconds < longest_hang_us ? in.microseconds : longest_hang_us);
  }
};

struct independent_handler {
  static constexpr rondo::handler_id id{"ConformanceIndependent"};
  static constexpr auto execution = rondo::execution::independent;
  using request = independent_request;
  using response = independent_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    stay_busy(ctx, in.microseconds < longest_slow_us ? in.microseconds : longest_slow_us);
    if (in.fails_with != 0) return ctx.fail(in.fails_with, "a request that fails by itself");
    out.proof = secret(in.nonce, independent_salt);
    out.correlation_id = ctx.correlation_id();
  }
};

struct brief_handler {
  static constexpr rondo::handler_id id{"ConformanceBrief"};
  static constexpr bool is_brief = true;
  using request = brief_request;
  using response = brief_reply;
  std::uint64_t count = 0;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    ++count;
    if (in.what == misdeed::fail) return ctx.fail(in.user_code, "a request that fails by itself");
#if !defined(__CUDA_ARCH__)
    if (in.what == misdeed::raise) throw std::runtime_error("a request that throws");
#else
    if (in.what == misdeed::raise) return ctx.fail(in.user_code, "a request that throws");
#endif
    out.proof = secret(in.nonce, brief_salt);
    out.count = count;
    out.message_id = ctx.message_id();
    out.correlation_id = ctx.correlation_id();
  }
};

struct fail_handler {
  static constexpr rondo::handler_id id{"ConformanceFail"};
  using request = fail_request;
  using response = fail_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    char text[longest_text + 1]{};
    for (std::uint32_t i = 0; i < in.text_length && i < longest_text; ++i) text[i] = letter(i);
    out.value = 42;
    switch (in.what) {
      case misdeed::none: return;
      case misdeed::fail_twice:
        ctx.fail(in.user_code, text);
        ctx.fail(-1, "a second failure, which does not count");
        return;
      case misdeed::fail:
      case misdeed::fail_and_fill: ctx.fail(in.user_code, text); return;
      case misdeed::raise:
#if defined(__CUDA_ARCH__)
        ctx.fail(in.user_code, text);  // device code cannot throw
#else
        throw std::runtime_error(text);
#endif
    }
  }
};

struct large_handler {
  static constexpr rondo::handler_id id{"ConformanceLarge"};
  static constexpr auto execution = rondo::execution::warp;
  using request = large_request;
  using response = large_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    for (std::uint32_t i = ctx.lane(); i < large_words; i += ctx.lanes())
      out.word[i] = secret(in.word[large_words - 1 - i], large_salt + i);
  }
};

struct emit_handler {
  static constexpr rondo::handler_id id{"ConformanceEmit"};
  using request = emit_request;
  using response = emit_reply;
  RONDO_HANDLER void operator()(const request& in, rondo::emitter<response>& out,
                                rondo::context& ctx) {
    for (std::uint32_t i = 0; i < in.count; ++i) {
      emit_reply one{};
      one.proof = secret(in.nonce, emit_salt + i);
      one.index = i;
      if (!(i + 1 < in.count ? out.emit_more(one) : out.emit(one))) return;
    }
    if (in.fails_after != 0) ctx.fail(5, "after the last one");
  }
};

RONDO_HANDLER inline void add_up(const rondo::buffer_span<std::uint64_t>& values,
                                 buffer_reply& out) {
  out.elements = values ? values.size : 0;
  for (std::uint64_t i = 0; i < out.elements; ++i) out.sum += values[i]++;
}
struct buffer_handler {
  static constexpr rondo::handler_id id{"ConformanceBuffer"};
  using request = buffer_request;
  using response = buffer_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    add_up(ctx.resolve<std::uint64_t>(in.buffer), out);
  }
};
struct slice_handler {
  static constexpr rondo::handler_id id{"ConformanceSlice"};
  using request = slice_request;
  using response = buffer_reply;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    add_up(ctx.resolve<std::uint64_t>(in.part), out);
  }
};

}  // namespace conformance_kernels
