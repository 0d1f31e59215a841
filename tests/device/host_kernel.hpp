// One persistent kernel on host threads, with everything that a backend's host side owns: both
// rings, the lines they talk through, the handler's state. A test drives it with orders and
// messages; every wait has a deadline, and one that passes says what each thread was doing.
#pragma once

#include "host_threads.hpp"
#include "ring/support.hpp"

#include <rondo/device/loop.hpp>
#include <rondo/ring/lanes.hpp>

#include <functional>
#include <mutex>
#include <optional>

namespace rondo::test {

using device::command;
using device::ending;

struct kernel_options {
  ring_shape input;
  ring_shape output;
  grid_shape grid{};
  std::uint32_t flags = 0;     // device::flag_*
  std::uint64_t lease_ns = 0;  // none
  std::uint64_t spin_ns = 0;
  std::uint32_t nap_ns = 20'000;
  std::uint64_t skip_below = 0;
  std::uint64_t skip_urgent_below = 0;
  std::uint64_t most_owed = 8;        // of kernels whose queues have rules
  std::uint64_t input_begins_at = 0;  // sequences
  std::uint64_t output_begins_at = 0;
  std::uint64_t clock_ahead = 0;               // of the host's, when flags say that it is known
  std::uint64_t patience_ns = 20'000'000'000;  // how long any wait may take
};

inline std::ostream& operator<<(std::ostream& out, const kernel_options& o) {
  return out << "input " << o.input << "; output " << o.output << "; " << o.grid;
}

// What the kernel last told: which order it carried out, and whether it ended.
struct report {
  std::uint32_t word;
  ending how;
};

template <class H, class P = ring::platform, class X = host_threads>
class host_kernel {
 public:
  using memory = device::ruled_memory<H>;  // and with it block_memory
  using body = void (*)(const X&, const device::launch_args&, memory&);

  explicit host_kernel(const kernel_options& options, body serve = &serve_plainly)
      : serve_(serve),
        options_(options),
        input_(make_ring(options.input)),
        output_(make_ring(options.output)),
        lines_(new lines{}),
        state_(new room<sizeof(H)>{}),
        scratch_(device::stage_plan<H>::scratch_bytes / 16 + 1),
        start_(device::stage_plan<H>::start_room / 16 + 1) {
    start_at(input_.view(), options.input_begins_at);
    start_at(output_.view(), options.output_begins_at);
    lines_->resume.output_next = options.output_begins_at;
    in_ = ring::producer<>(input_.view());
    if (options.input.lanes > 1) urgent_ = ring::producer<>(input_.view(ring::urgent_lane));
    out_.emplace(output_.view());
  }

  // What went wrong fails the test, unless the test wanted to see it.
  ~host_kernel() {
    for (const std::string& c : complaints()) ADD_FAILURE() << c << "\n" << options_;
  }
  void complain(const std::string& what) {
    const std::lock_guard lock(complaining_);
    if (complaints_.size() < 5) complaints_.push_back(what);
  }
  std::vector<std::string> complaints() {
    const std::lock_guard lock(complaining_);
    return std::exchange(complaints_, {});
  }

  // ---- what a launch is

  device::launch_args args() {
    device::launch_args a{};
    a.struct_size = sizeof a;
    a.contract = device::contract_version;
    a.what = static_cast<std::uint32_t>(device::action::serve);
    a.flags = options_.flags;
    if (options_.input.timed) a.flags |= device::flag_timed;
    if (options_.input.drop_oldest) a.flags |= device::flag_drops_oldest;
    if (options_.input.lanes > 1) {
      a.flags |= device::flag_urgent;
      a.urgent_input = ring_args_of(input_, ring::urgent_lane);
    }
    a.skip_urgent_below = options_.skip_urgent_below;
    a.rules = address_of(&lines_->rules);
    a.rules_line = address_of(&lines_->rules_told);
    a.most_owed = options_.most_owed;
    a.input = ring_args_of(input_);
    a.output = ring_args_of(output_);
    a.control = address_of(&lines_->control);
    a.report = address_of(&lines_->report);
    a.counters = address_of(&lines_->counters);
    a.latencies = address_of(&lines_->latencies);
    a.clock_ahead = options_.clock_ahead;
    a.resume = address_of(&lines_->resume);
    a.state = address_of(state_.get());
    a.scratch = address_of(scratch_.data());
    a.buffers = address_of(buffers_);
    a.buffer_count = std::size(buffers_);
    a.kernel_tag = 77;
    a.life = life_;
    a.failed_hooks = address_of(lines_->failed_hooks);
    a.start_argument = address_of(start_.data());
    a.start_bytes = start_bytes_;
    a.skip_below = options_.skip_below;
    a.lease_ns = options_.lease_ns;
    a.spin_ns = options_.spin_ns;
    a.nap_ns = options_.nap_ns;
    a.probe = address_of(&lines_->probe);
    return a;
  }

