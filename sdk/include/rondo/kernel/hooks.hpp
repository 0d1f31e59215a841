// What a handler may have beside its operator(): on_start(), on_stop() and on_timer(). Found by
// name when the handler is compiled; the host's record of it names those it has.
#pragma once

#include <rondo/kernel/context.hpp>

#include <exception>
#include <type_traits>

namespace rondo::detail {

template <class H>
concept has_on_start = requires {
  &H::on_start;
};
template <class H>
concept has_on_stop = requires {
  &H::on_stop;
};
template <class H>
concept has_on_timer = requires {
  &H::on_timer;
};

// The message that on_start() takes, void if it takes the context alone. Left undefined for any
// other form.
template <class F>
struct started_by;
template <class C>
struct started_by<void (C::*)(context&)> {
  using type = void;
};
template <class C, class A>
struct started_by<void (C::*)(const A&, context&)> {
  using type = A;
};
template <class C>
struct started_by<void (C::*)(context&) noexcept> : started_by<void (C::*)(context&)> {};
template <class C, class A>
struct started_by<void (C::*)(const A&, context&) noexcept>
    : started_by<void (C::*)(const A&, context&)> {};

template <class H>
struct start_argument_of {
  using type = void;
};
template <has_on_start H>
struct start_argument_of<H> {
  using type = typename started_by<decltype(&H::on_start)>::type;
};
template <class H>
using start_argument = typename start_argument_of<H>::type;
template <class H>
concept takes_start_argument = !std::is_void_v<start_argument<H>>;

template <class H>
constexpr bool hooks_are_well_formed() {
  if constexpr (has_on_start<H>) {
    static_assert(
        requires { typename started_by<decltype(&H::on_start)>::type; },
        "on_start is void on_start(rondo::context&) or void on_start(const A&, "
        "rondo::context&)");
    if constexpr (takes_start_argument<H>)
      static_assert(message_type<start_argument<H>>,
                    "the argument of on_start is declared with RONDO_MESSAGE");
  }
  if constexpr (has_on_stop<H>)
    static_assert(std::is_invocable_v<decltype(&H::on_stop), H&, context&>,
                  "on_stop is void on_stop(rondo::context&)");
  if constexpr (has_on_timer<H>)
    static_assert(std::is_invocable_v<decltype(&H::on_timer), H&, context&>,
                  "on_timer is void on_timer(rondo::context&)");
  return true;
}

// ---- the functions of the host's record

template <class Body>
rondo_status run_hook(rondo_invocation* invocation, Body&& body) {
  context ctx(*invocation);
  try {
    body(ctx);
  } catch (const std::exception& e) {
    ctx.fail_with(RONDO_HANDLER_THREW, 0, e.what());
  } catch (...) {
    ctx.fail_with(RONDO_HANDLER_THREW, 0, "an exception that is no std::exception");
  }
  return invocation->failure_code;
}

template <class H>
rondo_status start_handler(void* state, const void* argument, std::uint32_t bytes,
                           rondo_invocation* invocation) {
  return run_hook(invocation, [&](context& ctx) {
    H& handler = *static_cast<H*>(state);
    if constexpr (takes_start_argument<H>) {
      start_argument<H> own{};
      if ((argument == nullptr && bytes != 0) || !decode(argument, bytes, own))
        return ctx.fail_with(RONDO_MALFORMED, 0, "the start argument is not a message of its type");
      handler.on_start(own, ctx);
    } else {
      (void)argument, (void)bytes;
      handler.on_start(ctx);
    }
  });
}
template <class H>
rondo_status stop_handler(void* state, rondo_invocation* invocation) {
  return run_hook(invocation, [&](context& ctx) { static_cast<H*>(state)->on_stop(ctx); });
}
template <class H>
rondo_status time_handler(void* state, rondo_invocation* invocation) {
  return run_hook(invocation, [&](context& ctx) { static_cast<H*>(state)->on_timer(ctx); });
}

template <message_type A>
inline constexpr rondo_message_type start_type_record = describe_message<A>();

template <class H>
constexpr void add_hooks(rondo_handler& record) {
  static_assert(hooks_are_well_formed<H>());
  if constexpr (has_on_start<H>) record.on_start = &start_handler<H>;
  if constexpr (has_on_stop<H>) record.on_stop = &stop_handler<H>;
  if constexpr (has_on_timer<H>) record.on_timer = &time_handler<H>;
  if constexpr (takes_start_argument<H>) record.start_type = &start_type_record<start_argument<H>>;
}

}  // namespace rondo::detail
