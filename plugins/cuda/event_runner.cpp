// The event runner: launches the grid for what is waiting.
#include "launcher.hpp"

#include <rondo/ring/wait.hpp>

#include <pthread.h>

#include <algorithm>

namespace rondo::cuda {

namespace {

// A thread that sleeps on the input's wake line, as a consumer does that parks, and launches the
// grid for what it finds.
class event_runner final : public runner {
 public:
  event_runner(CUcontext context, stream_pool& streams, const grid& of, backend::ring_input& input,
               device_output& output)
      : launcher_(context, streams, of), input_(input), output_(output) {}
  ~event_runner() override {
    if (!thread_.joinable()) return;
    order(command::leave, {});
    thread_.join();
  }

  void start() override {
    if (thread_.joinable()) thread_.join();
    answer_.store(0, std::memory_order_relaxed);
    result_.store(CUDA_ERROR_NOT_READY, std::memory_order_relaxed);
    order(command::pause, {});
    thread_ = std::thread([this] { run(); });
  }
  std::uint32_t order(command what, const lane_ends& drain_until) override {
    const std::uint32_t word =
        device::command_word(number_.fetch_add(1, std::memory_order_relaxed) + 1, what);
    drain_until_.store(drain_until.normal, std::memory_order_relaxed);
    drain_urgent_until_.store(drain_until.urgent, std::memory_order_relaxed);
    word_.store(word, std::memory_order_release);  // SYNC: event-order
    ring::wake(input_.memory().wake_line());
    return word;
  }
  std::uint64_t answer() const override {
    return answer_.load(std::memory_order_acquire);  // SYNC: event-answer
  }
  CUresult result() const override {
    return static_cast<CUresult>(result_.load(std::memory_order_acquire));  // SYNC: event-answer
  }
  void renew() override {
    // Only while a grid runs does anybody look; each launch brings a lease of its own.
    lease_.fetch_add(1, std::memory_order_relaxed);
  }
  // It comes and goes by itself; meanwhile it does not come again.
  void step_aside() override { is_held_.store(true, std::memory_order_seq_cst); }
  bool is_away() const override {
    return !is_there_.load(std::memory_order_seq_cst) && launcher_.result() != CUDA_ERROR_NOT_READY;
  }
  void resume() override { is_held_.store(false, std::memory_order_release); }  // SYNC: event-held
  void abandon() override {
    launcher_.abandon();
    abandoned_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.detach();
  }

 private:
  std::uint32_t ordered() const {
    return word_.load(std::memory_order_acquire);  // SYNC: event-order
  }
  void tell(std::uint32_t word, device::ending how) {
    answer_.store(word | static_cast<std::uint64_t>(how) << 32,
                  std::memory_order_release);  // SYNC: event-answer
  }
  bool has_work() const { return input_.depth() != 0; }
  // What an inactive kernel does as well: it gives requests up for newer ones, and tells those whom
  // it owes an answer.
  bool has_duty() const {
    return is_given_up(input_.view()) ||
           (input_.has_urgent_lane() && is_given_up(input_.urgent_view())) ||
           (owes() && output_.depth_now() < output_.view().shape.capacity);
  }
  static bool is_given_up(const ring::view& lane) {
    return lane.drops_oldest &&
           ring::platform::load_relaxed(&lane.producer->discard_below) > head_of(lane);
  }
  bool owes() const { return ring::platform::load_relaxed(&launcher_.of().rules->owed) != 0; }
  bool has(device::hook which) const {
    return (launcher_.of().hooks & device::hook_bit(which)) != 0;
  }

  void run() {
    pthread_setname_np(pthread_self(), "rondo-cuda-ev");
    CUresult ended = CUDA_SUCCESS;
    bool goes_on = true;
    if (has(device::hook::start)) ended = start_handler(goes_on);
    for (std::uint32_t told = 0; goes_on && ended == CUDA_SUCCESS;) ended = go_on(told, goes_on);
    result_.store(ended, std::memory_order_release);  // SYNC: event-answer
  }

  // A launch for on_start alone.
  CUresult start_handler(bool& may_go_on) {
    const CUresult ended = launch_once(command::pause);
    may_go_on = ending_of_grid() != device::ending::refused;
    if (!may_go_on) tell(0, device::ending::refused);
    return ended;
  }

  // What the orders, the input and the timer ask for now, or sleep until one of them asks.
  CUresult go_on(std::uint32_t& told, bool& goes_on) {
    const std::uint32_t word = ordered();
    const command what = device::command_of(word);
    if (what == command::stop || what == command::leave ||
        (what == command::drain && is_drained())) {
      goes_on = false;
      const bool tells_somebody = has(device::hook::stop) || owes();
      const CUresult ended =
          what != command::leave && tells_somebody ? launch_once(command::stop) : CUDA_SUCCESS;
      tell(word, device::ending::ordered);
      return ended;
    }
    if (told != word && what != command::drain) tell(told = word, device::ending::none);
    const bool is_due = what == command::run && ring::now_ns() >= timer_due();
    if (is_due || (what != command::pause && has_work()) || has_duty()) return launch_once(what);
    sleep(word);
    return CUDA_SUCCESS;
  }

