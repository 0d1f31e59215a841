// rondo_gpu_bench: round trips, streams and lives of kernels on a GPU through the typed public API,
// beside what a user would launch instead. Every reply is checked against a function of a random
// nonce that only the device computes.
#include "bench.hpp"
#include "kernels.hpp"
#include "streams.hpp"

#include <rondo/runtime.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

namespace gpu_bench {
namespace {

using namespace std::chrono_literals;

struct settings {
  double seconds = 0.5;
  int repeat = 5;
  int round_trips = 20'000;
  std::uint32_t block = 0, window = 0, batch = 0;
  std::string filter;
  std::string json_file;
};

class bench {
 public:
  explicit bench(const settings& s) : settings_(s), rt_(rondo::runtime::open()) {}

  std::vector<row> rows;

  // Runs a case whose name contains the filter; one that fails is told and the others go on.
  void add(const std::string& name, const std::function<row()>& run) {
    if (!settings_.filter.empty() && name.find(settings_.filter) == std::string::npos) return;
    row r;
    try {
      r = run();
    } catch (const std::exception& e) {
      r.failure = e.what();
    }
    r.name = name;
    if (!r.failure.empty()) fmt::print("{:44} {}\n", name, r.failure);
    else if (r.ratio != 0)
      fmt::print("{:44} {:.4f} of the time alone, {:.0f} GB/s\n", name, r.ratio,
                 r.gigabytes_per_second);
    else if (!r.samples.empty())
      fmt::print("{:44} p50 {:8.0f} p99 {:8.0f} p99.9 {:8.0f} max {:9.0f} ns, {} checked\n", name,
                 r.at(0.5), r.at(0.99), r.at(0.999), r.at(1), r.proof);
    else
      fmt::print(
          "{:44} {:8.2f} M/s {:6.2f} GB/s each way, {:.2f} to {:.2f} in {} runs, {:.0f} a look, {} "
          "checked\n",
          name, r.per_second / 1e6, r.gigabytes_per_second, r.runs.front() / 1e6,
          r.runs.back() / 1e6, r.runs.size(), r.per_look, r.proof);
    std::fflush(stdout);
    rows.push_back(std::move(r));
  }

  // `with` asks for what else the launch shall have.
  template <class Handler = replier>
  row call(
      const std::string& placement,
      const std::function<void(rondo::launch_options&)>& with = [](rondo::launch_options&) {}) {
    auto options = how("call", placement);
    options.wait = rondo::wait_policy::spin;
    with(options);
    auto kernel = launch<Handler>(rt_, options);
    row r = usual_round_trips(kernel, placement == "event" ? 10 : 1);
    gpu_bench::end(rt_, kernel);
    return r;
  }

  // A call while another thread takes a snapshot of the kernel's counters each millisecond.
  row call_while_read() {
    auto options = how("call", "pinned");
    options.wait = rondo::wait_policy::spin;
    auto kernel = launch<replier>(rt_, options);
    std::atomic<std::uint64_t> snapshots{0};
    std::jthread reader([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(1ms);
        if (kernel.snapshot().messages_in != 0) ++snapshots;
      }
    });
    row r = usual_round_trips(kernel, 1);
    reader.request_stop();
    reader.join();
    if (snapshots == 0) throw std::runtime_error("nobody read the counters");
    gpu_bench::end(rt_, kernel);
    return r;
  }

  // A call whose handler uses a buffer.
  template <class Handler>
  row buffer_call(rondo::memory kind) {
    auto options = how("call", "pinned");
    options.wait = rondo::wait_policy::spin;
    auto kernel = launch<Handler>(rt_, options);
    auto data = kernel.create_buffer(4096, kind);
    data.template write<std::uint64_t>(std::vector<std::uint64_t>(512));
    buffer_request q{};
    q.data = data.ref();
    q.value[6] = 7;
    std::uint64_t left = 0;
    row r = round_trips(kernel, q, 1, [&](const response& reply) {
      left = reply.proof;
      return reply.value[6] == 7;
    });
    if (std::is_same_v<Handler, buffer_writer> &&
        data.template read<std::uint64_t>(1).front() != left)
      throw std::runtime_error("the buffer has not what the handler wrote");
    gpu_bench::end(rt_, kernel);
    return r;
  }