  // What the handler's on_start gets; encoded.
  template <class A>
  void start_with(const A& argument) {
    const std::int64_t bytes = encode(argument, start_.data(), detail::max_bytes<A>());
    if (bytes < 0) complain("the start argument cannot be encoded");
    start_bytes_ = static_cast<std::uint32_t>(bytes);
  }
  void start_with_bytes(std::uint32_t bytes) { start_bytes_ = bytes; }
  // The next launch is one that the host was asked for, and not one more of the same grid.
  void begin_life() { ++life_; }

  void launch() {
    const std::lock_guard lock(launching_);
    lines_->resume.go = lines_->resume.arrived = lines_->resume.aborted = 0;
    memories_.clear();
    for (std::uint32_t b = 0; b < options_.grid.blocks; ++b)
      memories_.push_back(std::make_unique<memory>());
    args_ = args();
    grid_ = host_grid::start<X>(options_.grid, [this](const X& x, std::uint32_t block) {
      serve_(x, args_, *memories_[block]);
    });
  }

  bool has_ended() const {
    const std::lock_guard lock(launching_);
    return grid_ == nullptr || grid_->is_done();
  }
  // The kernel has gone on for a while: what it does not do now, it does not do.
  void let_it_look() {
    const std::uint64_t begin = steps();
    until([&] { return has_ended() || steps() > begin + 400; }, "the kernel to look");
  }
  // The launch ends by itself; what it told last.
  report join() {
    until([&] { return has_ended(); }, "the end of the launch");
    const std::lock_guard lock(launching_);
    grid_.reset();
    return told();
  }

  // ---- orders

  std::uint32_t order(command what, std::uint64_t drain_until = 0, std::uint64_t urgent = 0) {
    word_ = device::command_word(++orders_, what);
    drain_until_ = drain_until;
    drain_urgent_until_ = urgent;
    store_control();
    return word_;
  }
  void renew_lease() {
    ++lease_;
    store_control();
  }
  report told() const {
    const std::uint64_t v = ring::platform::load_acquire(&lines_->report.obeyed);  // SYNC: report
    return {static_cast<std::uint32_t>(v), static_cast<ending>(v >> 32)};
  }
  // Whether exactly this order was carried out in time.
  bool await(std::uint32_t word) {
    return until([&] { return told().word == word; }, "an order to be carried out");
  }
  bool obey(command what) { return await(order(what)); }
  void launch_and_run() {
    const std::uint32_t word = order(command::run);
    launch();
    await(word);
  }
  // For a test whose handler gives the next order.
  void launch_and_run_unheard() {
    order(command::run);
    launch();
  }
  report stop() {
    const std::uint32_t word = order(command::stop);
    const report last = join();
    if (last.word != word) complain("the stop was not acknowledged");
    return last;
  }
  report drain(std::uint64_t until, std::uint64_t urgent = 0) {
    order(command::drain, until, urgent);
    return join();
  }

  // ---- messages

  ring::producer<>& in() { return in_; }
  ring::producer<>& urgent() { return urgent_; }
  ring::consumer<>& out() { return *out_; }
  ring::view in_view() const { return input_.view(); }
  ring::view out_view() const { return output_.view(); }

  bool push(const ring::envelope& header, const void* payload) {
    return until(
        [&] {
          const rondo_status status = in_.try_push(header, payload);
          if (status != RONDO_OK && status != RONDO_FULL) complain("cannot push");
          return status != RONDO_FULL;
        },
        "room in the input");
  }
  // The next reply stays until release().
  bool peek(ring::message& m) {
    rondo_status status = RONDO_EMPTY;
    const bool came = until([&] { return (status = out_->peek(m)) != RONDO_EMPTY; }, "a reply");
    if (came && status != RONDO_OK) complain("the output is broken: " + std::to_string(status));
    return came && status == RONDO_OK;
  }

  // ---- what can be seen from outside

  // The counters as the host reads them: in pieces, so a sum may not be one of a single moment.
  device::counters_line counters() const {
    device::counters_line c;
    auto* to = reinterpret_cast<ring::chunk*>(&c);
    const auto* from = reinterpret_cast<const ring::chunk*>(&lines_->counters);
    for (std::size_t i = 0; i < sizeof c / 16; ++i) to[i] = ring::platform::load_chunk(from + i);
    return c;
  }
  ring::latency_counts latencies() const {
    ring::latency_counts c;
    const ring::latency_counts& from = lines_->latencies.counts;
    for (std::uint32_t i = 0; i < RONDO_LATENCY_BUCKETS; ++i) {
      c.handling[i] = ring::platform::load_relaxed(&from.handling[i]);
      c.queueing[i] = ring::platform::load_relaxed(&from.queueing[i]);
    }
    return c;
  }
  std::uint64_t input_head() const {
    return ring::platform::load_acquire(&input_.view().consumer->head);  // SYNC: slot-freed
  }
  // The first failure of that hook in this life; empty if it did not fail.
  std::string failure_of(device::hook which) const {
    const auto& failed = lines_->failed_hooks[static_cast<std::uint32_t>(which)];
    if (ring::platform::load_acquire(&failed.life) != life_) return {};  // SYNC: hook-failed
    return std::to_string(failed.said.code) + " " + std::to_string(failed.said.user_code) + " " +
           std::string(failed.said.text, failed.text_length);
  }
  device::rules_line rules() const {
    const device::rules_line& told = lines_->rules_told;
    const auto load = [](const std::uint64_t& n) { return ring::platform::load_relaxed(&n); };
    return {load(told.dropped_oldest), load(told.expired), load(told.replies_dropped),
            load(told.owed)};
  }
  const device::resume_block& resume() const { return lines_->resume; }
  const device::probe_record& probed() const { return lines_->probe; }
  // Only while no launch runs.
  H& handler() { return *reinterpret_cast<H*>(state_.get()); }
  rondo_buffer_entry* buffers() { return buffers_; }
  kernel_options& options() { return options_; }

