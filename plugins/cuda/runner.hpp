// How the grid of one kernel is kept running. A resident runner launches it once and it stays; an
// event runner launches it for what is waiting, again and again, where a resident kernel could not
// see what the host writes. Both take the same orders and give the same answers.
//
// start(), order() and the destructor: one at a time. answer() and result(): any thread.
#pragma once

#include "image.hpp"
#include "ping.hpp"
#include "ring_host.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace rondo::cuda {

// What a launch needs. The lines lie in pinned memory.
struct grid {
  CUfunction function = nullptr;
  std::uint32_t blocks = 1;
  std::uint32_t threads = 32;
  std::uint32_t shared_bytes = 0;
  device::launch_args args{};
  device::control_line* control = nullptr;
  device::report_line* report = nullptr;
  const device::counters_line* counters = nullptr;
  const device::rules_line* rules = nullptr;
  std::uint32_t hooks = 0;             // bits of device::hook that the handler has
  const ping_result* clock = nullptr;  // for the timers of an event runner
  std::uint64_t barrier_words = 0;     // resume_block::go on the device
};

// Where a drain ends in each lane of the input; without one a lane ends at 0.
struct lane_ends {
  std::uint64_t normal = 0;
  std::uint64_t urgent = 0;
};

class runner {
 public:
  virtual ~runner() = default;
  // Begin, with `pause` in force. Throws LIMIT_REACHED, DEVICE_LOST.
  virtual void start() = 0;
  // Returns the order's word, which answer() repeats when it is carried out; of drain, stop and
  // leave only the ending tells.
  virtual std::uint32_t order(device::command what, const lane_ends& drain_until) = 0;
  std::uint32_t order(device::command what) { return order(what, {}); }
  // Low half: the word obeyed last. High half: device::ending.
  virtual std::uint64_t answer() const = 0;
  // CUDA_ERROR_NOT_READY while a grid runs or may run again; else how the last one ended.
  virtual CUresult result() const = 0;
  // By the device's monitor: the host is alive.
  virtual void renew() = 0;
  // Ends the grid for a while, so that work can be done for which the driver waits until none is
  // there: is_away() says when it has ended, which a busy handler may put off. Orders given
  // meanwhile are carried out after resume(), and answers do not show that the grid was away. By
  // one thread at a time.
  virtual void step_aside() = 0;
  virtual bool is_away() const = 0;
  virtual void resume() = 0;
  // It will not be waited for any more. The runner must not be destroyed after.
  virtual void abandon() = 0;
};

std::unique_ptr<runner> make_resident_runner(CUcontext context, stream_pool& streams,
                                             const grid& of);
// `input`: where senders announce messages; `output`: where callers sleep.
std::unique_ptr<runner> make_event_runner(CUcontext context, stream_pool& streams, const grid& of,
                                          backend::ring_input& input, device_output& output);

}  // namespace rondo::cuda
