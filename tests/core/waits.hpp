// Every function of the typed interface that waits for a kernel, as a table: for what must hold of
// all of them, on every backend.
#pragma once

#include "coroutine.hpp"

#include <rondo/runtime.hpp>
#include <rondo/select.hpp>

#include <future>
#include <vector>

namespace core_test {

// Of a kernel that is not active, whose input is full and whose output is empty.
template <class H>
struct wait_of {
  const char* name;
  rondo::status without_time;  // what it says with no time to wait
  rondo::status (*run)(rondo::kernel<H>&, rondo::nanoseconds);
};

template <class H>
std::vector<wait_of<H>> all_waits() {
  using kernel = rondo::kernel<H>;
  using request = typename H::request;
  using response = typename H::response;
  using rondo::nanoseconds;
  return {
      {"call", RONDO_TIMEOUT, [](kernel& k, nanoseconds t) { return k.call({}, t).code(); }},
      {"call with options", RONDO_TIMEOUT,
       [](kernel& k, nanoseconds t) { return k.call({}, t, rondo::send_options{}).code(); }},
      {"call_bytes", RONDO_TIMEOUT,
       [](kernel& k, nanoseconds t) {
         const request in{};
         std::vector<std::byte> bytes(rondo::detail::describe_message<request>().max_bytes), reply;
         const auto size =
             rondo::encode(in, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
         return k
             .call_bytes(bytes.data(), static_cast<std::uint32_t>(size),
                         static_cast<std::uint16_t>(rondo::detail::message_of<request>.version),
                         reply, t)
             .code();
       }},
      {"call_async", RONDO_TIMEOUT,
       [](kernel& k, nanoseconds t) { return k.call_async({}, t).get().code(); }},
      {"co_call", RONDO_TIMEOUT,
       [](kernel& k, nanoseconds t) {
         std::promise<rondo::status> done;
         [](kernel& with, nanoseconds timeout, auto& to) -> detached {
           const auto reply = co_await with.co_call({}, timeout);
           to.set_value(reply.code());
         }(k, t, done);
         return done.get_future().get();
       }},
      {"send", RONDO_FULL, [](kernel& k, nanoseconds t) { return k.send({}, t).code(); }},
      {"send with options", RONDO_FULL,
       [](kernel& k, nanoseconds t) { return k.send({}, t, rondo::send_options{}).code(); }},
      {"send_batch", RONDO_FULL,
       [](kernel& k, nanoseconds t) { return k.send_batch(std::vector<request>(1), t).code(); }},
      {"reserve", RONDO_FULL,
       [](kernel& k, nanoseconds t) {
         auto claimed = k.reserve(t);
         return claimed ? claimed->commit().code() : claimed.code();
       }},
      {"receive", RONDO_EMPTY, [](kernel& k, nanoseconds t) { return k.receive(t).code(); }},
      {"receive_batch", RONDO_EMPTY,
       [](kernel& k, nanoseconds t) {
         return k
             .receive_batch(
                 4, [](const rondo::reply_view<response>&) {}, t)
             .code();
       }},
      {"peek", RONDO_EMPTY, [](kernel& k, nanoseconds t) { return k.peek(t).code(); }},
      {"select", RONDO_EMPTY,
       [](kernel& k, nanoseconds t) { return rondo::select(t, k.as_receiver()).code(); }},
      {"selector", RONDO_EMPTY,
       [](kernel& k, nanoseconds t) {
         rondo::selector all;
         all.add(k.as_receiver());
         return all.wait(t).code();
       }},
      {"flush", RONDO_TIMEOUT, [](kernel& k, nanoseconds t) { return k.flush(t).code(); }},
  };
}

}  // namespace core_test