  // On the host's clock.
  std::uint64_t timer_due() const {
    if (!has(device::hook::timer)) return ring::no_deadline;
    const std::uint64_t at = ring::platform::load_relaxed(&launcher_.of().counters->timer_at);
    return at == 0 ? ring::no_deadline : launcher_.of().clock->to_host(at);
  }

  device::ending ending_of_grid() const {
    return static_cast<device::ending>(read_report(*launcher_.of().report) >> 32);
  }

  static std::uint64_t head_of(const ring::view& lane) {
    return ring::platform::load_acquire(&lane.consumer->head);  // SYNC: slot-freed
  }
  // In both lanes.
  std::uint64_t handled() const {
    return head_of(input_.view()) + (input_.has_urgent_lane() ? head_of(input_.urgent_view()) : 0);
  }
  bool is_drained() const {
    return head_of(input_.view()) >= drain_until_.load(std::memory_order_relaxed) &&
           (!input_.has_urgent_lane() ||
            head_of(input_.urgent_view()) >= drain_urgent_until_.load(std::memory_order_relaxed));
  }

  void sleep(std::uint32_t during) {
    const bool takes = device::command_of(during) != command::pause;
    std::uint64_t until = ring::now_ns() + longest_sleep_ns;
    if (device::command_of(during) == command::run) until = std::min(until, timer_due());
    // Who takes replies does not say so.
    if (owes()) until = std::min(until, ring::now_ns() + full_output_nap_ns);
    ring::park(input_.memory().wake_line(), until,
               [&] { return ordered() != during || (takes && has_work()) || has_duty(); });
  }

  // While a grid of this runner may be on the device. Either it sees that it is held, or whoever
  // holds it sees that it is there.
  class presence {
   public:
    explicit presence(event_runner& of) : is_there_(of.is_there_) {
      for (;;) {
        is_there_.store(true, std::memory_order_seq_cst);
        if (!of.is_held_.load(std::memory_order_seq_cst)) return;  // SYNC: event-held
        is_there_.store(false, std::memory_order_seq_cst);
        nap(20'000);
      }
    }
    ~presence() { is_there_.store(false, std::memory_order_seq_cst); }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;

   private:
    std::atomic<bool>& is_there_;
  };

  // A grid under the order `what`. Where a drain ends is seen here, between two launches: for the
  // grid it never does.
  CUresult launch_once(command what) {
    const grid& g = launcher_.of();
    ++launches_;
    ring::platform::store_relaxed(&g.report->obeyed, 0);
    order_grid(what);
    const std::uint64_t before = handled();
    const presence here(*this);
    try {
      launcher_.launch();
    } catch (const failure& failed) {
      return failed.code() == RONDO_DEVICE_LOST ? CUDA_ERROR_LAUNCH_FAILED : CUDA_ERROR_UNKNOWN;
    }
    CUresult now;
    for (std::uint32_t looks = 0; (now = launcher_.result()) == CUDA_ERROR_NOT_READY; ++looks) {
      if (abandoned_.load(std::memory_order_relaxed)) return now;
      if (looks % looks_per_renewal == 0) order_grid(ends_before(what) ? command::leave : what);
      ring::wake_if_parked(output_.memory().wake_line());
      if (looks > eager_looks) nap(20'000);
    }
    ring::wake_if_parked(output_.memory().wake_line());
    // Claimed and not yet written, or no room for replies: not again at once.
    if (now == CUDA_SUCCESS && handled() == before) nap(full_output_nap_ns);
    return now;
  }

  // An order to end reaches a grid that runs long, unless it was launched for its on_stop; all
  // others wait for its end.
  bool ends_before(command launched_for) const {
    const command what = device::command_of(ordered());
    return launched_for != command::stop && (what == command::stop || what == command::leave);
  }
  void order_grid(command what) {
    write_control(*launcher_.of().control, device::command_word(launches_, what),
                  lease_.fetch_add(1, std::memory_order_relaxed),
                  {~std::uint64_t{0}, ~std::uint64_t{0}});
  }

  static constexpr std::uint64_t longest_sleep_ns = 100'000'000;
  static constexpr std::uint64_t full_output_nap_ns = 50'000;
  static constexpr std::uint32_t eager_looks = 100;
  static constexpr std::uint32_t looks_per_renewal = 64;

  launcher launcher_;
  backend::ring_input& input_;
  device_output& output_;
  std::thread thread_;
  std::atomic<std::uint32_t> number_{0};
  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint64_t> drain_until_{0};
  std::atomic<std::uint64_t> drain_urgent_until_{0};
  std::atomic<std::uint64_t> answer_{0};
  std::atomic<int> result_{CUDA_SUCCESS};
  std::atomic<std::uint32_t> lease_{1};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> is_held_{false};
  std::atomic<bool> is_there_{false};
  std::uint32_t launches_ = 0;  // the thread's
};

}  // namespace

std::unique_ptr<runner> make_event_runner(CUcontext context, stream_pool& streams, const grid& of,
                                          backend::ring_input& input, device_output& output) {
  return std::make_unique<event_runner>(context, streams, of, input, output);
}

}  // namespace rondo::cuda