  row stream(const stream_shape& shape) {
    std::vector<row> all;
    for (int i = 0; i < std::max(1, settings_.repeat); ++i)
      all.push_back(measure_stream(rt_, shape, settings_.seconds));
    return median_of(std::move(all));
  }

  row life(bool of_launch) {
    row r{.name = "", .mode = of_launch ? "launch_to_first_poll" : "stop"};
    for (int i = 0; i < 210; ++i) {
      auto options = how("life");
      options.input_capacity = options.output_capacity = 16;
      auto kernel = rt_.launch<replier>(options);
      const std::uint64_t launched = now_ns();
      kernel.terminate({rondo::terminate_mode::discard, 1s});
      const std::uint64_t stopped = now_ns();
      kernel.relaunch();
      const std::uint64_t again = now_ns();
      kernel.terminate({rondo::terminate_mode::discard, 1s});
      rt_.remove("life");
      if (i < 10) continue;
      ++r.proof;
      // The first launch of a kernel also makes its queues; a relaunch is the grid alone.
      r.samples.push_back(of_launch ? again - stopped : stopped - launched);
    }
    return r;
  }

  // The ratio of a neighbour's time beside 96 idle kernels and alone; alone is measured on both
  // sides.
  row neighbour(bool device_copy) {
    neighbours work;
    const auto times = [&] {
      std::vector<std::uint64_t> each;
      for (int i = 0; i < 101; ++i)
        each.push_back(device_copy ? work.device_copy_ns() : work.host_copy_ns());
      return each;
    };
    times();
    row alone{.name = "", .mode = "neighbour", .samples = times()};
    std::vector<rondo::kernel<replier>> kernels;
    for (int i = 0; i < 96; ++i) {
      auto options = how("idle-" + std::to_string(i));
      options.input_capacity = options.output_capacity = 16;
      kernels.push_back(launch<replier>(rt_, options));
    }
    std::this_thread::sleep_for(1s);
    row r{.name = "", .mode = "neighbour", .rings = 96, .samples = times()};
    for (auto& kernel : kernels) {
      request q{};
      q.nonce = now_ns();
      if (kernel.call(q, 5s)->proof != expected_mark(q.nonce))
        throw std::runtime_error("a wrong reply");
      ++r.proof;
    }
    for (auto& kernel : kernels) gpu_bench::end(rt_, kernel);
    const double before = alone.at(0.5);
    alone.samples = times();
    r.alone_ns = (before + alone.at(0.5)) / 2;
    r.ratio = r.at(0.5) / r.alone_ns;
    r.gigabytes_per_second =
        static_cast<double>(device_copy ? neighbours::device_bytes : neighbours::host_bytes) /
        r.at(0.5);
    return r;
  }

 private:
  template <class Kernel>
  row usual_round_trips(Kernel& kernel, int fewer) {
    request q{};
    for (std::uint32_t k = 0; k < 14; ++k) q.value[k] = static_cast<float>(k + 1);
    return round_trips(kernel, q, fewer,
                       [](const response& reply) { return reply.value[6] == 7 + 14; });
  }

  template <class Kernel, class Request>
  row round_trips(Kernel& kernel, Request q, int fewer, auto is_right) {
    const pinned here(0);
    row r{.name = "", .mode = "round_trip", .size_bytes = 64};
    std::uint64_t seed = now_ns();
    for (int i = 0; i < settings_.round_trips / fewer + 1000; ++i) {
      random_pause(seed);
      q.nonce = seed | 1;
      const std::uint64_t begin = now_ns();
      const auto reply = kernel.call(q, 5s);
      const std::uint64_t end = now_ns();
      if (reply->proof != expected_mark(q.nonce) || !is_right(*reply))
        throw std::runtime_error("a wrong reply");
      if (i < 1000) continue;
      ++r.proof;
      r.samples.push_back(end - begin);
    }
    return r;
  }

