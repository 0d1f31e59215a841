// Launches the vector_add kernel on the best backend there is, or the one that is named, and lets
// it add: first two short vectors that travel in the message, then two long ones that stay on the
// device.
#include "vector_add.hpp"

#include <rondo/runtime.hpp>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) try {
  using namespace std::chrono_literals;
  auto runtime = rondo::runtime::open();
  auto adder = runtime.launch<vector_add>({.backend = argc > 1 ? argv[1] : ""});
  adder.activate();

  vector_add_request small;
  small.n = 3;
  for (float x : {1.0f, 2.0f, 3.0f}) small.a.push_back(x), small.b.push_back(10 * x);
  const auto reply = adder.call(small, 5s);
  std::printf("in the message: %g %g %g\n", reply->result[0], reply->result[1], reply->result[2]);

  const std::vector<float> a(1000, 2.5f), b(1000, 4.0f);
  auto on_device = [&](const std::vector<float>& values) {
    auto buffer = adder.create_buffer(values.size() * sizeof(float));
    buffer.write(std::span(values));
    return buffer;
  };
  const auto a_buffer = on_device(a), b_buffer = on_device(b), result = on_device(a);
  vector_add_request large;
  large.operation = vector_operation::multiply;
  large.n = 1000;
  large.use_device_memory = true;
  large.a_buffer = a_buffer.ref();
  large.b_buffer = b_buffer.ref();
  large.result_buffer = result.ref();
  const auto done = adder.call(large, 5s);
  const auto values = result.read<float>(1000);
  std::printf("on the device: %u elements, the last is %g\n", done->processed, values.back());

  const auto counted = adder.snapshot();
  std::printf("the kernel handled %llu requests\n",
              static_cast<unsigned long long>(counted.messages_in));
  adder.terminate();
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "vector_add: %s\n", failed.what());
  return 1;
}
