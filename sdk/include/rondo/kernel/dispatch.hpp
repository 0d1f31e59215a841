// From the bytes of one request to the handler and to the bytes of its replies, the same on host
// and device. The request is checked before the handler sees it; a plain request is read where it
// lies.
#pragma once

#include <rondo/kernel/context.hpp>

namespace rondo {

// The name under which a handler is found; also the default id of its kernels.
struct handler_id {
  const char* text;
  std::uint32_t size;

  template <std::size_t L>
  consteval handler_id(const char (&literal)[L]) : text(literal), size(L - 1) {
    if (!valid())
      throw "a handler id is [A-Za-z][A-Za-z0-9_.-]*, at most 100 characters, and does "
                        "not end in _input or _output";
  }

 private:
  consteval bool ends_in(const char* end) const {
    const auto n = detail::length_of(end);
    if (n > size) return false;
    for (std::uint64_t i = 0; i < n; ++i)
      if (text[size - n + i] != end[i]) return false;
    return true;
  }
  consteval bool valid() const {
    if (size == 0 || size > 100 || !detail::is_letter(text[0])) return false;
    for (std::uint32_t i = 1; i < size; ++i) {
      const char c = text[i];
      if (!detail::is_letter(c) && !detail::is_digit(c) && c != '_' && c != '.' && c != '-')
        return false;
    }
    return !ends_in("_input") && !ends_in("_output");
  }
};

// A response taken by value or by const reference would always be answered with its default.
template <class H>
concept replying_handler = requires(H& h, const typename H::request& in, typename H::response& out,
                                    context& ctx) {
  h(in, out, ctx);
}
&&!requires(H & h, const typename H::request& in, context& ctx) {
  h(in, typename H::response{}, ctx);
};
template <class H>
concept emitting_handler = requires(H& h, const typename H::request& in,
                                    emitter<typename H::response>& out, context& ctx) {
  h(in, out, ctx);
};
template <class H>
concept handler_type = message_type<typename H::request> && message_type<typename H::response> &&
    (replying_handler<H> || emitting_handler<H>)&&std::is_same_v<decltype(H::id), const handler_id>;

namespace detail {

template <class H>
RONDO_HD constexpr execution execution_of() {
  if constexpr (requires { H::execution; }) return H::execution;
  else return execution::serial;
}

// `static constexpr bool fills_response = true;` in a handler with one plain response: it writes
// every member of it whenever it does not fail, and gets it without a value. Else it gets a T{},
// and what it leaves alone is that. With the promise broken, the receiver sees what an earlier
// reply of the same kernel had there.
template <class H>
RONDO_HD constexpr bool fills_response() {
  if constexpr (requires { H::fills_response; }) return H::fills_response;
  else return false;
}
template <class H>
inline constexpr bool may_fill_response =
    !fills_response<H>() || (replying_handler<H> && is_plain<typename H::response>);

// `static constexpr bool is_brief = true;` in a handler with one response: it promises to be done
// within a microsecond or so, whatever the request. In a stream of small messages its replies may
// then come by up to 16 together, which takes about half as long as one after the other.
template <class H>
RONDO_HD constexpr bool is_brief() {
  if constexpr (requires { H::is_brief; }) return H::is_brief;
  else return false;
}

// RONDO_HANDLER_*
template <class H>
RONDO_HD constexpr std::uint32_t handler_flags() {
  std::uint32_t flags = replying_handler<H> ? 0u : std::uint32_t{RONDO_HANDLER_EMITS};
  switch (execution_of<H>()) {
    case execution::serial: break;
    case execution::warp: flags |= RONDO_HANDLER_WARP_COOPERATIVE; break;
    case execution::block: flags |= RONDO_HANDLER_BLOCK_COOPERATIVE; break;
    case execution::grid: flags |= RONDO_HANDLER_GRID_COOPERATIVE; break;
    case execution::independent: flags |= RONDO_HANDLER_INDEPENDENT; break;
  }
  return flags;
}

// A request of another type or version is refused, never guessed at [MSG-01]. The failure that
// refuses another version names both, and the kernel goes on [MSG-08].
template <class H>
RONDO_HD bool check_header(const rondo_envelope& header, context& ctx) {
  if (header.type != RONDO_TYPE_REQUEST) [[unlikely]] {
    ctx.fail_with(RONDO_REQUEST_MISMATCH, 0, "the message is not a request of this handler");
    return false;
  }
  if (header.version != message_of<typename H::request>.version) [[unlikely]] {
    ctx.fail_with_versions(header.version, message_of<typename H::request>.version,
                           message_of<typename H::request>.wire_name);
    return false;
  }
  return true;
}

// On a device a handler works on copies of small messages. Their compiler keeps them in registers;
// in memory that the request may share with the response, as far as it knows, each field would be
// loaded only after the last was stored.
template <class T>
inline constexpr bool is_small = is_plain<T> && sizeof(T) <= 128;
template <class T>
RONDO_HD constexpr bool is_copied() {
#if defined(__CUDA_ARCH__)
  return is_small<T>;
#else
  return false;
#endif
}

// Room for one reply, and the way to send it: what the backend has reserved ahead, or its calls.
// `Sink` is rondo_emitter, or what a device loop uses in its place.
template <class Sink>
class single_reply {
 public:
  RONDO_HD single_reply(Sink& out, std::uint32_t bytes) : out_(out) {
    if constexpr (std::is_same_v<Sink, rondo_emitter>) {
      is_ahead_ = out.struct_size >= sizeof out && out.ahead.room != nullptr &&
                  out.ahead.room_bytes >= bytes;
      if (is_ahead_) room_ = out.ahead.room;
    }
    if (room_ == nullptr) room_ = out.reserve(&out, bytes);
  }
  RONDO_HD void* room() const { return room_; }
  RONDO_HD void commit(std::uint32_t length, std::uint16_t version) {
    if constexpr (std::is_same_v<Sink, rondo_emitter>) {
      if (is_ahead_) {
        out_.ahead.length = length;
        out_.ahead.version = version;
        out_.ahead.is_filled = 1;
        return;
      }
    }
    out_.commit(&out_, length, version, 0);
  }

