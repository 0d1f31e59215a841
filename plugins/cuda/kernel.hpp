// One launched handler on a CUDA device: its memory, its queues, its grid, and its way through the
// states of abi.h. Lifecycle functions come one at a time; state(), counters(), failure() and
// renew() from any thread.
#pragma once

#include "device.hpp"
#include "runner.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace rondo::cuda {

// What was asked for, checked against what the handler and the device can do.
struct kernel_plan {
  std::string id;
  placement where = placement::pinned;
  std::uint32_t blocks = 1;
  std::uint32_t threads = 32;
  std::uint32_t shared_bytes = 0;  // that the launch asks for
  std::uint32_t blocks_per_multiprocessor = 0;
  std::uint64_t handler_deadline_ns = 0;
  std::uint64_t lease_ns = 0;
  bool is_leased = false;  // the host asked for a lease, and may renew it
  std::uint64_t spin_ns = 0;
  std::uint32_t nap_ns = 0;
  std::uint64_t kernel_tag = 0;
  std::uint32_t hooks = 0;  // bits of device::hook
  std::uint32_t rules = 0;  // device::flags_of_rules that the queues were asked for
  std::vector<std::byte> start_argument;
  entry_point entry;
};

// Throws NO_IMAGE, INVALID_ARGUMENT, UNSUPPORTED, LIMIT_REACHED, VERSION_MISMATCH.
kernel_plan plan_kernel(device_parts& device, const rondo_kernel_params& params);

class kernel final : public backend::kernel, private watched {
 public:
  kernel(std::shared_ptr<device_parts> device, const rondo_kernel_params& params);
  ~kernel() override;

  void launch(std::uint64_t deadline_ns) override;
  void activate(std::uint64_t deadline_ns) override;
  void deactivate(std::uint64_t deadline_ns) override;
  void terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                 rondo_terminate_report& report) override;
  std::uint32_t state() override;
  backend::queue& input() override { return *input_; }
  backend::queue& output() override { return *output_; }
  void counters(rondo_kernel_counters& out) override;
  rondo_status renew() override;
  rondo_status failure(std::string& text) override;

 private:
  void look_after() override;
  void step_aside() override { runner_->step_aside(); }
  bool is_away() const override { return runner_->is_away(); }
  void resume() override;
  void make_memory(const rondo_kernel_params& params);
  void fill_arguments();
  void require(bool allowed, const char* what) const;
  bool wait_for(std::uint32_t word, std::uint64_t deadline_ns);
  bool wait_for_end(std::uint64_t deadline_ns);
  void change(device::command to, std::uint32_t next, std::uint64_t deadline_ns);
  void notice_end();
  void fail(rondo_status code, std::string why);
  void abandon();
  void stop_watching();
  std::uint64_t discard_below(const lane_ends& ends);
  std::uint64_t discard_below(ring::view lane, std::uint64_t sequence);
  void keep_lease();
  void fail_lapsed();
  void destroy_state();
  [[noreturn]] void give_up_launch(bool is_refused);
  [[noreturn]] void say_refused() const;
  void warn_of(device::hook which);
  [[noreturn]] void say_failed();
  bool is_hung() const;
  std::uint64_t counted(std::uint64_t device::counters_line::*field) const {
    return ring::platform::load_relaxed(&(counters_->*field));
  }

  const std::shared_ptr<device_parts> device_;
  const kernel_plan plan_;
  pinned_block lines_;  // control, report, counters, failed hooks, latencies, rules
  device::counters_line* counters_ = nullptr;
  const device::hook_failure* failed_hooks_ = nullptr;
  device::latency_block* latencies_ = nullptr;
  const device::rules_line* rules_ = nullptr;
  std::uint64_t warned_of_[device::hook_count] = {};  // the life in which its failure was logged
  std::uint64_t own_memory_ = 0;                      // resume block, state, scratch, argument
  std::size_t own_bytes_ = 0;
  grid grid_;
  std::unique_ptr<backend::ring_input> input_;
  std::unique_ptr<device_output> output_;
  std::unique_ptr<runner> runner_;

  device::command ordered_ = device::command::pause;
  std::atomic<bool> runs_{false};  // a grid is there, or a runner that launches some
  bool is_watched_ = false;
  bool holds_residency_ = false;
  std::atomic<std::uint32_t> state_{RONDO_STATE_CREATED};
  bool is_constructed_ = false;  // the handler's state
  std::atomic<std::uint64_t> launched_ns_{0};
  std::atomic<std::uint64_t> renewed_ns_{0};  // by the host, in this life; 0: never
  std::atomic<std::uint64_t> dropped_by_host_{0};

  mutable std::mutex failure_mutex_;
  rondo_status failure_code_ = RONDO_OK;
  std::string failure_text_;
};

}  // namespace rondo::cuda
