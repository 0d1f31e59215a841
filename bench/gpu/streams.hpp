// Streams of requests and replies between host threads and kernels on a GPU, and what the other
// cases share of launching and ending kernels.
#pragma once

#include "bench.hpp"

#include <rondo/runtime.hpp>

#include <pthread.h>

namespace gpu_bench {

struct stream_shape {
  std::uint32_t size_bytes;  // 64 or 65536
  std::uint32_t rings;       // each with a kernel of its own
  std::uint32_t threads;     // of the host; ring i belongs to thread i modulo threads
  std::uint32_t block = 512;
  std::uint32_t window =
      0;  // messages on their way in one ring, at most; 0: as is best for the size
  std::uint32_t batch = 0;  // messages sent at once; 0 likewise
};

inline constexpr stream_shape standard_streams[] = {
    {64, 1, 1}, {64, 8, 2}, {64, 32, 4}, {65536, 1, 1}, {65536, 16, 4}};

std::string name_of(const stream_shape& shape);

// One run. Throws what the runtime throws, and if a reply is wrong or missing.
row measure_stream(rondo::runtime& rt, const stream_shape& shape, double seconds);

// The run with the median rate; its `runs` has all rates, its proof all replies. What else the host
// does shows in a stream of messages.
row median_of(std::vector<row> runs);

// Keeps the calling thread on one processor, thread i of several on a core of its own as long as
// there are enough. Not while a kernel is launched: the threads that the runtime makes would stay
// there too.
class pinned {
 public:
  explicit pinned(unsigned i);
  ~pinned();
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;

 private:
  cpu_set_t before_;
};

rondo::launch_options how(const std::string& id, const std::string& placement = "pinned");

template <class H>
rondo::kernel<H> launch(rondo::runtime& rt, const rondo::launch_options& options) {
  auto kernel = rt.launch<H>(options);
  kernel.activate();
  return kernel;
}

template <class H>
void end(rondo::runtime& rt, rondo::kernel<H>& kernel) {
  using namespace std::chrono_literals;
  kernel.terminate({rondo::terminate_mode::discard, 2s});
  rt.remove(kernel.id());
}

}  // namespace gpu_bench
