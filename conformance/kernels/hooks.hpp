// The handlers of the conformance suite that have hooks: what on_start, on_stop and on_timer did is
// remembered in the kernel's state, or written into a buffer, and told by the next reply.
#pragma once

#include "handlers.hpp"

#if !defined(__CUDA_ARCH__)
#include <stdexcept>
#endif

namespace conformance_kernels {

inline constexpr std::uint64_t start_salt = 17, stop_salt = 18, timer_salt = 19;

// ---- ConformanceHooks: on_start with an argument, on_stop

enum class refusal : std::uint32_t { none, fail, raise, fail_at_stop };

// What the kernel is started with.
struct hooks_setup {
  std::uint64_t nonce = 0;
  rondo::buffer_ref record;  // of three words that on_stop and on_start write; may be none
  refusal how = refusal::none;
  std::uint32_t at = 0;  // the start that fails, counted from 1; 0: each
  std::int32_t user_code = 0;
  std::uint32_t text_length = 0;
  std::uint64_t start_us = 0;  // that on_start takes
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, record, how, at, user_code, text_length, start_us);
  }
};
RONDO_MESSAGE(hooks_setup, "ConformanceHooksSetup", 3, plain);

struct hooks_request {
  std::uint64_t nonce = 0;
  std::uint64_t microseconds = 0;  // that it takes
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, microseconds);
  }
};
RONDO_MESSAGE(hooks_request, "ConformanceHooksRequest", 2, plain);

struct hooks_reply {
  std::uint64_t proof = 0;      // secret(of the request's nonce and of what on_start was given)
  std::uint64_t starts = 0;     // that were tried, and did not fail
  std::uint64_t stops = 0;      // of earlier launches
  std::uint64_t requests = 0;   // since the last start
  std::uint64_t unstarted = 0;  // requests that came before a start, or after a stop
  std::uint64_t asked = 0;      // hooks that were shown a request
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, starts, stops, requests, unstarted, asked);
  }
};
RONDO_MESSAGE(hooks_reply, "ConformanceHooksReply", 2, plain);

RONDO_HANDLER constexpr std::uint64_t hooks_proof(std::uint64_t given, std::uint64_t asked) {
  return secret(secret(given, start_salt) ^ asked, nonce_salt);
}

struct hooks_handler {
  static constexpr rondo::handler_id id{"ConformanceHooks"};
  using request = hooks_request;
  using response = hooks_reply;
  RONDO_HANDLER void on_start(const hooks_setup& setup, rondo::context& ctx) {
    ++tried;
    look_at(ctx);
    const bool refuses = setup.how == refusal::fail || setup.how == refusal::raise;
    if (refuses && (setup.at == 0 || setup.at == tried)) return refuse(setup, ctx);
    given = setup;
    ++starts;
    requests = 0;
    is_started = true;
    stay_busy(ctx, setup.start_us < longest_slow_us ? setup.start_us : longest_slow_us);
    const auto record = ctx.resolve<std::uint64_t>(setup.record);
    if (record.size >= 3) record[2] = secret(setup.nonce, start_salt);
    ctx.flush_buffers();  // the host looks as soon as launch has returned
  }
  RONDO_HANDLER void on_stop(rondo::context& ctx) {
    ++stops;
    look_at(ctx);
    is_started = false;
    if (given.how == refusal::fail_at_stop) refuse(given, ctx);
    const auto record = ctx.resolve<std::uint64_t>(given.record);
    if (record.size < 2) return;
    record[0] = secret(given.nonce + requests, stop_salt);
    ++record[1];
  }
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    if (!is_started) ++unstarted;
    stay_busy(ctx, in.microseconds < longest_hang_us ? in.microseconds : longest_hang_us);
    out.proof = hooks_proof(given.nonce, in.nonce);
    out.starts = starts;
    out.stops = stops;
    out.requests = ++requests;
    out.unstarted = unstarted;
    out.asked = asked;
  }

 private:
  RONDO_HANDLER void look_at(const rondo::context& ctx) {
    if (ctx.message_id() != 0 || ctx.correlation_id() != 0) ++asked;
  }
  RONDO_HANDLER static void refuse(const hooks_setup& setup, rondo::context& ctx) {
    char text[RONDO_FAILURE_TEXT_MAX + 1]{};
    for (std::uint32_t i = 0; i < setup.text_length && i < RONDO_FAILURE_TEXT_MAX; ++i)
      text[i] = letter(i);
#if !defined(__CUDA_ARCH__)
    if (setup.how == refusal::raise) throw std::runtime_error(text);
#endif
    ctx.fail(setup.user_code, text);
  }
  hooks_setup given;
  std::uint64_t tried = 0, starts = 0, stops = 0, requests = 0, unstarted = 0, asked = 0;
  bool is_started = false;
};

