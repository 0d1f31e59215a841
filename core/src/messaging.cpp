// The way of a message through a kernel instance: send, call, receive, and the words for what can
// go wrong on the way.
#include "instance.hpp"

#include <fmt/format.h>

#include <thread>

namespace rondo::detail {

namespace {

// While the input is full: soon at first, then as a sleeper.
void wait_for_room(ring::spinner& spinner) {
  if (!spinner.idle()) return;
  const timespec t{0, 50'000};
  nanosleep(&t, nullptr);
}
constexpr std::uint64_t full_spin_ns = 20'000;

std::int64_t clamp(nanoseconds timeout) { return timeout.count() < 0 ? 0 : timeout.count(); }

std::string describe(const rondo_message_type& type) {
  return fmt::format("{} v{}", view_of(type.wire_name), type.version);
}

// A message whose bytes are there already.
struct raw_message {
  const void* data;
  std::uint32_t bytes;
};

codec raw_codec(const rondo_message_type& type, std::uint32_t bytes, std::uint16_t version) {
  codec raw{type,
            [](const void* message, void* to, std::uint32_t room) -> std::int64_t {
              const auto& m = *static_cast<const raw_message*>(message);
              if (m.bytes > room) return -1;
              std::memcpy(to, m.data, m.bytes);
              return m.bytes;
            },
            nullptr};
  raw.type.max_bytes = bytes;
  raw.type.version = version;
  return raw;
}

}  // namespace

status instance::send_until(const codec& type, const void* message, std::uint64_t correlation,
                            deadline& until, std::uint64_t& id, reply_router::ticket* ticket) {
  ring::spinner spinner(full_spin_ns);
  for (;;) {
    if (closed_.load(std::memory_order_acquire)) [[unlikely]]  // SYNC: closed
      return refusal();
    const status code = input_->try_send(type, message, correlation, id);
    if (code != RONDO_FULL) return code;
    if (until.is_zero()) return closed_.load(std::memory_order_acquire) ? refusal() : code;
    if (ticket != nullptr) ticket->keep_moving();
    wait_for_room(spinner);
    if (until.passed()) return RONDO_TIMEOUT;
    const status now = health();
    if (now != RONDO_OK) return now;
  }
}

status instance::exchange(const codec& request, const void* in, nanoseconds timeout,
                          error_info& why,
                          status (instance::*read)(const arrived&, const codec&, void*, error_info&)
                              const,
                          const codec& response, void* out) {
  deadline until(clamp(timeout));
  reply_router::ticket ticket(*router_, until);
  if (!ticket.ready()) return explain(RONDO_TIMEOUT, request, timeout, why);
  std::uint64_t id = 0;
  status code = send_until(request, in, ticket.correlation(), until, id, &ticket);
  if (code == RONDO_FULL) code = RONDO_TIMEOUT;  // no time was given to wait for room
  if (code != RONDO_OK) [[unlikely]]
    return explain(code, request, timeout, why);
  arrived reply;
  code = ticket.wait(until, reply);
  if (code != RONDO_OK) [[unlikely]]
    return explain(code, response, timeout, why);
  return (this->*read)(reply, response, out, why);
}

status instance::call(const codec& request, const void* in, const codec& response, void* out,
                      nanoseconds timeout, error_info& why) {
  return exchange(request, in, timeout, why, &instance::read_reply, response, out);
}

status instance::call_bytes(const void* request, std::uint32_t bytes, std::uint16_t version,
                            std::vector<std::byte>& reply, rondo_envelope& header,
                            nanoseconds timeout, error_info& why) {
  const raw_message message{request, bytes};
  const codec out = raw_codec(handler().request, bytes, version);
  const codec in = raw_codec(handler().response, 0, 0);
  std::pair<std::vector<std::byte>&, rondo_envelope&> into{reply, header};
  return exchange(out, &message, timeout, why, &instance::read_bytes, in, &into);
}

status instance::send(const codec& request, const void* in, std::uint64_t& id, nanoseconds timeout,
                      error_info& why) {
  deadline until(clamp(timeout));
  const status code = send_until(request, in, 0, until, id, nullptr);
  return code == RONDO_OK ? code : explain(code, request, timeout, why);
}

status instance::receive(const codec& response, void* out, rondo_envelope& header,
                         nanoseconds timeout, error_info& why) {
  deadline until(clamp(timeout));
  status read = RONDO_OK;
  const status code = router_->receive(until, [&](const arrived& reply) {
    header = reply.header;
    read = read_reply(reply, response, out, why);
  });
  return code == RONDO_OK ? read : explain(code, response, timeout, why);
}

status instance::read_reply(const arrived& reply, const codec& response, void* out,
                            error_info& why) const {
  const rondo_envelope& header = reply.header;
  if ((header.flags & RONDO_FLAG_FAILED) == 0) [[likely]] {
    if (header.version != response.type.version) {
      why = {RONDO_VERSION_MISMATCH, plan_.id,
             fmt::format("the reply has version {}, {} was expected", header.version,
                         describe(response.type)),
             "Build the kernel module and its callers from the same headers"};
      return why.code;
    }
    if (response.decode(reply.payload, header.length, out)) [[likely]]
      return RONDO_OK;
    why = {RONDO_MALFORMED, plan_.id,
           fmt::format("the reply's {} bytes are not a {}", header.length, describe(response.type)),
           "Build the kernel module and its callers from the same headers"};
    return why.code;
  }
  rondo_failure failure{};
  constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
  const auto length = std::min<std::uint32_t>(header.length, sizeof failure);
  std::memcpy(&failure, reply.payload, length);
  const std::string_view text(failure.text, length > fixed ? length - fixed : 0);
  why.code = length >= fixed && failure.code < 0 ? failure.code : RONDO_MALFORMED;
  why.object = plan_.id;
  why.message = failure.user_code != 0
                    ? fmt::format("{} (handler's code {})", text, failure.user_code)
                    : std::string(text);
  if (why.message.empty()) why.message = status_text(why.code);
  return why.code;
}

status instance::read_bytes(const arrived& reply, const codec& response, void* out,
                            error_info& why) const {
  if ((reply.header.flags & RONDO_FLAG_FAILED) != 0) return read_reply(reply, response, out, why);
  auto& into = *static_cast<std::pair<std::vector<std::byte>&, rondo_envelope&>*>(out);
  into.first.assign(reply.payload, reply.payload + reply.header.length);
  into.second = reply.header;
  return RONDO_OK;
}

status instance::explain(status code, const codec& type, nanoseconds timeout,
                         error_info& why) const {
  why.code = code;
  why.object = plan_.id;
  const double ms = static_cast<double>(timeout.count()) / 1e6;
  switch (code) {
    case RONDO_TIMEOUT: {
      const kernel_state now = state();
      why.message = fmt::format("nothing came within {} ms; the kernel is {}, {} requests wait", ms,
                                to_string(now), queue_info(true).depth);
      why.remedy = now == kernel_state::active ? "Wait longer, or see what the handler is doing"
                                               : "Activate the kernel; requests wait until then";
      break;
    }
    case RONDO_FULL:
      why.message =
          fmt::format("all {} slots of {} are taken", plan_.input_capacity, plan_.names.input);
      why.remedy = "Take replies, send with a timeout, or launch with a larger input_capacity";
      break;
    case RONDO_EMPTY: why.message = fmt::format("{} has no message", plan_.names.output); break;
    case RONDO_TERMINATED:
      why.message = "the kernel is terminated";
      why.remedy = "Relaunch it, or launch another";
      break;
    case RONDO_TOO_LARGE:
      why.message = fmt::format("a {} does not fit the {} bytes of a slot of {}",
                                describe(type.type), input_->payload_capacity(), plan_.names.input);
      why.remedy = "Send larger data as a buffer";
      break;
    default:
      why.message = status_text(code);
      if (state() == kernel_state::failed) explain_failure(why);
      break;
  }
  return code;
}

// The kernel's failure is told when it is what the caller met: nothing else has its code.
void instance::explain_failure(error_info& why) const {
  auto known = cause();
  if (known.code != why.code) return;
  if (!known.text.empty()) why.message = std::move(known.text);
  else if (why.code == RONDO_HANDLER_HUNG)
    why.message = "the kernel is failed: its handler did not return, or its device was lost";
  why.remedy = why.code == RONDO_DEVICE_LOST
                   ? "Launch another kernel once the device can be used again"
                   : "Terminate it and launch another";
}

}  // namespace rondo::detail
