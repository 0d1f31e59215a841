// The two queues of a kernel on a CUDA device, as the host sees them: rings in pinned memory, or
// with the input's slots in device memory behind the bus. Core maps them and makes no call per
// message.
#pragma once

#include "bar.hpp"
#include "memory.hpp"
#include "ping.hpp"

#include <rondo/backend/ring_queue.hpp>
#include <rondo/device/contract.hpp>

#include <memory>

namespace rondo::cuda {

struct device_parts;

// A ring's memory on both sides. Owns it.
struct device_ring {
  backend::ring_memory memory;
  device::ring_args args{};
  device::ring_args urgent_args{};  // of its second lane, if it has one
};

// Throws CAPACITY_*, TOO_LARGE, UNSUPPORTED, OUT_OF_MEMORY. An input's slots lie behind the bus for
// placement::bar. Event-driven kernels park on their input's wake line and wake who waits for
// replies; a resident kernel can do neither.
device_ring make_input(device_parts& device, rondo_queue_params params, placement where,
                       std::uint32_t handler_flags);
device_ring make_output(device_parts& device, rondo_queue_params params, placement where,
                        std::uint32_t handler_flags);

// The kernel's output. Its sequences are claimed on the device, so the host's claim line knows
// nothing; the kernel's counters say how far it is.
class device_output final : public backend::ring_output {
 public:
  device_output(backend::ring_memory memory, const device::counters_line& counters)
      : ring_output(std::move(memory)), counters_(counters) {}

  rondo_status info(rondo_queue_info& out) override {
    const rondo_status status = ring_output::info(out);
    out.depth = depth_now();
    return status;
  }
  std::uint64_t depth_now() const {
    const std::uint64_t made = ring::platform::load_relaxed(&counters_.messages_out);
    const std::uint64_t taken = ring::platform::load_relaxed(&view().consumer->head);
    return made > taken ? made - taken : 0;
  }

 private:
  const device::counters_line& counters_;
};

}  // namespace rondo::cuda
