// How long a number takes to come down to one: the messages and the handler, included by the kernel
// module and by its callers.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstdint>

struct collatz_request {
  std::uint64_t n = 1;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(n);
  }
};
RONDO_MESSAGE(collatz_request, "CollatzRequest", 1, plain);

struct collatz_response {
  std::uint64_t steps = 0;
  std::uint64_t highest = 0;  // on the way
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(steps, highest);
  }
};
RONDO_MESSAGE(collatz_response, "CollatzResponse", 1, plain);

struct collatz {
  static constexpr rondo::handler_id id{"Collatz"};
  using request = collatz_request;
  using response = collatz_response;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    if (in.n == 0) return ctx.fail(1, "zero never comes down to one");
    out.highest = in.n;
    for (std::uint64_t n = in.n; n != 1; ++out.steps) {
      n = n % 2 == 0 ? n / 2 : 3 * n + 1;
      if (n > out.highest) out.highest = n;
    }
  }
};
