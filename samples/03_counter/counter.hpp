// A handler that remembers: the messages and the handler, included by the kernel module and by its
// callers.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstdint>

struct count_request {
  std::int64_t value = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(value);
  }
};
RONDO_MESSAGE(count_request, "CountRequest", 1, plain);

struct count_response {
  std::uint64_t count = 0;
  std::int64_t sum = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(count, sum);
  }
};
RONDO_MESSAGE(count_response, "CountResponse", 1, plain);

struct counter {
  static constexpr rondo::handler_id id{"Counter"};
  using request = count_request;
  using response = count_response;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    if (in.value < 0) return ctx.fail(1, "it counts up only");
    ++count;
    sum += in.value;
    out.count = count;
    out.sum = sum;
  }

  // The kernel's state. One kernel has one, and requests come one after the other: no lock, no
  // atomic.
  std::uint64_t count = 0;
  std::int64_t sum = 0;
};
