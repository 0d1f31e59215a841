// The resident runner: launches the grid once, and again only where it had to step aside.
#include "launcher.hpp"

#include <rondo/ring/wait.hpp>

namespace rondo::cuda {

namespace {

class resident_runner final : public runner {
 public:
  resident_runner(CUcontext context, stream_pool& streams, const grid& of)
      : launcher_(context, streams, of) {}

  void start() override {
    const std::lock_guard lock(mutex_);
    has_started_ = true;
    word_ = device::command_word(++number_, command::pause);
    if (!suspended_) launch();
  }
  std::uint32_t order(command what, const lane_ends& drain_until) override {
    const std::lock_guard lock(mutex_);
    word_ = device::command_word(++number_, what);
    drain_until_ = drain_until;
    if (!suspended_) write(word_);
    return word_;
  }
  std::uint64_t answer() const override {
    const std::lock_guard lock(mutex_);
    return suspended_ ? answer_before_ : read_report(*launcher_.of().report);
  }
  CUresult result() const override {
    const std::lock_guard lock(mutex_);
    return suspended_ ? CUDA_ERROR_NOT_READY : launcher_.result();
  }
  void renew() override {
    const std::lock_guard lock(mutex_);
    if (!suspended_) write(word_);
  }
  void abandon() override { launcher_.abandon(); }

  void step_aside() override {
    const std::lock_guard lock(mutex_);
    if (suspended_) return;  // still busy since it was last to be away
    answer_before_ = read_report(*launcher_.of().report);
    suspended_ = true;
    write(device::command_word(++number_, command::leave));
  }
  bool is_away() const override { return launcher_.result() != CUDA_ERROR_NOT_READY; }
  // A grid that would not stop in time may still do so: then it is launched again later, by the
  // monitor's next call.
  void resume() override {
    const std::lock_guard lock(mutex_);
    if (!suspended_ || launcher_.result() == CUDA_ERROR_NOT_READY) return;
    suspended_ = false;
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
  lane_ends drain_until_;
  bool has_started_ = false;
  bool suspended_ = false;
  std::uint64_t answer_before_ = 0;
};

}  // namespace

std::unique_ptr<runner> make_resident_runner(CUcontext context, stream_pool& streams,
                                             const grid& of) {
  return std::make_unique<resident_runner>(context, streams, of);
}

}  // namespace rondo::cuda
