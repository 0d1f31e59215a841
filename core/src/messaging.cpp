// The way of a message through a kernel instance: send, call, receive. The words for what can go
// wrong on the way are in explanations.cpp.
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
            nullptr, nullptr, 0};
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

status instance::send_batch(const codec& request, const void* messages, std::uint64_t count,
                            batch_sent& sent, nanoseconds timeout, error_info& why) {
  deadline until(clamp(timeout));
  send_port::outgoing batch{request, static_cast<const std::byte*>(messages), count};
  status code = RONDO_OK;
  try {
    code = count == 0 ? RONDO_OK : send_batch_until(batch, until);
  } catch (...) {
    if (batch.sent == 0) throw;  // else the caller learns how many went, and meets it again
  }
  if (batch.sent == 0) return code == RONDO_OK ? code : explain(code, request, timeout, why);
  sent = {batch.first_id, batch.sent};
  return RONDO_OK;
}

status instance::send_batch_until(send_port::outgoing& batch, deadline& until) {
  ring::spinner spinner(full_spin_ns);
  for (;;) {
    if (closed_.load(std::memory_order_acquire)) [[unlikely]]  // SYNC: closed
      return refusal();
    const std::uint64_t before = batch.sent;
    const status code = input_->try_send_batch(batch);
    if (code != RONDO_FULL) return code;
    if (until.is_zero()) return closed_.load(std::memory_order_acquire) ? refusal() : code;
    if (batch.sent != before) spinner.found_work();
    else wait_for_room(spinner);
    if (until.passed()) return RONDO_TIMEOUT;
    const status now = health();
    if (now != RONDO_OK) return now;
  }
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

status instance::receive_batch(const codec& response, const reply_sink& sink, std::uint64_t most,
                               std::uint64_t& taken, nanoseconds timeout, error_info& why) {
  deadline until(clamp(timeout));
  const status code = router_->receive_batch(until, sink, most, taken);
  return code == RONDO_OK ? code : explain(code, response, timeout, why);
}

status instance::read_reply(const arrived& reply, const codec& response, void* out,
                            error_info& why) const {
  const rondo_envelope& header = reply.header;
  const bool is_value =
      (header.flags & RONDO_FLAG_FAILED) == 0 && header.version == response.type.version;
  if (is_value && response.decode(reply.payload, header.length, out)) [[likely]]
    return RONDO_OK;
  why = why_no_value(plan_.id, header, reply.payload, response.type);
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

}  // namespace rondo::detail
