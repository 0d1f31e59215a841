// The way of a message through a kernel instance: send, call, receive. The words for what can go
// wrong on the way are in explanations.cpp.
#include "full_input.hpp"

#include <fmt/format.h>

#include <thread>

namespace rondo::detail {

namespace {

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
  if (closed_.load(std::memory_order_acquire)) [[unlikely]]  // SYNC: closed
    return refusal();
  const status code = input_->try_send(type, message, correlation, id);
  if (code != RONDO_FULL) [[likely]]
    return code;
  return wait_to_send(type, message, correlation, until, id, ticket);
}

// The input is full.
status instance::wait_to_send(const codec& type, const void* message, std::uint64_t correlation,
                              deadline& until, std::uint64_t& id, reply_router::ticket* ticket) {
  const status now = when_input_full(false, 1);
  if (now != RONDO_OK) return closed_.load(std::memory_order_acquire) ? refusal() : now;
  return wait_for_place(
      {}, until, [&] { return input_->try_send(type, message, correlation, id); },
      [&] {
        if (ticket != nullptr) ticket->keep_moving();
      });
}

status instance::when_input_full(bool urgent, std::uint64_t messages) {
  switch (plan_.options.input_full) {
    case when_full::block: break;
    case when_full::reject: return RONDO_FULL;
    case when_full::drop_newest:
      dropped_newest_.fetch_add(messages, std::memory_order_relaxed);
      return RONDO_DROPPED;
    case when_full::drop_oldest: input_->drop_oldest(urgent, messages); break;
  }
  return RONDO_OK;
}

// `send` sends the request with the ticket's correlation. `read` says why the reply is no value, or
// nullptr.
template <class Send, class Read>
inline std::unique_ptr<error_info> instance::exchange(const call_codecs& types, nanoseconds timeout,
                                                      Send&& send, Read&& read) {
  const auto fail = [&](status code, const codec& about) {
    return explained(code, about, timeout);
  };
  input_->expect_to_send();
  deadline until(clamp(timeout));
  reply_router::ticket ticket(*router_, until);
  if (!ticket.ready()) [[unlikely]]
    return fail(RONDO_TIMEOUT, types.request);
  status code = send(ticket, until);
  if (code != RONDO_OK) [[unlikely]]
    return fail(as_call(code), types.request);
  arrived reply;
  code = ticket.wait(until, reply);
  if (code != RONDO_OK) [[unlikely]]
    return fail(code, types.response);
  input_->expect_to_send();  // the same caller's next request, most likely
  return read(reply);
}

namespace {

bool read_value(const arrived& reply, const codec& response, void* out) {
  const rondo_envelope& header = *reply.header;
  return (header.flags & RONDO_FLAG_FAILED) == 0 && header.version == response.type.version &&
         response.decode(reply.payload, header.length, out);
}

}  // namespace

std::unique_ptr<error_info> instance::call(const call_codecs& types, const void* in, void* out,
                                           nanoseconds timeout) {
  std::uint64_t id = 0;
  return exchange(
      types, timeout,
      [&](reply_router::ticket& ticket, deadline& until) {
        return send_until(types.request, in, ticket.correlation(), until, id, &ticket);
      },
      [&](const arrived& reply) -> std::unique_ptr<error_info> {
        if (read_value(reply, types.response, out)) [[likely]]
          return nullptr;
        return std::make_unique<error_info>(
            why_no_value(plan_.id, *reply.header, reply.payload, types.response.type));
      });
}

std::unique_ptr<error_info> instance::call(const call_codecs& types, const void* in, void* out,
                                           nanoseconds timeout, const send_options& how) {
  order of{types.request, in, 0, how};
  auto why = std::make_unique<error_info>();
  if (begin_order(of, *why) != RONDO_OK) return why;
  std::uint64_t id = 0;
  return exchange(
      types, timeout,
      [&](reply_router::ticket& ticket, deadline& until) {
        of.correlation = ticket.correlation();
        return send_order(of, until, id, &ticket);
      },
      [&](const arrived& reply) -> std::unique_ptr<error_info> {
        if (read_value(reply, types.response, out)) return nullptr;
        *why = why_no_value(plan_.id, *reply.header, reply.payload, types.response.type);
        return std::move(why);
      });
}

status instance::call_bytes(const void* request, std::uint32_t bytes, std::uint16_t version,
                            std::vector<std::byte>& reply, rondo_envelope& header,
                            nanoseconds timeout, error_info& why) {
  const raw_message message{request, bytes};
  const call_codecs types{raw_codec(handler().request, bytes, version),
                          raw_codec(handler().response, 0, 0)};
  std::uint64_t id = 0;
  const auto failure = exchange(
      types, timeout,
      [&](reply_router::ticket& ticket, deadline& until) {
        return send_until(types.request, &message, ticket.correlation(), until, id, &ticket);
      },
      [&](const arrived& found) -> std::unique_ptr<error_info> {
        if ((found.header->flags & RONDO_FLAG_FAILED) != 0)
          return std::make_unique<error_info>(
              why_no_value(plan_.id, *found.header, found.payload, types.response.type));
        reply.assign(found.payload, found.payload + found.header->length);
        header = *found.header;
        return nullptr;
      });
  if (failure == nullptr) return RONDO_OK;
  why = std::move(*failure);
  return why.code;
}

status instance::send(const codec& request, const void* in, std::uint64_t& id, nanoseconds timeout,
                      error_info& why) {
  deadline until(clamp(timeout));
  const status code = send_until(request, in, 0, until, id, nullptr);
  return code == RONDO_OK ? code : explain(code, request, timeout, why);
}

std::unique_ptr<error_info> instance::send_batch(const codec& request, const void* messages,
                                                 std::uint64_t count, batch_sent& sent,
                                                 nanoseconds timeout) {
  deadline until(clamp(timeout));
  send_port::outgoing batch{request, static_cast<const std::byte*>(messages), count, sent};
  status code = RONDO_OK;
  try {
    code = count == 0 ? RONDO_OK : send_batch_until(batch, until);
  } catch (...) {
    if (sent.count == 0) throw;  // else the caller learns how many went, and meets it again
  }
  if (sent.count != 0 || code == RONDO_OK) [[likely]]
    return nullptr;
  return explained(code, request, timeout);
}

status instance::send_batch_until(send_port::outgoing& batch, deadline& until) {
  if (closed_.load(std::memory_order_acquire)) [[unlikely]]  // SYNC: closed
    return refusal();
  const status code = input_->try_send_batch(batch);
  if (code != RONDO_FULL) [[likely]]
    return code;
  return wait_to_send_batch(batch, until);
}

// There was no room for all of it.
status instance::wait_to_send_batch(send_port::outgoing& batch, deadline& until) {
  const bool waits_briefly = until.is_zero() && plan_.options.input_full == when_full::drop_oldest;
  deadline brief(oldest_patience_ns);
  deadline& end = waits_briefly ? brief : until;
  std::uint64_t before = 0;
  keep_for(until);
  for (patience waiting;;) {
    if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
    status code = when_input_full(false, batch.left());
    if (code == RONDO_DROPPED) batch.sent.dropped = batch.left();
    if (code != RONDO_OK) return code;
    if (end.is_zero()) return RONDO_FULL;
    if (batch.sent.count != before) waiting.found_work();
    else waiting.rest();
    if (end.passed()) return waits_briefly ? RONDO_FULL : RONDO_TIMEOUT;
    code = health();
    if (code != RONDO_OK) return code;
    before = batch.sent.count;
    if (closed_.load(std::memory_order_acquire)) return refusal();  // SYNC: closed
    code = input_->try_send_batch(batch);
    if (code != RONDO_FULL) return code;
  }
}

status instance::receive(const codec& response, void* out, rondo_envelope& header,
                         nanoseconds timeout, error_info& why) {
  deadline until(clamp(timeout));
  status read = RONDO_OK;
  const status code = router_->receive(until, [&](const arrived& reply) {
    header = *reply.header;
    if (read_value(reply, response, out)) return;
    why = why_no_value(plan_.id, header, reply.payload, response.type);
    read = why.code;
  });
  return code == RONDO_OK ? read : explain(code, response, timeout, why);
}

std::unique_ptr<error_info> instance::receive_batch(const codec& response, const reply_sink& sink,
                                                    std::uint64_t most, std::uint64_t& taken,
                                                    nanoseconds timeout) {
  deadline until(clamp(timeout));
  const status code = router_->receive_batch(until, sink, most, taken);
  if (code == RONDO_OK) [[likely]]
    return nullptr;
  return explained(code, response, timeout);
}

}  // namespace rondo::detail