  // Waits, letting others run. False once the deadline has passed or the test has failed before:
  // then the launch is aborted, so that nothing else waits for it.
  bool until(const std::function<bool()>& is_so, const char* what) {
    const std::uint64_t begin = ring::now_ns();
    for (std::uint32_t looks = 0; !is_so(); ++looks) {
      if (gave_up_.load(std::memory_order_relaxed)) return false;
      if (ring::now_ns() - begin > options_.patience_ns) {
        give_up(what);
        return false;
      }
      if (looks < 16) std::this_thread::yield();
      else std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    return true;
  }
  bool gave_up() const { return gave_up_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t most_owed = 8;  // at most that may be asked for
  template <std::size_t Bytes>
  struct alignas(128) room {
    std::byte bytes[Bytes];
  };
  struct lines {
    device::control_line control;
    device::report_line report;
    device::counters_line counters;
    device::hook_failure failed_hooks[device::hook_count];
    device::latency_block latencies;
    device::rules_line rules_told;
    device::resume_block resume;
    device::rules_block rules;
    device::owed_answer owed[most_owed];
    device::probe_record probe;
  };
  static_assert(offsetof(lines, owed) == offsetof(lines, rules) + sizeof(device::rules_block));

  static void serve_plainly(const X& x, const device::launch_args& args, memory& m) {
    if (device::takes_single_messages<H>(x, args)) device::serve_single_messages<P, H>(x, args, m);
    else device::serve<P, H>(x, args, m);
  }

  static std::uint64_t address_of(const void* p) { return reinterpret_cast<std::uint64_t>(p); }
  static device::ring_args ring_args_of(const backend::ring_memory& of, std::uint32_t lane = 0) {
    const rondo_ring_map& map = of.map();
    return {address_of(map.lanes[lane].slots),
            address_of(map.lanes[lane].producer_line),
            address_of(map.lanes[lane].consumer_line),
            map.capacity,
            map.publication,
            static_cast<std::uint32_t>(map.slot_stride),
            map.payload_capacity,
            0};
  }

  std::uint64_t steps() const {
    const std::lock_guard lock(launching_);
    return grid_ == nullptr ? 0 : grid_->steps();
  }

  void store_control() {
    const device::control_line line{drain_until_, lease_, word_, drain_urgent_until_, 0, word_};
    ring::chunk c[2];
    std::memcpy(c, &line, sizeof c);
    auto* to = reinterpret_cast<ring::chunk*>(&lines_->control);
    ring::platform::store_chunk(to + 1, c[1]);
    ring::platform::store_chunk(to, c[0]);  // SYNC: control
  }

  void give_up(const char* what) {
    if (gave_up_.exchange(true)) return;
    const std::lock_guard lock(launching_);
    complain(std::string("waited too long for ") + what + "\n" +
             (grid_ != nullptr ? grid_->describe() : "no launch"));
    if (grid_ != nullptr) grid_->abort();
  }

  const body serve_;
  kernel_options options_;
  backend::ring_memory input_, output_;
  std::unique_ptr<lines> lines_;
  std::unique_ptr<room<sizeof(H)>> state_;
  std::vector<ring::chunk> scratch_;
  std::vector<ring::chunk> start_;
  std::uint32_t start_bytes_ = 0;
  std::uint64_t life_ = 1;
  rondo_buffer_entry buffers_[4]{};
  std::vector<std::unique_ptr<memory>> memories_;
  device::launch_args args_{};
  ring::producer<> in_;
  ring::producer<> urgent_;
  std::optional<ring::consumer<>> out_;
  std::uint32_t orders_ = 0;
  std::uint32_t word_ = 0;
  std::uint32_t lease_ = 0;
  std::uint64_t drain_until_ = 0;
  std::uint64_t drain_urgent_until_ = 0;
  std::atomic<bool> gave_up_{false};
  mutable std::mutex launching_;
  std::mutex complaining_;
  std::vector<std::string> complaints_;
  std::unique_ptr<host_grid> grid_;  // last: ends before what its threads use
};

// The same with the entry for queues that have rules.
template <class H, class P = ring::platform, class X = host_threads>
class ruled_kernel : public host_kernel<H, P, X> {
 public:
  explicit ruled_kernel(const kernel_options& options)
      : host_kernel<H, P, X>(options, &device::serve_by_rules<P, H, X>) {}
};

}  // namespace rondo::test