 private:
  Sink& out_;
  void* room_ = nullptr;
  bool is_ahead_ = false;
};

// The reply of a replying handler.
template <class H, class Sink>
RONDO_HD rondo_status reply(H& handler, const typename H::request& request, Sink& out,
                            context& ctx) {
  using response = typename H::response;
  constexpr std::uint32_t room_bytes = max_bytes<response>();
  single_reply<Sink> single(out, room_bytes);
  void* const room = single.room();
  if (room == nullptr) return RONDO_TERMINATED;
  std::int64_t length = sizeof(response);
  if constexpr (is_copied<response>()) {
    response answer{};
    handler(request, answer, ctx);
    __builtin_memcpy(__builtin_assume_aligned(room, 16), &answer, sizeof answer);
  } else if constexpr (is_plain<response>) {
    response* answer;
    if constexpr (fills_response<H>()) answer = ::new (room) response;
    else answer = ::new (room) response{};
    handler(request, *answer, ctx);
  } else {
    response answer{};
    handler(request, answer, ctx);
    if (!ctx.failed()) length = encode(answer, room, room_bytes);
  }
  if (length < 0)
    ctx.fail_with(RONDO_TOO_LARGE, 0, "the response is larger than its declared maximum");
  ctx.flush_buffers();
  if (!ctx.failed())
    single.commit(static_cast<std::uint32_t>(length), message_of<response>.version);
  return RONDO_OK;
}

template <class H, class Sink>
RONDO_HD rondo_status run(H& handler, const typename H::request& request, Sink& out, context& ctx) {
  if constexpr (replying_handler<H>) {
    return reply(handler, request, out, ctx);
  } else {
    emitter<typename H::response> replies(out, ctx);
    handler(request, replies, ctx);
    ctx.flush_buffers();  // a failure, or the request's end, may be what the host waits for
    return RONDO_OK;
  }
}

// Returns OK, or why there is no reply; the failure fields of the invocation then say more.
// `header` is what invocation.request points to, or a copy in registers.
template <class H, class Sink>
RONDO_HD rondo_status dispatch(H& handler, const rondo_envelope& header, const void* payload,
                               Sink& out, rondo_invocation& invocation) {
  using request = typename H::request;
  context ctx(invocation);
  if (!check_header<H>(header, ctx)) [[unlikely]]
    return invocation.failure_code;

  rondo_status status = RONDO_OK;
  if constexpr (is_plain<request>) {
    if (header.length != sizeof(request)) [[unlikely]] {
      ctx.fail_with(RONDO_MALFORMED, 0, "the request has not the size of its type");
    } else if constexpr (is_copied<request>()) {
      request own;
      __builtin_memcpy(&own, __builtin_assume_aligned(payload, 16), sizeof own);
      status = run(handler, own, out, ctx);
    } else {
      status = run(handler, *static_cast<const request*>(payload), out, ctx);
    }
  } else {
    request decoded{};
    if (decode(payload, header.length, decoded)) status = run(handler, decoded, out, ctx);
    else ctx.fail_with(RONDO_MALFORMED, 0, "the request's bytes are not a message of its type");
  }
  return status != RONDO_OK ? status : invocation.failure_code;
}

}  // namespace detail
}  // namespace rondo