// ---- ConformanceTimer: what its requests ask of call_again_after(), and what came of it

struct timer_request {
  std::uint64_t nonce = 0;
  std::int64_t after_ns[2]{-1, -1};  // asked for in this order; negative: nothing
  std::uint64_t times = 1;           // the timer asks for itself until it came so often
  std::uint64_t fails = 0;           // nonzero: each time it fails
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(nonce, after_ns, times, fails);
  }
};
RONDO_MESSAGE(timer_request, "ConformanceTimerRequest", 1, plain);

struct timer_reply {
  std::uint64_t proof = 0;     // secret(nonce + ticks)
  std::uint64_t ticks = 0;     // how often the timer came, since the kernel was created
  std::uint64_t early = 0;     // and was not due yet
  std::uint64_t after_ns = 0;  // from when it was last asked for until it came
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(proof, ticks, early, after_ns);
  }
};
RONDO_MESSAGE(timer_reply, "ConformanceTimerReply", 1, plain);

// The clock of a handler and that of its timer may be two.
inline constexpr std::int64_t clocks_differ_ns = 10'000;

struct timer_state {
  std::uint64_t ticks = 0, early = 0, after_ns = 0;
  std::uint64_t asked_at_ns = 0, times_left = 0, fails = 0;
  std::int64_t delay_ns = 0;

  RONDO_HANDLER void ask(std::int64_t delay, rondo::context& ctx) {
    delay_ns = delay;
    asked_at_ns = ctx.now_ns();
    ctx.call_again_after(std::chrono::nanoseconds(delay));
  }
  RONDO_HANDLER void come(rondo::context& ctx) {
    after_ns = ctx.now_ns() - asked_at_ns;
    if (static_cast<std::int64_t>(after_ns) + clocks_differ_ns < delay_ns) ++early;
    ++ticks;
    if (times_left > 1) {
      --times_left;
      ask(delay_ns, ctx);
    }
    if (fails != 0) ctx.fail(3, "a timer that fails");
  }
  RONDO_HANDLER void answer(const timer_request& in, timer_reply& out, rondo::context& ctx) {
    out = {secret(in.nonce + ticks, timer_salt), ticks, early, after_ns};
    for (const std::int64_t delay : in.after_ns) {
      if (delay < 0) continue;
      times_left = in.times;
      fails = in.fails;
      ask(delay, ctx);
    }
  }
};

struct timer_handler {
  static constexpr rondo::handler_id id{"ConformanceTimer"};
  using request = timer_request;
  using response = timer_reply;
  RONDO_HANDLER void on_timer(rondo::context& ctx) { state.come(ctx); }
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    state.answer(in, out, ctx);
  }
  timer_state state;
};

// ConformancePulse: its first timer is asked for by on_start.
struct pulse_handler {
  static constexpr rondo::handler_id id{"ConformancePulse"};
  using request = timer_request;
  using response = timer_reply;
  RONDO_HANDLER void on_start(rondo::context& ctx) { state.ask(1'000'000, ctx); }
  RONDO_HANDLER void on_timer(rondo::context& ctx) { state.come(ctx); }
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    state.answer(in, out, ctx);
  }
  timer_state state;
};

}  // namespace conformance_kernels
