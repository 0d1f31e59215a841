// Sending one message that is urgent, may get too old, or has a key.
#include "full_input.hpp"

#include <fmt/format.h>

namespace rondo::detail {

namespace {

error_info not_asked_for(const std::string& id, const char* field, const char* option) {
  return {RONDO_INVALID_ARGUMENT, id,
          fmt::format("send_options::{} was given, and the kernel was launched without {}", field,
                      option),
          fmt::format("Set launch_options::{}", option)};
}

}  // namespace

// The time to live begins here, before there may be a wait for room.
status instance::begin_order(order& of, error_info& why) const {
  const send_options& how = of.how;
  const launch_options& launch = plan_.options;
  if (how.urgent && !launch.urgent_lane) why = not_asked_for(plan_.id, "urgent", "urgent_lane");
  else if (how.ttl.count() != 0 && !launch.timed) why = not_asked_for(plan_.id, "ttl", "timed");
  else if (how.key && !keys_) why = not_asked_for(plan_.id, "key", "duplicate_window");
  else if (how.ttl.count() < 0)
    why = {RONDO_INVALID_ARGUMENT, plan_.id,
           fmt::format("send_options::ttl is {} ns", how.ttl.count()),
           "Ask for a time that lies ahead, or 0 for none"};
  if (why.code != RONDO_OK) return why.code;
  of.with.urgent = how.urgent;
  if (how.ttl.count() > 0) {
    const std::uint64_t now = ring::now_ns();
    const auto ttl = static_cast<std::uint64_t>(how.ttl.count());
    of.with.deadline_ns = ttl > ring::no_deadline - now ? ring::no_deadline : now + ttl;
  }
  return RONDO_OK;
}

status instance::try_order(const order& of, std::uint64_t& id) {
  const auto send = [&] {
    return input_->try_send(of.type, of.message, of.correlation, of.with, id);
  };
  return of.how.key ? keys_->admit(*of.how.key, send) : send();
}

status instance::send_order(const order& of, deadline& until, std::uint64_t& id,
                            reply_router::ticket* ticket) {
  if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
  status code = try_order(of, id);
  if (code != RONDO_FULL) return code;
  code = when_input_full(of.with.urgent, 1);
  if (code != RONDO_OK) return closed_.load(std::memory_order_acquire) ? refusal() : code;
  return wait_for_place(
      of.with, until, [&] { return try_order(of, id); },
      [&] {
        if (ticket != nullptr) ticket->keep_moving();
      });
}

status instance::send(const codec& request, const void* in, std::uint64_t& id, nanoseconds timeout,
                      const send_options& how, error_info& why) {
  order of{request, in, 0, how};
  if (begin_order(of, why) != RONDO_OK) return why.code;
  deadline until(timeout.count());
  const status code = send_order(of, until, id, nullptr);
  return code == RONDO_OK ? code : explain(code, request, timeout, why);
}

}  // namespace rondo::detail
