// Reads /proc, the scheduler and the repository that the program lies in.
#include "machine.hpp"

#include <rondo/error.hpp>

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <thread>

namespace bench {
namespace {

template <class F>
double best_ns_of(F&& one, double ns_per_tick) {
  constexpr int each = 1000;
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t begin = ticks();
    for (int i = 0; i < each; ++i) one();
    best = std::min(best, static_cast<double>(ticks() - begin) * ns_per_tick / each);
  }
  return best;
}

clock_scale measure_scale() {
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  const std::uint64_t first = ticks();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto end = clock::now();
  const std::uint64_t last = ticks();
  clock_scale s;
  s.ns_per_tick = std::chrono::duration<double, std::nano>(end - begin).count() /
                  static_cast<double>(last - first);
  s.stamp_ns = best_ns_of([] { ticks(); }, s.ns_per_tick);
  s.pause_ns = best_ns_of([] { pause(); }, s.ns_per_tick);
  return s;
}

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// The first line that a command prints, or nothing if it fails.
std::string first_line_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  char line[256] = {};
  if (pipe == nullptr || std::fgets(line, sizeof line, pipe.get()) == nullptr) return {};
  line[std::strcspn(line, "\n")] = '\0';
  return line;
}

// A bundle says what it was built from. A build tree lies in the repository, so git finds that from
// the program's own directory.
std::string commit() {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed || self.native().find('\'') != std::string::npos) return "unknown";
  std::ifstream bundled(self.parent_path().parent_path() / "COMMIT");
  std::string stated;
  if (std::getline(bundled, stated) && !stated.empty()) return stated;
  const auto found = first_line_of("git -C '" + self.parent_path().native() +
                                   "' describe --always --dirty --tags 2>/dev/null");
  return found.empty() ? "unknown" : found;
}

std::string compiler() {
#if defined(__clang__)
  std::string name = "Clang " __clang_version__;
#else
  std::string name = "GCC " __VERSION__;
#endif
#if !defined(__OPTIMIZE__)
  name += ", not optimized";
#endif
  return name;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

const clock_scale& scale() {
  static const clock_scale measured = measure_scale();
  return measured;
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

void pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    throw rondo::error(
        RONDO_INVALID_ARGUMENT, fmt::format("processor {}", cpu),
        fmt::format("a thread cannot be pinned to it: {}", std::strerror(errno)),
        "Name processors that this process may use with --client-cpu and --worker-cpu");
}

std::uint64_t preemptions() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_nivcsw);
}

machine_description describe_machine() {
  utsname system{};
  uname(&system);
  return {cpu_model(), fmt::format("{} {}", system.sysname, system.release), compiler(), commit(),
          utc_now()};
}

}  // namespace bench
