// The two ways to keep a grid running.
#include "runner.hpp"

#include <rondo/ring/wait.hpp>

#include <pthread.h>

namespace rondo::cuda {

using device::command;

namespace {

void nap(long ns) {
  const timespec t{0, ns};
  nanosleep(&t, nullptr);
}

// A stream, and launches of one grid in it.
class launcher {
 public:
  launcher(CUcontext context, stream_pool& streams, const grid& of)
      : context_(context), streams_(streams), grid_(of), stream_(streams.take()) {}
  ~launcher() {
    if (result() != CUDA_ERROR_NOT_READY) streams_.give_back(stream_);
  }
  launcher(const launcher&) = delete;
  launcher& operator=(const launcher&) = delete;

  void launch() {
    const context_scope current(context_);
    device::launch_args args = grid_.args;
    void* parameters[] = {&args};
    if (grid_.blocks > 1) {
      check(
          the_driver().cuMemsetD8Async(grid_.barrier_words, 0, 3 * sizeof(std::uint64_t), stream_),
          "kernel", "its barrier cannot be reset");
      check(
          the_driver().cuLaunchCooperativeKernel(grid_.function, grid_.blocks, 1, 1, grid_.threads,
                                                 1, 1, grid_.shared_bytes, stream_, parameters),
          "kernel", "the device does not launch it");
      return;
    }
    check(the_driver().cuLaunchKernel(grid_.function, 1, 1, 1, grid_.threads, 1, 1,
                                      grid_.shared_bytes, stream_, parameters, nullptr),
          "kernel", "the device does not launch it");
  }

  CUresult result() const {
    CUcontext before = nullptr;
    if (the_driver().cuCtxPushCurrent(context_) != CUDA_SUCCESS) return CUDA_ERROR_UNKNOWN;
    const CUresult now = the_driver().cuStreamQuery(stream_);
    the_driver().cuCtxPopCurrent(&before);
    return now;
  }

  const grid& of() const { return grid_; }

 private:
  const CUcontext context_;
  stream_pool& streams_;
  const grid grid_;
  const CUstream stream_;
};

void write_control(device::control_line& line, std::uint32_t word, std::uint32_t lease,
                   std::uint64_t drain_until) {
  const ring::chunk orders{{static_cast<std::uint32_t>(drain_until),
                            static_cast<std::uint32_t>(drain_until >> 32), lease},
                           word};
  ring::platform::store_chunk(reinterpret_cast<ring::chunk*>(&line), orders);  // SYNC: control
}

std::uint64_t read_report(const device::report_line& line) {
  return ring::platform::load_acquire(&line.obeyed);  // SYNC: report
}

class resident_runner final : public runner {
 public:
  resident_runner(CUcontext context, stream_pool& streams, const grid& of)
      : launcher_(context, streams, of) {}

  void start() override {
    const std::lock_guard lock(mutex_);
    has_started_ = true;
    word_ = device::command_word(++number_, command::pause);
    if (!is_away_) launch();
  }
  std::uint32_t order(command what, std::uint64_t drain_until) override {
    const std::lock_guard lock(mutex_);
    word_ = device::command_word(++number_, what);
    drain_until_ = drain_until;
    if (!is_away_) write(word_);
    return word_;
  }
  std::uint64_t answer() const override {
    const std::lock_guard lock(mutex_);
    return is_away_ ? answer_before_ : read_report(*launcher_.of().report);
  }
  CUresult result() const override {
    const std::lock_guard lock(mutex_);
    return is_away_ ? CUDA_ERROR_NOT_READY : launcher_.result();
  }
  void renew() override {
    const std::lock_guard lock(mutex_);
    if (!is_away_) write(word_);
  }
  void abandon() override {}

  bool suspend(std::uint64_t deadline_ns) override {
    {
      const std::lock_guard lock(mutex_);
      answer_before_ = read_report(*launcher_.of().report);
      is_away_ = true;
      write(device::command_word(++number_, command::stop));
    }
    while (launcher_.result() == CUDA_ERROR_NOT_READY) {
      if (ring::now_ns() >= deadline_ns) return false;
      nap(20'000);
    }
    return true;
  }
  // A grid that would not stop in time may still do so: then it is launched again later, by the
  // monitor's next call.
  void resume() override {
    const std::lock_guard lock(mutex_);
    if (!is_away_ || launcher_.result() == CUDA_ERROR_NOT_READY) return;
    is_away_ = false;
    if (has_started_) launch();
  }

 private:
  void launch() {
    write(word_);
    ring::platform::store_relaxed(&launcher_.of().report->obeyed, 0);
    launcher_.launch();
  }
  void write(std::uint32_t word) {
    write_control(*launcher_.of().control, word, ++lease_, drain_until_);
  }

  launcher launcher_;
  mutable std::mutex mutex_;  // orders, renewals and suspensions write one line
  std::uint32_t number_ = 0;
  std::uint32_t word_ = 0;
  std::uint32_t lease_ = 0;
  std::uint64_t drain_until_ = 0;
  bool has_started_ = false;
  bool is_away_ = false;
  std::uint64_t answer_before_ = 0;
};

// A thread that sleeps on the input's wake line, as a consumer does that parks, and launches the
// grid for what it finds.
class event_runner final : public runner {
 public:
  event_runner(CUcontext context, stream_pool& streams, const grid& of, backend::ring_input& input,
               device_output& output)
      : launcher_(context, streams, of), input_(input), output_(output) {}
  ~event_runner() override {
    if (!thread_.joinable()) return;
    order(command::stop, 0);
    thread_.join();
  }

