// The limit of the machine; see placement.hpp.
#include "in_place_ring.hpp"
#include "index_ring.hpp"
#include "machine.hpp"
#include "passes.hpp"
#include "placement.hpp"
#include "word_ring.hpp"

#include <memory>
#include <vector>

namespace bench {
namespace {

struct two_lines {
  lonely_word there;
  lonely_word back;
};

// Answers each number with itself until stopped.
template <spin How>
void reflect(two_lines& lines, const std::atomic<bool>& stop) {
  for (std::uint64_t next = 1;; ++next) {
    while (lines.there.value.load(std::memory_order_acquire) != next) {
      if constexpr (How == spin::with_pause) pause();
      if (stop.load(std::memory_order_relaxed)) [[unlikely]]
        return;
    }
    lines.back.value.store(next, std::memory_order_release);
  }
}

template <spin How>
class ping_pong {
 public:
  explicit ping_pong(processors cpus)
      : worker_(cpus.worker, [lines = lines_.get()](const std::atomic<bool>& stop) {
          reflect<How>(*lines, stop);
        }) {}

  void round_trip() {
    lines_->there.value.store(++sent_, std::memory_order_release);
    patience reply("ping-pong");
    while (lines_->back.value.load(std::memory_order_acquire) != sent_) reply.wait<How>();
  }
  std::uint64_t round_trips() const { return sent_; }

 private:
  std::unique_ptr<two_lines> lines_ = std::make_unique<two_lines>();
  std::uint64_t sent_ = 0;
  worker_thread worker_;
};

template <spin How>
pass run_for(ping_pong<How>& game, double seconds, samples* into) {
  constexpr std::uint64_t batch = 64;
  const std::uint64_t budget = ticks_of(seconds);
  const std::uint64_t begin = ticks();
  std::uint64_t last = begin;
  pass done;
  do {
    for (std::uint64_t i = 0; i < batch; ++i) {
      game.round_trip();
      if (into == nullptr) continue;
      const std::uint64_t now = ticks();
      into->record(now - last);
      last = now;
    }
    done.messages += batch;
    done.ticks = ticks() - begin;
  } while (done.ticks < budget && (into == nullptr || !into->full()));
  return done;
}

}  // namespace

template <spin How>
measurement measure_ping_pong(processors cpus, double seconds) {
  ping_pong<How> game(cpus);
  return measure_passes(
      seconds, 1, [&](double s, samples* into) { return run_for(game, s, into); },
      [&] { return game.round_trips(); });
}
template measurement measure_ping_pong<spin::with_pause>(processors, double);
template measurement measure_ping_pong<spin::without_pause>(processors, double);

double probe_placement(processors cpus) {
  constexpr int series = 40;
  constexpr int each = 250;
  ping_pong<spin::without_pause> game(cpus);
  std::vector<double> means;
  for (int s = 0; s <= series; ++s) {
    const std::uint64_t begin = ticks();
    for (int i = 0; i < each; ++i) game.round_trip();
    if (s > 0) means.push_back(ns_of(ticks() - begin) / each);  // the first warms up
  }
  return median_of(means);
}

namespace {

// A ring of its own for each measurement.
template <mode How, class Ring, class... Arguments>
bench_case ring_of_64(const char* name, Arguments... arguments) {
  return {{.name = name,
           .peer = "limit",
           .size_bytes = 64,
           .how = How,
           .wait = "spin",
           .window = How == mode::pipelined ? window_for(64) : 0},
          [=](const row_key& k, double seconds) {
            Ring ring(arguments...);
            return measure<How, 64>(k, seconds, ring);
          }};
}

}  // namespace

void add_limit_cases(std::vector<bench_case>& to, processors cpus) {
  const auto add = [&](std::string_view name, const char* wait, auto measure) {
    to.push_back({{.name = std::string(name), .peer = "limit", .size_bytes = 8, .wait = wait},
                  [=](const row_key&, double seconds) { return measure(cpus, seconds); }});
  };
  add(ping_pong_pause, "spin", &measure_ping_pong<spin::with_pause>);
  add(ping_pong_no_pause, "spin without pause", &measure_ping_pong<spin::without_pause>);
  constexpr mode call = mode::round_trip;
  constexpr mode stream = mode::pipelined;
  to.push_back(ring_of_64<call, word_ring>("limit/call/64", cpus.worker, slots_for(64)));
  to.push_back(ring_of_64<stream, word_ring>("limit/pipelined/64", cpus.worker, slots_for(64)));
  to.push_back(ring_of_64<stream, index_ring<64>>("limit/pipelined/64/slot-64", cpus.worker));
  to.push_back(ring_of_64<stream, index_ring<80>>("limit/pipelined/64/slot-80", cpus.worker));
  to.push_back(ring_of_64<stream, index_ring<96>>("limit/pipelined/64/slot-96", cpus.worker));
  to.push_back(ring_of_64<stream, index_ring<128>>("limit/pipelined/64/slot-128", cpus.worker));
  constexpr std::uint32_t large = 65536;
  to.push_back({{.name = std::string(raw_in_place),
                 .peer = "limit",
                 .size_bytes = large,
                 .how = mode::pipelined,
                 .wait = "spin",
                 .window = window_for(large)},
                [=](const row_key& k, double seconds) {
                  in_place_ring<large> ring(cpus.worker, slots_for(large));
                  return measure<mode::pipelined, large>(k, seconds, ring);
                }});
}

}  // namespace bench
