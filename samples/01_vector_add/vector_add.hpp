// Element-wise arithmetic on two vectors: the messages and the handler, included by the kernel
// module and by its callers. Up to 25 elements travel in the message; more lie in buffers on the
// kernel's device and travel as handles.
#pragma once

#include <rondo/kernel/dispatch.hpp>

enum class vector_operation : std::int32_t { add, subtract, multiply, divide };

inline constexpr std::uint32_t inline_elements = 25;

struct vector_add_request {
  vector_operation operation = vector_operation::add;
  std::uint32_t n = 0;             // elements
  bool use_device_memory = false;  // the operands are a_buffer and b_buffer, not a and b
  rondo::buffer_ref a_buffer, b_buffer, result_buffer;
  rondo::bounded_vector<float, inline_elements> a, b;

  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(operation, n, use_device_memory, a_buffer, b_buffer, result_buffer, a, b);
  }
};
RONDO_MESSAGE(vector_add_request, "VectorAddRequestMessage", 1, encoded);

struct vector_add_response {
  bool success = false;
  rondo::bounded_string<64> error;
  std::uint32_t processed = 0;  // elements
  rondo::buffer_ref result_buffer;
  rondo::bounded_vector<float, inline_elements> result;
  std::uint64_t handler_ns = 0;

  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(success, error, processed, result_buffer, result, handler_ns);
  }
};
RONDO_MESSAGE(vector_add_response, "VectorAddResponseMessage", 1, encoded);

struct vector_add {
  static constexpr rondo::handler_id id{"VectorAddProcessor"};
  using request = vector_add_request;
  using response = vector_add_response;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    const std::uint64_t begin = ctx.now_ns();
    if (in.use_device_memory) in_buffers(in, out, ctx);
    else in_message(in, out);
    out.handler_ns = ctx.now_ns() - begin;
  }

 private:
  RONDO_HANDLER static float apply(vector_operation operation, float x, float y) {
    switch (operation) {
      case vector_operation::add: return x + y;
      case vector_operation::subtract: return x - y;
      case vector_operation::multiply: return x * y;
      case vector_operation::divide: return x / y;
    }
    return 0;
  }

  RONDO_HANDLER static void in_message(const request& in, response& out) {
    if (in.n > inline_elements || in.a.size() != in.n || in.b.size() != in.n) {
      out.error = "n must be the size of a and b, at most 25";
      return;
    }
    out.result.resize(in.n);
    for (std::uint32_t i = 0; i < in.n; ++i) out.result[i] = apply(in.operation, in.a[i], in.b[i]);
    out.processed = in.n;
    out.success = true;
  }

  RONDO_HANDLER static void in_buffers(const request& in, response& out, rondo::context& ctx) {
    const auto a = ctx.resolve<const float>(in.a_buffer);
    const auto b = ctx.resolve<const float>(in.b_buffer);
    const auto result = ctx.resolve<float>(in.result_buffer);
    if (a.size < in.n || b.size < in.n || result.size < in.n) {
      out.error = "a buffer is not alive or shorter than n elements";
      return;
    }
    for (std::uint32_t i = 0; i < in.n; ++i) result[i] = apply(in.operation, a[i], b[i]);
    out.processed = in.n;
    out.result_buffer = in.result_buffer;
    out.success = true;
  }
};