  const settings settings_;
  rondo::runtime rt_;
};

// What each costs a call, beside the one without any.
struct option {
  const char* name;
  void (*ask)(rondo::launch_options&);
};
constexpr option call_options[] = {
    {"counted", [](auto& o) { o.publish = rondo::publish_policy::counted; }},
    {"urgent_lane", [](auto& o) { o.urgent_lane = true; }},
    {"timed", [](auto& o) { o.timed = true; }},
    {"input_reject", [](auto& o) { o.input_full = rondo::when_full::reject; }},
    {"input_drop_oldest", [](auto& o) { o.input_full = rondo::when_full::drop_oldest; }},
    {"output_reject", [](auto& o) { o.output_full = rondo::when_full::reject; }},
    {"output_drop_newest", [](auto& o) { o.output_full = rondo::when_full::drop_newest; }},
    {"one_sender", [](auto& o) { o.one_sender = true; }},
    {"wait_default", [](auto& o) { o.wait = rondo::wait_policy::backend_default; }},
    {"lease", [](auto& o) { o.lease = 500ms; }},
    {"failure_text_48", [](auto& o) { o.failure_text = 48; }},
    {"duplicate_window", [](auto& o) { o.duplicate_window = 1024; }},
    {"handler_deadline", [](auto& o) { o.handler_deadline = 1s; }},
    {"avoid_mapped", [](auto& o) { o.avoid_mapped = true; }},
    {"pump", [](auto& o) { o.pump = rondo::pump_policy::always; }},
};

struct goal {
  const char* of;
  double limit;
  bool at_most;
  double (*figure)(const row&);
  const char* unit;
};

double p50(const row& r) { return r.at(0.5); }
constexpr goal goals[] = {
    {"rondo/call/64/pinned", 2600, true, p50, "ns p50"},
    {"rondo/call/64/bar", 2100, true, p50, "ns p50"},
    {"rondo/stream/64/1-ring-1-thread", 50e6, false, [](const row& r) { return r.per_second; },
     "/s"},
    {"rondo/stream/64/32-rings-4-threads", 250e6, false, [](const row& r) { return r.per_second; },
     "/s"},
    {"rondo/stream/65536/16-rings-4-threads", 20, false,
     [](const row& r) { return r.gigabytes_per_second; }, "GB/s"},
    {"rondo/life/launch", 30'000, true, p50, "ns p50"},
    {"rondo/life/stop", 20'000, true, p50, "ns p50"},
    {"neighbour/device-copy/96-idle", 1.03, true, [](const row& r) { return r.ratio; }, "x"},
    {"neighbour/host-copy/96-idle", 1.03, true, [](const row& r) { return r.ratio; }, "x"},
};

nlohmann::json to_json(const row& r) {
  nlohmann::json j{{"name", r.name},
                   {"mode", r.mode},
                   {"size_bytes", r.size_bytes},
                   {"rings", r.rings},
                   {"host_threads", r.host_threads},
                   {"proof", r.proof}};
  if (!r.failure.empty()) j["failure"] = r.failure;
  if (!r.samples.empty()) {
    j["p50_ns"] = r.at(0.5);
    j["p99_ns"] = r.at(0.99);
    j["p999_ns"] = r.at(0.999);
    j["max_ns"] = r.at(1);
    j["samples_ns"] = r.samples;
  }
  if (r.per_second != 0) {
    j["per_second"] = r.per_second;
    j["runs_per_second"] = r.runs;
    j["gigabytes_per_second_each_way"] = r.gigabytes_per_second;
    j["messages_per_look"] = r.per_look;
  }
  if (r.ratio != 0) {
    j["ratio"] = r.ratio;
    j["alone_ns"] = r.alone_ns;
    j["gigabytes_per_second"] = r.gigabytes_per_second;
  }
  return j;
}

int run(const settings& s) {
  bench b(s);
  try {
    const pinned here(0);
    for (row& r : measure_peers(s.round_trips / 4)) b.add(r.name, [&] { return r; });
  } catch (const std::exception& e) {
    b.add("peer", [&]() -> row { throw std::runtime_error(e.what()); });
  }
  for (const char* placement : {"pinned", "bar", "event"})
    b.add(std::string("rondo/call/64/") + placement, [&] { return b.call(placement); });
  for (const option& each : call_options)
    b.add(std::string("rondo/call/64/pinned/") + each.name,
          [&] { return b.call("pinned", each.ask); });
  b.add("rondo/call/64/pinned/timer-each-ms", [&] { return b.call<timed_replier>("pinned"); });
  b.add("rondo/call/64/pinned/read-each-ms", [&] { return b.call_while_read(); });
  b.add("rondo/call/64/pinned/buffer-read",
        [&] { return b.buffer_call<buffer_reader>(rondo::memory::device); });
  b.add("rondo/call/64/pinned/buffer-written",
        [&] { return b.buffer_call<buffer_writer>(rondo::memory::device); });
  b.add("rondo/call/64/pinned/host-visible-written",
        [&] { return b.buffer_call<buffer_writer>(rondo::memory::host_visible); });
  for (stream_shape shape : standard_streams) {
    if (s.block != 0) shape.block = s.block;
    if (s.window != 0) shape.window = s.window;
    if (s.batch != 0) shape.batch = s.batch;
    b.add(name_of(shape), [&] { return b.stream(shape); });
  }
  b.add("rondo/life/launch", [&] { return b.life(true); });
  b.add("rondo/life/stop", [&] { return b.life(false); });
  b.add("neighbour/device-copy/96-idle", [&] { return b.neighbour(true); });
  b.add("neighbour/host-copy/96-idle", [&] { return b.neighbour(false); });

  nlohmann::json document;
  bool failed = b.rows.empty();
  for (const row& r : b.rows) {
    document["rows"].push_back(to_json(r));
    failed = failed || !r.failure.empty();
  }
  for (const goal& g : goals)
    for (const row& r : b.rows)
      if (r.name == g.of && r.failure.empty()) {
        const double figure = g.figure(r);
        const bool met = g.at_most ? figure <= g.limit : figure >= g.limit;
        fmt::print("goal {:40} {} {:g} {}: {:.4g}, {}\n", g.of, g.at_most ? "at most" : "at least",
                   g.limit, g.unit, figure, met ? "met" : "NOT met");
        document["goals"].push_back(
            {{"row", g.of}, {"limit", g.limit}, {"figure", figure}, {"met", met}});
      }
  if (!s.json_file.empty()) std::ofstream(s.json_file) << document.dump(1) << '\n';
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace gpu_bench

int main(int argc, char** argv) {
  gpu_bench::settings s;
  CLI::App app("Benchmarks of kernels on a GPU");
  app.add_option("--json", s.json_file, "Write every figure and sample to this file");
  app.add_option("--filter", s.filter, "Only cases whose name contains this");
  app.add_option("--seconds", s.seconds, "For each run of a stream; 0.5 if not given");
  app.add_option("--repeat", s.repeat, "Runs of each stream, whose median counts; 5 if not given");
  app.add_option("--round-trips", s.round_trips, "For each latency; 20000 if not given");
  app.add_option("--block", s.block, "Threads of a stream's kernels; 512 if not given");
  app.add_option("--window", s.window, "Messages of a stream that may be on their way in a ring");
  app.add_option("--batch", s.batch, "Messages of a stream that are sent at once");
  CLI11_PARSE(app, argc, argv);
  try {
    return gpu_bench::run(s);
  } catch (const std::exception& e) {
    fmt::print(stderr, "rondo_gpu_bench: {}\n", e.what());
    return 1;
  }
}
