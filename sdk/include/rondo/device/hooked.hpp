// The handler's hooks: on_start before the first request of a life, on_stop behind its last,
// on_timer when it is due. By thread 0 of block 0, whatever the handler's execution, and with a
// request of zeros.
#pragma once

#include <rondo/device/batch.hpp>

namespace rondo::device {

template <class H>
constexpr std::uint32_t hooks_of() {
  return (detail::has_on_start<H> ? hook_bit(hook::start) : 0) |
         (detail::has_on_stop<H> ? hook_bit(hook::stop) : 0) |
         (detail::has_on_timer<H> ? hook_bit(hook::timer) : 0);
}

// Such a start argument, and with it its handler, is for the host alone.
template <class H>
constexpr bool starts_on_host_only = [] {
  if constexpr (detail::takes_start_argument<H>)
    return detail::is_host_only<detail::start_argument<H>>;
  else return false;
}();

template <class H, class X, class P, class K>
class hooked : protected batches<H, X, P, K> {
  using base = batches<H, X, P, K>;
  static_assert(detail::hooks_are_well_formed<H>());

 protected:
  using base::base;
  RONDO_AT_THE_DESK(base);

  static constexpr bool has_hooks = hooks_of<H>() != 0;

  // A grid that is launched again in the same life goes on where it was, a refused one too.
  RONDO_DEVICE bool begin_life() {
    if (resume_.begun != args_.life) {
      resume_.begun = args_.life;
      resume_.refused = 0;
      P::store_relaxed(&resume_.timer_at, 0);
      if constexpr (detail::has_on_start<H>) resume_.refused = call_start() ? 0 : 1;
    }
    return resume_.refused == 0;
  }

  // By the first warp.
  RONDO_DEVICE void end_life() {
    if (x_.thread() != 0 || resume_.ended == args_.life) return;
    resume_.ended = args_.life;
    P::store_relaxed(&resume_.timer_at, 0);
    invocation().struct_size = sizeof(rondo_invocation);  // no timer any more
    call(hook::stop, [this](context& ctx) { handler().on_stop(ctx); });
  }

  // It counts towards a hang, as a request does.
  RONDO_DEVICE void call_timer() {
    P::store_relaxed(&resume_.timer_at, 0);
    const bool is_watched = (args_.flags & flag_watched) != 0;
    if (is_watched) lead_.say_busy(x_.now());
    call(hook::timer, [this](context& ctx) { handler().on_timer(ctx); });
    if (is_watched) lead_.say_busy(0);
    m_.must_look = 1;
  }

 private:
  RONDO_DEVICE bool call_start() {
    return call(hook::start, [this](context& ctx) {
      if constexpr (!detail::takes_start_argument<H>) {
        handler().on_start(ctx);
      } else {
        using argument = detail::start_argument<H>;
        auto* bytes = reinterpret_cast<std::byte*>(args_.start_argument);
        bool is_sound = args_.start_bytes == sizeof(argument);
        if constexpr (detail::is_plain<argument>) {
          if (is_sound) return handler().on_start(*reinterpret_cast<const argument*>(bytes), ctx);
        } else {
          auto* own = ::new (bytes + plan::start_object_at) argument{};
          is_sound = decode(bytes, args_.start_bytes, *own);
          if (is_sound) handler().on_start(*own, ctx);
          own->~argument();
          if (is_sound) return;
        }
        ctx.fail_with(RONDO_MALFORMED, 0, "the start argument is not a message of its type");
      }
    });
  }

  // True if it did not fail.
  template <class Body>
  RONDO_DEVICE bool call(hook which, const Body& body) {
    const rondo_envelope no_request{};
    rondo_invocation& i = invocation();
    i.request = &no_request;
    context ctx(i);
    body(ctx);
    ctx.flush_buffers();
    i.request = &header();
    if (!ctx.failed()) return true;
    tell(which, i);
    this->forget_failure();
    return false;
  }

  RONDO_DEVICE void tell(hook which, const rondo_invocation& i) {
    hook_failure& to =
        reinterpret_cast<hook_failure*>(args_.failed_hooks)[static_cast<std::uint32_t>(which)];
    if (P::load_relaxed(&to.life) == args_.life) return;
    to.said.code = i.failure_code;
    to.said.user_code = i.user_code;
    to.text_length = i.failure_length;
    RONDO_KEEP_LOOP
    for (std::uint32_t k = 0; k < i.failure_length; ++k) to.said.text[k] = i.failure_text[k];
    P::store_release(&to.life, args_.life);  // SYNC: hook-failed
  }
};

}  // namespace rondo::device
