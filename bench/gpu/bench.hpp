// What the parts of the GPU benchmark share: samples, rows, and the peers.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gpu_bench {

inline std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

struct row {
  std::string name;
  std::string mode;
  std::uint32_t size_bytes = 0;
  std::uint32_t rings = 1;
  std::uint32_t host_threads = 1;
  std::uint64_t proof = 0;  // replies, or other results, that were checked
  double per_second = 0;
  double gigabytes_per_second = 0;  // each way; of a neighbour what it copies
  std::vector<double> runs{};       // the rates of each, in ascending order
  double per_look = 0;              // messages that a kernel took for each look at its input
  double ratio = 0;                 // of a neighbour's median time, beside and alone
  double alone_ns = 0;              // of a neighbour: the median without kernels, before and after
  std::vector<std::uint64_t> samples{};
  std::string failure{};

  double at(double part) const {
    if (samples.empty()) return 0;
    std::vector<std::uint64_t> sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    const auto i = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
    return static_cast<double>(sorted[i]);
  }
};

// A pause of 0 to 2 µs keeps a sender out of step with the poll.
inline void random_pause(std::uint64_t& seed) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  const std::uint64_t end = now_ns() + (seed >> 53);
  while (now_ns() < end) {
  }
}

// Launch and synchronize for each request, on mapped memory, as a graph, and with copies.
std::vector<row> measure_peers(int count);

// How long a device copy and a copy to the host take, nanoseconds.
class neighbours {
 public:
  static constexpr std::size_t device_bytes = std::size_t{1} << 30;
  static constexpr std::size_t host_bytes = std::size_t{256} << 20;

  neighbours();
  ~neighbours();
  neighbours(const neighbours&) = delete;
  neighbours& operator=(const neighbours&) = delete;
  std::uint64_t device_copy_ns();
  std::uint64_t host_copy_ns();

 private:
  struct parts;
  parts* parts_;
};

}  // namespace gpu_bench
