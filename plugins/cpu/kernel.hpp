// One launched handler: owns the worker and what runs it, and walks it through the states of abi.h.
// Lifecycle functions come one at a time; state() and counters() from any thread.
#pragma once

#include "carrier.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace rondo::cpu {

class kernel final : public backend::kernel {
 public:
  // `shared` is nullptr for a kernel with a thread of its own.
  kernel(const rondo_kernel_params& params, std::shared_ptr<buffer_table> buffers,
         const processor_set& allowed, std::shared_ptr<pool> shared);
  ~kernel() override;

  void launch(std::uint64_t deadline_ns) override;
  void activate(std::uint64_t deadline_ns) override;
  void deactivate(std::uint64_t deadline_ns) override;
  void terminate(std::uint32_t mode, std::uint64_t deadline_ns,
                 rondo_terminate_report& report) override;
  std::uint32_t state() override;
  backend::queue& input() override { return worker_->input(); }
  backend::queue& output() override { return worker_->output(); }
  void counters(rondo_kernel_counters& out) override;
  rondo_status failure(std::string& text) override;

 private:
  void require(bool allowed, const char* what) const;
  void change(command to, report expected, std::uint32_t next, std::uint64_t deadline_ns);
  bool end_run(command how, const worker::ends& accepted, std::uint64_t deadline_ns);
  bool give_back(std::uint64_t deadline_ns);
  void abandon();
  [[noreturn]] void say_hung() const;

  const std::string id_;
  const std::uint64_t handler_deadline_ns_;
  std::shared_ptr<buffer_table> buffers_;
  std::shared_ptr<worker> worker_;
  std::unique_ptr<carrier> carrier_;
  std::atomic<std::uint32_t> state_{RONDO_STATE_CREATED};
  std::atomic<std::uint64_t> launched_ns_{0};
};

}  // namespace rondo::cpu
