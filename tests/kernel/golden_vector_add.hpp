// Golden cases of the reference scenario's messages, as samples/01_vector_add has them: every
// operation, inline and in device memory, success and failure.
#pragma once

#include "../samples/01_vector_add/vector_add.hpp"
#include "kernel/golden_kinds.hpp"

inline bool operator==(const vector_add_request& x, const vector_add_request& y) {
  return x.operation == y.operation && x.n == y.n && x.use_device_memory == y.use_device_memory &&
         x.a_buffer == y.a_buffer && x.b_buffer == y.b_buffer &&
         x.result_buffer == y.result_buffer && x.a == y.a && x.b == y.b;
}
inline bool operator==(const vector_add_response& x, const vector_add_response& y) {
  return x.success == y.success && x.error == y.error && x.processed == y.processed &&
         x.result_buffer == y.result_buffer && x.result == y.result && x.handler_ns == y.handler_ns;
}

namespace kernel_test {

// With the same fields, made of standard types.
struct std_request {
  vector_operation operation = vector_operation::add;
  std::uint32_t n = 0;
  bool use_device_memory = false;
  std::uint64_t a_buffer = 0, b_buffer = 0, result_buffer = 0;
  std::vector<float> a, b;

  bool operator==(const std_request&) const = default;
  template <class A>
  void serialize(A& ar) {
    ar(operation, n, use_device_memory, a_buffer, b_buffer, result_buffer, a, b);
  }
};

struct std_response {
  bool success = false;
  std::string error;
  std::uint32_t processed = 0;
  std::uint64_t result_buffer = 0;
  std::vector<float> result;
  std::uint64_t handler_ns = 0;

  bool operator==(const std_response&) const = default;
  template <class A>
  void serialize(A& ar) {
    ar(success, error, processed, result_buffer, result, handler_ns);
  }
};

inline golden_case request_case(const std::string& name, const std::string& about,
                                const std_request& from) {
  vector_add_request request;
  request.operation = from.operation;
  request.n = from.n;
  request.use_device_memory = from.use_device_memory;
  request.a_buffer.handle = from.a_buffer;
  request.b_buffer.handle = from.b_buffer;
  request.result_buffer.handle = from.result_buffer;
  for (const float x : from.a) request.a.push_back(x);
  for (const float x : from.b) request.b.push_back(x);
  return make_case("vector_add_request_" + name, "VectorAdd request: " + about, request, from);
}

inline golden_case response_case(const std::string& name, const std::string& about,
                                 const std_response& from) {
  vector_add_response response;
  response.success = from.success;
  response.processed = from.processed;
  response.result_buffer.handle = from.result_buffer;
  response.handler_ns = from.handler_ns;
  response.error.assign(from.error);
  for (const float x : from.result) response.result.push_back(x);
  return make_case("vector_add_response_" + name, "VectorAdd response: " + about, response, from);
}

// factor · i for i below n.
inline std::vector<float> ramp(std::uint32_t n, float factor) {
  std::vector<float> out;
  for (std::uint32_t i = 0; i < n; ++i) out.push_back(factor * static_cast<float>(i));
  return out;
}

inline void add_vector_add(std::vector<golden_case>& to) {
  using op = vector_operation;
  constexpr std::uint64_t a = 0x100000000, b = 0x200000001, result = 0x300000002;
  to.push_back(request_case("add_10", "add, 10 elements inline, b = 2i",
                            {op::add, 10, false, 0, 0, 0, ramp(10, 1), ramp(10, 2)}));
  to.push_back(request_case("add_25", "add, 25 elements inline, b = 3i",
                            {op::add, 25, false, 0, 0, 0, ramp(25, 1), ramp(25, 3)}));
  to.push_back(request_case("add_100", "add, 100 elements in device memory",
                            {op::add, 100, true, a, b, result, {}, {}}));
  to.push_back(request_case("subtract", "subtract, 1 element inline",
                            {op::subtract, 1, false, 0, 0, 0, {1.5f}, {-0.25f}}));
  to.push_back(request_case("multiply", "multiply, 2^20 elements in device memory",
                            {op::multiply, 1u << 20, true, a, b, result, {}, {}}));
  to.push_back(
      request_case("divide", "divide, no element", {op::divide, 0, false, 0, 0, 0, {}, {}}));
  to.push_back(response_case("inline", "success, 10 elements inline, 3i, 1234 ns",
                             {true, "", 10, 0, ramp(10, 3), 1234}));
  to.push_back(response_case("inline_max", "success, 25 elements inline, 4i, 5678 ns",
                             {true, "", 25, 0, ramp(25, 4), 5678}));
  to.push_back(response_case("device", "success, 100 elements in device memory, 910 ns",
                             {true, "", 100, result, {}, 910}));
  to.push_back(response_case("error", "no success, with an error text of 11 bytes",
                             {false, "not a float", 0, 0, {}, 12}));
}

}  // namespace kernel_test
