// Series of measurements, too long for a message: they lie in buffers, and messages say which part
// of which buffer is meant. Included by the kernel module and by its callers.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstdint>

struct smooth_request {
  rondo::buffer_slice series;     // of floats
  rondo::buffer_ref left, right;  // two places for the result
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(series, left, right);
  }
};
RONDO_MESSAGE(smooth_request, "SmoothRequest", 1, plain);

struct smooth_response {
  rondo::buffer_slice result;  // in one of the two
  float largest = 0;
  std::uint32_t count = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(result, largest, count);
  }
};
RONDO_MESSAGE(smooth_response, "SmoothResponse", 1, plain);

// The mean of each value and its neighbours, into the two places by turns.
struct smoother {
  static constexpr rondo::handler_id id{"Smoother"};
  using request = smooth_request;
  using response = smooth_response;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    const rondo::buffer_ref place = turn % 2 == 0 ? in.left : in.right;
    const auto from = ctx.resolve<const float>(in.series);
    const auto to = ctx.resolve<float>(place);
    if (!from || from.size < 3)
      return ctx.fail(1, "the series is no part of a buffer, or too short");
    if (to.size < from.size - 2) return ctx.fail(2, "the result does not fit");
    ++turn;
    for (std::uint64_t i = 0; i + 2 < from.size; ++i) {
      to[i] = (from[i] + from[i + 1] + from[i + 2]) / 3;
      if (i == 0 || to[i] > out.largest) out.largest = to[i];
    }
    out.count = static_cast<std::uint32_t>(from.size - 2);
    out.result = {place, 0, out.count * sizeof(float)};
  }

  std::uint32_t turn = 0;
};