  void start() override {
    if (thread_.joinable()) thread_.join();
    answer_.store(0, std::memory_order_relaxed);
    result_.store(CUDA_ERROR_NOT_READY, std::memory_order_relaxed);
    order(command::pause, 0);
    thread_ = std::thread([this] { run(); });
  }
  std::uint32_t order(command what, std::uint64_t drain_until) override {
    const std::uint32_t word =
        device::command_word(number_.fetch_add(1, std::memory_order_relaxed) + 1, what);
    drain_until_.store(drain_until, std::memory_order_relaxed);
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
  // It comes and goes by itself, and holds nobody up for longer than a handler takes.
  bool suspend(std::uint64_t) override { return true; }
  void resume() override {}
  void abandon() override {
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

  void run() {
    pthread_setname_np(pthread_self(), "rondo-cuda-ev");
    CUresult ended = CUDA_SUCCESS;
    std::uint32_t told = 0;
    for (bool goes_on = true; goes_on && ended == CUDA_SUCCESS;) {
      const std::uint32_t word = ordered();
      const command what = device::command_of(word);
      const bool is_drained =
          what == command::drain && handled() >= drain_until_.load(std::memory_order_relaxed);
      if (what == command::stop || is_drained) {
        tell(word, device::ending::ordered);
        goes_on = false;
      } else {
        if (told != word && what != command::drain) tell(told = word, device::ending::none);
        if (what != command::pause && has_work()) ended = launch_once();
        else sleep(word);
      }
    }
    result_.store(ended, std::memory_order_release);  // SYNC: event-answer
  }

  std::uint64_t handled() const {
    return ring::platform::load_acquire(&input_.view().consumer->head);  // SYNC: slot-freed
  }

  void sleep(std::uint32_t during) {
    const bool takes = device::command_of(during) != command::pause;
    ring::park(input_.memory().wake_line(), ring::now_ns() + longest_sleep_ns,
               [&] { return ordered() != during || (takes && has_work()); });
  }

  CUresult launch_once() {
    const grid& g = launcher_.of();
    const std::uint32_t word = device::command_word(++launches_, command::run);
    ring::platform::store_relaxed(&g.report->obeyed, 0);
    write_control(*g.control, word, lease_.fetch_add(1, std::memory_order_relaxed), 0);
    const std::uint64_t before = handled();
    try {
      launcher_.launch();
    } catch (const failure& failed) {
      return failed.code() == RONDO_DEVICE_LOST ? CUDA_ERROR_LAUNCH_FAILED : CUDA_ERROR_UNKNOWN;
    }
    CUresult now;
    for (std::uint32_t looks = 0; (now = launcher_.result()) == CUDA_ERROR_NOT_READY; ++looks) {
      if (abandoned_.load(std::memory_order_relaxed)) return now;
      if (looks % looks_per_renewal == 0) forward(g);
      ring::wake_if_parked(output_.memory().wake_line());
      if (looks > eager_looks) nap(20'000);
    }
    ring::wake_if_parked(output_.memory().wake_line());
    // Claimed and not yet written, or no room for replies: not again at once.
    if (now == CUDA_SUCCESS && handled() == before) nap(50'000);
    return now;
  }

  // An order to stop reaches a grid that runs long; all others wait for its end.
  void forward(const grid& g) {
    const bool stops = device::command_of(ordered()) == command::stop;
    write_control(*g.control, device::command_word(launches_, stops ? command::stop : command::run),
                  lease_.fetch_add(1, std::memory_order_relaxed), 0);
  }

  static constexpr std::uint64_t longest_sleep_ns = 100'000'000;
  static constexpr std::uint32_t eager_looks = 100;
  static constexpr std::uint32_t looks_per_renewal = 64;

  launcher launcher_;
  backend::ring_input& input_;
  device_output& output_;
  std::thread thread_;
  std::atomic<std::uint32_t> number_{0};
  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint64_t> drain_until_{0};
  std::atomic<std::uint64_t> answer_{0};
  std::atomic<int> result_{CUDA_SUCCESS};
  std::atomic<std::uint32_t> lease_{1};
  std::atomic<bool> abandoned_{false};
  std::uint32_t launches_ = 0;  // the thread's
};

}  // namespace

std::unique_ptr<runner> make_resident_runner(CUcontext context, stream_pool& streams,
                                             const grid& of) {
  return std::make_unique<resident_runner>(context, streams, of);
}

std::unique_ptr<runner> make_event_runner(CUcontext context, stream_pool& streams, const grid& of,
                                          backend::ring_input& input, device_output& output) {
  return std::make_unique<event_runner>(context, streams, of, input, output);
}

}  // namespace rondo::cuda
