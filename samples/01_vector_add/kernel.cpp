// The kernel module: the handler, and the scenario that `rondo run vector_add` drives.
#include "vector_add.hpp"

#include <rondo/kernel/registration.hpp>
#include <rondo/kernel/scenario.hpp>

#include <utility>

RONDO_KERNEL(vector_add);

// Three messages: 10 elements in the message, 25 (as many as fit), and 100 in device memory. Every
// element is checked, and what else the response says.
struct reference_scenario {
  static constexpr const char* name = "reference";
  static constexpr std::uint32_t message_count = 3;

  struct message {
    const char* label;
    std::uint32_t n;
    float factor;  // b[i] = factor * i, a[i] = i
    bool in_device_memory;
  };
  static constexpr message messages[message_count] = {
      {"10 elements in the message", 10, 2, false},
      {"25 elements in the message, the most that fit", 25, 3, false},
      {"100 elements in device memory", 100, 4, true},
  };

  explicit reference_scenario(rondo::scenario_buffers buffers) : buffers_(buffers) {}
  reference_scenario(const reference_scenario&) = delete;
  reference_scenario& operator=(const reference_scenario&) = delete;
  ~reference_scenario() { release(); }

  vector_add_request next(std::uint32_t i, std::string& label) {
    const message& m = messages[i];
    label = m.label;
    std::vector<float> a, b;
    for (std::uint32_t k = 0; k < m.n; ++k) {
      a.push_back(static_cast<float>(k));
      b.push_back(m.factor * static_cast<float>(k));
    }
    vector_add_request request;
    request.n = m.n;
    request.use_device_memory = m.in_device_memory;
    if (m.in_device_memory) {
      release();
      request.a_buffer = a_ = buffers_.create<float>(m.n);
      request.b_buffer = b_ = buffers_.create<float>(m.n);
      request.result_buffer = result_ = buffers_.create<float>(m.n);
      buffers_.write(a_, a);
      buffers_.write(b_, b);
    } else {
      for (std::uint32_t k = 0; k < m.n; ++k) request.a.push_back(a[k]), request.b.push_back(b[k]);
    }
    return request;
  }

  void check(std::uint32_t i, const vector_add_response& response) {
    const message& m = messages[i];
    demand(response.success, "the handler says: " + response.error.to<std::string>());
    demand(response.error.empty(), "success comes with an error text");
    demand(response.processed == m.n, std::to_string(response.processed) + " elements processed");
    std::vector<float> result(response.result.begin(), response.result.end());
    if (m.in_device_memory) {
      demand(result.empty(), "a result in device memory comes with one in the message");
      demand(response.result_buffer == result_, "the result is in another buffer than asked for");
      result = buffers_.read<float>(result_, m.n);
    } else {
      demand(!response.result_buffer, "a result in the message comes with a buffer");
    }
    demand(result.size() == m.n, "the result has " + std::to_string(result.size()) + " elements");
    for (std::uint32_t k = 0; k < m.n; ++k) {
      const float expected = (1 + m.factor) * static_cast<float>(k);
      demand(result[k] == expected, "element " + std::to_string(k) + " is " +
                                        std::to_string(result[k]) + ", not " +
                                        std::to_string(expected));
    }
  }

 private:
  static void demand(bool holds, const std::string& otherwise) {
    if (!holds) throw std::runtime_error(otherwise);
  }
  void release() {
    for (auto* ref : {&a_, &b_, &result_})
      if (*ref) buffers_.release(std::exchange(*ref, {}));
  }

  rondo::scenario_buffers buffers_;
  rondo::buffer_ref a_, b_, result_;
};
RONDO_SCENARIO(vector_add, reference_scenario);
