// Each host thread serves its rings in turn: sends what the window allows, takes what has come, and
// holds each reply to the nonce of its request.
#include "streams.hpp"

#include "kernels.hpp"

#include <fmt/format.h>

#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>

namespace gpu_bench {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t patience_ns = 5'000'000'000;

// One ring as its host thread sees it.
template <class Load>
struct side {
  rondo::sender<typename Load::handler::request> to;
  rondo::receiver<typename Load::handler::response> from;
  std::uint64_t salt = now_ns() | 1;
  std::uint64_t sent = 0, seen = 0;

  std::uint64_t nonce(std::uint64_t n) const { return salt + n * 0x9e3779b97f4a7c15u; }
};

class small_load {
 public:
  using handler = stream_replier;
  static constexpr std::uint32_t window = 2048, batch = 512, most_received = 512;

  explicit small_load(std::uint32_t most) : requests_(most) {
    for (auto& q : requests_)
      for (std::uint32_t k = 0; k < 14; ++k) q.value[k] = static_cast<float>(k + 1);
  }
  static void ask_for(rondo::launch_options& options, std::uint32_t window) {
    options.publish = rondo::publish_policy::counted;
    options.input_capacity = options.output_capacity = window;
    options.failure_text = 48;  // a reply is 96 bytes then, with its envelope
  }
  std::uint64_t send(side<small_load>& s) {
    for (std::uint64_t i = 0; i < requests_.size(); ++i) requests_[i].nonce = s.nonce(s.sent + i);
    const auto went = s.to.try_send_batch(requests_);
    return went.has_value() ? went->count : 0;
  }
  bool is_right(const response& r, std::uint64_t nonce, std::uint64_t) const {
    return r.proof == expected_mark(nonce) && r.value[6] == 7 + 14;
  }

 private:
  std::vector<request> requests_;
};

// Every 16th reply is read word by word, of the others the proof and the last word.
class large_load {
 public:
  using handler = large_replier;
  static constexpr std::uint32_t window = 12, batch = 1, most_received = 4;

  explicit large_load(std::uint32_t) {
    for (std::uint32_t i = 0; i < large_words; ++i) request_->word[i] = i * 0x9e3779b97f4a7c15u;
  }
  static void ask_for(rondo::launch_options&, std::uint32_t) {}
  std::uint64_t send(side<large_load>& s) {
    request_->nonce = s.nonce(s.sent);
    return s.to.try_send(*request_).has_value() ? 1 : 0;
  }
  bool is_right(const large_response& r, std::uint64_t nonce, std::uint64_t n) const {
    const std::uint64_t own = expected_mark(nonce);
    if (r.proof != own) return false;
    for (std::uint32_t i = n % 16 == 0 ? 0 : large_words - 1; i < large_words; ++i)
      if (r.word[i] != (request_->word[i] ^ own)) return false;
    return true;
  }

