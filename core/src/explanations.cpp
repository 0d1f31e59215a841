// The words for what can go wrong with a message: on its way, and in the reply itself.
#include "instance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace rondo::detail {

namespace {

constexpr const char* same_headers =
    "Build the kernel module and its callers from the same headers";

std::string describe(const rondo_message_type& type) {
  return fmt::format("{} v{}", view_of(type.wire_name), type.version);
}

error_info handlers_failure(const std::string& kernel_id, const rondo_envelope& header,
                            const std::byte* payload) {
  rondo_failure failure{};
  constexpr std::uint32_t fixed = offsetof(rondo_failure, text);
  const auto length = std::min<std::uint32_t>(header.length, sizeof failure);
  std::memcpy(&failure, payload, length);
  const std::string_view text(failure.text, length > fixed ? length - fixed : 0);
  error_info why;
  const bool is_failure = failure.code < 0 || failure.code == RONDO_FULL;
  why.code = length >= fixed && is_failure ? failure.code : RONDO_MALFORMED;
  why.object = kernel_id;
  why.message = failure.user_code != 0
                    ? fmt::format("{} (handler's code {})", text, failure.user_code)
                    : std::string(text);
  if (why.message.empty()) why.message = status_text(why.code);
  if (why.code == RONDO_VERSION_MISMATCH) why.remedy = same_headers;
  return why;
}

// A request of another version of the type that the handler takes.
bool is_another_version(const rondo_message_type& sent, const rondo_message_type& taken) {
  return view_of(sent.wire_name) == view_of(taken.wire_name) && sent.version != taken.version;
}

}  // namespace

error_info why_no_value(const std::string& kernel_id, const rondo_envelope& header,
                        const std::byte* payload, const rondo_message_type& expected) {
  if ((header.flags & RONDO_FLAG_FAILED) != 0) return handlers_failure(kernel_id, header, payload);
  if (header.version != expected.version)
    return {RONDO_VERSION_MISMATCH, kernel_id,
            fmt::format("the reply has version {}, the caller takes version {} of {}",
                        header.version, expected.version, view_of(expected.wire_name)),
            same_headers};
  return {RONDO_MALFORMED, kernel_id,
          fmt::format("the reply's {} bytes are not a {}", header.length, describe(expected)),
          same_headers};
}

std::unique_ptr<error_info> instance::explained(status code, const codec& type,
                                                nanoseconds timeout) const {
  auto why = std::make_unique<error_info>();
  explain(code, type, timeout, *why);
  return why;
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
    case RONDO_DROPPED:
      why.message = fmt::format("all {} slots of {} were taken, and the message was dropped",
                                plan_.input_capacity, plan_.names.input);
      why.remedy = "Send less often, or launch with another input_full or a larger input_capacity";
      break;
    case RONDO_EXPIRED:
      why.message = "its time to live was over before there was room for it";
      why.remedy = "Give it more time, or make the kernel faster";
      break;
    case RONDO_EMPTY: why.message = fmt::format("{} has no message", plan_.names.output); break;
    case RONDO_TERMINATED:
      why.message = "the kernel is terminated";
      why.remedy = "Relaunch it, or launch another";
      break;
    case RONDO_TOO_LARGE:
      // Of another version it is no wonder that it has another size: that is told as the handler
      // would tell it of one that fits.
      if (is_another_version(type.type, handler().request)) {
        why.message =
            fmt::format("the request has version {}, the handler takes version {} of {}",
                        type.type.version, handler().request.version, view_of(type.type.wire_name));
        why.remedy = same_headers;
        return why.code = RONDO_VERSION_MISMATCH;
      }
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
