// rondo_pool_bench [KERNELS] [PLUGINS]: idle cost and memory of many kernels in a pool, how long it
// takes to wake one, and messages a second round all of them. The other kind of threads stands
// beside it where it can: with one kernel for waking, with 200 for the round. Every reply is
// checked.
#include "kernels.hpp"

#include <rondo/kernel/module.hpp>
#include <rondo/runtime.hpp>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace bench {

RONDO_KERNEL(replier_64);

}  // namespace bench

RONDO_MODULE("pool_bench");

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using kernel = rondo::kernel<bench::replier_64>;
using rondo::kernel_threads;

const char* name_of(kernel_threads kind) {
  return kind == kernel_threads::pool ? "pool" : "dedicated";
}

rondo::runtime open(const char* plugins) {
  rondo::runtime_options options;
  options.plugin_paths = {plugins};
  options.standard_plugin_paths = false;
  options.only_backends = {"cpu"};
  options.standard_kernel_paths = false;
  options.linked_modules = {&rondo_module_entry};
  return rondo::runtime::open(options);
}

std::vector<kernel> start(rondo::runtime& runtime, std::size_t count, kernel_threads kind) {
  std::vector<kernel> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(runtime.launch<bench::replier_64>({.id = fmt::format("k{}", i),
                                                     .input_capacity = 2,
                                                     .output_capacity = 2,
                                                     .wait = rondo::wait_policy::park,
                                                     .threads = kind,
                                                     .failure_text = 0}));
    all.back().activate();
  }
  return all;
}

void check(bool right, const char* what) {
  if (right) return;
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

std::uint64_t resident_bytes() {
  std::uint64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double processor_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

void call(kernel& k, std::uint64_t nonce) {
  bench::replier_64::request request{};
  request.nonce = nonce;
  const auto reply = k.call(request, 10s);
  check(static_cast<bool>(reply), "a call failed");
  check(reply->nonce == bench::mark(nonce), "a reply is another's");
}

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

void measure_idle(const char* plugins, std::size_t count) {
  auto runtime = open(plugins);
  const std::uint64_t bytes = resident_bytes();
  const auto begin = clock_type::now();
  auto all = start(runtime, count, kernel_threads::pool);
  fmt::print("launch and activate, {} kernels   {:8.2f} us each\n", count,
             1e6 * seconds_since(begin) / static_cast<double>(count));
  for (std::size_t i = 0; i < count; ++i) call(all[i], i);
  fmt::print("memory of one, after a call       {:8.0f} bytes\n",
             static_cast<double>(resident_bytes() - bytes) / static_cast<double>(count));
  std::this_thread::sleep_for(100ms);
  const double before = processor_ms();
  std::this_thread::sleep_for(1s);
  fmt::print("processor time of all in a second {:8.3f} ms\n", processor_ms() - before);
}

// One kernel that has gone to sleep before each call.
void measure_wake(const char* plugins, kernel_threads kind) {
  auto runtime = open(plugins);
  auto all = start(runtime, 1, kind);
  std::vector<double> us;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    std::this_thread::sleep_for(200us);
    const auto begin = clock_type::now();
    call(all[0], i);
    us.push_back(1e6 * seconds_since(begin));
  }
  std::sort(us.begin(), us.end());
  fmt::print("call of a sleeping kernel, {:9}  {:7.1f} us p50, {:7.1f} us p99\n", name_of(kind),
             us[us.size() / 2], us[us.size() * 99 / 100]);
}

// One sender and one receiver, a message to each kernel in turn.
double measure_round(const char* plugins, kernel_threads kind, std::size_t count) {
  auto runtime = open(plugins);
  auto all = start(runtime, count, kind);
  const std::uint64_t rounds = std::max<std::size_t>(200'000 / count, 1);
  const auto begin = clock_type::now();
  std::jthread sender([&] {
    bench::replier_64::request request{};
    for (std::uint64_t r = 0; r < rounds; ++r)
      for (auto& k : all) {
        request.nonce = r;
        check(static_cast<bool>(k.send(request, 10s)), "a send failed");
      }
  });
  for (std::uint64_t r = 0; r < rounds; ++r)
    for (auto& k : all) {
      const auto reply = k.receive(10s);
      check(reply && reply->outcome && reply->outcome->nonce == bench::mark(r), "a reply is wrong");
    }
  const double rate = static_cast<double>(rounds * count) / seconds_since(begin);
  fmt::print("round of {:5} kernels, {:9}      {:8.0f} messages/s\n", count, name_of(kind), rate);
  return rate;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  const char* plugins = argc > 2 ? argv[2] : "lib/rondo/plugins";
  if (count == 0) return 2;
  try {
    measure_idle(plugins, count);
    for (int repeat = 0; repeat < 3; ++repeat) {
      measure_wake(plugins, kernel_threads::dedicated);
      measure_wake(plugins, kernel_threads::pool);
    }
    for (int repeat = 0; repeat < 3; ++repeat) {
      const double own = measure_round(plugins, kernel_threads::dedicated, 200);
      const double shared = measure_round(plugins, kernel_threads::pool, 200);
      fmt::print("pool / dedicated, 200 kernels      {:7.2f}\n", shared / own);
      measure_round(plugins, kernel_threads::pool, count);
    }
  } catch (const std::exception& failed) {
    fmt::print(stderr, "{}\n", failed.what());
    return 1;
  }
}