 private:
  std::unique_ptr<large_request> request_ = std::make_unique<large_request>();
};

struct outcome {
  std::atomic<std::uint64_t> checked{0};
  std::atomic<bool> wrong{false};
  std::atomic<bool> missing{false};
};

template <class Load>
void drive(std::vector<side<Load>> mine, const stream_shape& shape, std::uint64_t stop,
           outcome& all) {
  Load load(shape.batch);
  std::uint64_t checked = 0;
  bool wrong = false;
  for (bool open = true; open && !wrong;) {
    const bool more = now_ns() < stop;
    open = more;
    for (side<Load>& s : mine) {
      if (more && s.sent - s.seen + shape.batch <= shape.window) s.sent += load.send(s);
      if (s.sent == s.seen) continue;
      open = true;
      static_cast<void>(s.from.try_receive_batch(
          Load::most_received, [&](const rondo::reply_view<typename Load::handler::response>& r) {
            wrong =
                wrong || r.value == nullptr || !load.is_right(*r.value, s.nonce(s.seen), s.seen);
            ++s.seen;
            ++checked;
          }));
    }
    if (!more && now_ns() > stop + patience_ns) {
      all.missing = true;
      break;
    }
  }
  all.checked += checked;
  if (wrong) all.wrong = true;
}

template <class Load>
row measure(rondo::runtime& rt, stream_shape shape, double seconds) {
  using handler = typename Load::handler;
  if (shape.window == 0) shape.window = Load::window;
  if (shape.batch == 0) shape.batch = Load::batch;
  std::vector<rondo::kernel<handler>> kernels;
  for (std::uint32_t i = 0; i < shape.rings; ++i) {
    auto options = how("ring-" + std::to_string(i));
    options.one_sender = true;
    options.block = shape.block;
    options.wait = rondo::wait_policy::spin;
    Load::ask_for(options, shape.window);
    kernels.push_back(launch<handler>(rt, options));
  }
  outcome all;
  std::vector<std::thread> hosts;
  const std::uint64_t begin = now_ns();
  const std::uint64_t stop = begin + static_cast<std::uint64_t>(seconds * 1e9);
  for (std::uint32_t t = 0; t < shape.threads; ++t)
    hosts.emplace_back([&, t] {
      const pinned here(t);
      std::vector<side<Load>> mine;
      for (std::uint32_t i = t; i < shape.rings; i += shape.threads)
        mine.push_back({kernels[i].as_sender(), kernels[i].as_receiver()});
      drive<Load>(std::move(mine), shape, stop, all);
    });
  for (auto& host : hosts) host.join();
  const double took = static_cast<double>(now_ns() - begin) / 1e9;
  std::uint64_t looks = 0;
  for (auto& kernel : kernels) {
    looks += kernel.snapshot().polls;
    end(rt, kernel);
  }
  if (all.wrong) throw std::runtime_error("a wrong reply");
  if (all.missing) throw std::runtime_error("replies are missing");
  row r{.name = "",
        .mode = "pipelined",
        .size_bytes = shape.size_bytes,
        .rings = shape.rings,
        .host_threads = shape.threads,
        .proof = all.checked};
  r.per_second = static_cast<double>(r.proof) / took;
  r.gigabytes_per_second = r.per_second * shape.size_bytes / 1e9;
  r.per_look =
      static_cast<double>(r.proof) / static_cast<double>(std::max<std::uint64_t>(looks, 1));
  return r;
}

}  // namespace

std::string name_of(const stream_shape& shape) {
  return fmt::format("rondo/stream/{}/{}-ring{}-{}-thread{}", shape.size_bytes, shape.rings,
                     shape.rings == 1 ? "" : "s", shape.threads, shape.threads == 1 ? "" : "s");
}

row measure_stream(rondo::runtime& rt, const stream_shape& shape, double seconds) {
  return shape.size_bytes == 64 ? measure<small_load>(rt, shape, seconds)
                                : measure<large_load>(rt, shape, seconds);
}

row median_of(std::vector<row> runs) {
  std::sort(runs.begin(), runs.end(),
            [](const row& a, const row& b) { return a.per_second < b.per_second; });
  row median = runs[runs.size() / 2];
  median.proof = 0;
  for (const row& one : runs) {
    median.runs.push_back(one.per_second);
    median.proof += one.proof;
  }
  return median;
}

namespace {
// The processors that this process may use: one of each core before a second of any, as two threads
// that spin on one core are in each other's way. Those of processor 0's core come last of their
// kind: interrupts go there.
std::vector<unsigned> processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed);
  std::map<unsigned, std::vector<unsigned>> cores;  // by the first processor of each
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    unsigned first = cpu;
    std::ifstream(
        fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu)) >>
        first;
    cores[first].push_back(cpu);
  }
  std::vector<unsigned> all;
  for (std::size_t round = 0; !cores.empty(); ++round) {
    const std::size_t before = all.size();
    for (const auto& [first, own] : cores)
      if (first != 0 && round < own.size()) all.push_back(own[round]);
    if (const auto zero = cores.find(0); zero != cores.end() && round < zero->second.size())
      all.push_back(zero->second[round]);
    if (all.size() == before) break;
  }
  return all;
}
}  // namespace

pinned::pinned(unsigned i) {
  static const std::vector<unsigned> order = processors();
  pthread_getaffinity_np(pthread_self(), sizeof before_, &before_);
  if (order.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(order[i % order.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}
pinned::~pinned() { pthread_setaffinity_np(pthread_self(), sizeof before_, &before_); }

rondo::launch_options how(const std::string& id, const std::string& placement) {
  rondo::launch_options options;
  options.backend = "cuda";
  options.module = "gpu_bench_kernels";
  options.id = id;
  options.lease = 3s;
  options.options = {{"placement", placement}};
  return options;
}

}  // namespace gpu_bench
