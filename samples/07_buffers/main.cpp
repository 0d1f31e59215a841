// Data that stays where it is while messages about it travel: a part of a buffer goes out, the
// handle of another comes back, and what the handler wrote is read in place. The backend is the
// argument; without one it is the best there is.
#include "series.hpp"

#include <rondo/runtime.hpp>

#include <cstdio>
#include <span>
#include <vector>

using namespace std::chrono_literals;

namespace {

void print(const char* what, const rondo::error_info& refused) {
  std::printf("%s: %s\n", what, refused.message.c_str());
}

// The reply names a buffer; who reads it needs no variable of its own for each that there is.
void print_result(const rondo::kernel_handle& kernel, const smooth_response& said) {
  const rondo::buffer found = kernel.find_buffer(said.result.buffer);
  const auto values = found.host_span<float>();
  std::printf("%u values, the largest is %g, the first %g, the last %g\n", said.count,
              static_cast<double>(said.largest), static_cast<double>(values[0]),
              static_cast<double>(values[said.count - 1]));
}

}  // namespace

int main(int argc, char** argv) try {
  auto runtime = rondo::runtime::open();
  auto kernel = runtime.launch<smoother>({.backend = argc > 1 ? argv[1] : ""});
  kernel.activate();

  // Read often by the handler and never by the host: device memory. The host copies it in.
  auto series = kernel.create_buffer(1000 * sizeof(float));
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  series.write(std::span<const float>(values));

  // Written once and read by the host: memory that it sees.
  const auto left = kernel.create_buffer(100 * sizeof(float), rondo::memory::host_visible);
  const auto right = kernel.create_buffer(100 * sizeof(float), rondo::memory::host_visible);

  const auto smooth = [&](const rondo::buffer_slice& part) {
    return kernel.call({part, left.ref(), right.ref()}, 5s);
  };
  print_result(kernel, smooth(series.slice(0, 12 * sizeof(float))).value());
  print_result(kernel, smooth(series.slice(900 * sizeof(float))).value());

  // Nobody can ask for more than there is, neither here nor by a message that was made up.
  try {
    (void)series.slice(900 * sizeof(float), 101 * sizeof(float));
  } catch (const rondo::error& refused) {
    print("a slice beyond the end", refused.info());
  }
  print("the same, made up",
        smooth({series.ref(), 900 * sizeof(float), 101 * sizeof(float)}).failure());
  try {
    (void)series.host_span<float>();
  } catch (const rondo::error& refused) {
    print("device memory, looked at", refused.info());
  }

  // The memory lives as long as the last copy of its buffer, whatever becomes of the kernel.
  runtime.close();
  std::printf("after the end, %g is still there\n",
              static_cast<double>(left.host_span<float>()[9]));
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "buffers: %s\n", failed.what());
  return 1;
}
