// What a kernel counts: in the block's memory, and shown to the host in lines of its own.
#pragma once

#include <rondo/device/team_ring.hpp>

namespace rondo::device {

template <class H, class X, class P, class K>
class counting {
 public:
  RONDO_DEVICE counting(const X& x, const launch_args& args, memory_of<H, K>& memory)
      : x_(x), args_(args), m_(memory) {}

  RONDO_DEVICE bool is_first() const { return x_.thread() == 0; }

  // By thread 0, behind `n` timed handlers that ran from `begin` to `end`.
  RONDO_DEVICE void count_handled(std::uint32_t n, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t took = end > begin ? end - begin : 0;
    m_.counters.handler_samples += n;
    m_.counters.handler_sampled_ns += n * took;
    if (took > m_.counters.handler_sampled_max_ns) m_.counters.handler_sampled_max_ns = took;
    m_.counters.heartbeat = end;
    count_latency(&ring::latency_counts::handling, ring::latency_bucket(took), n);
  }
  // In which bucket the wait of a request with this stamp is, if its handler began at `begin`.
  RONDO_DEVICE std::uint32_t bucket_of_wait(std::uint32_t stamp, std::uint64_t begin) const {
    if (stamp == 0 || (args_.flags & flag_clock) == 0) return no_bucket;
    return ring::latency_bucket(ring::since_stamp(stamp, begin - args_.clock_ahead));
  }
  RONDO_DEVICE void count_waited(std::uint32_t bucket, std::uint32_t n) {
    if (bucket != no_bucket) count_latency(&ring::latency_counts::queueing, bucket, n);
  }
  static constexpr std::uint32_t no_bucket = RONDO_LATENCY_BUCKETS;

  // When the handler in hand began; 0: there is none.
  RONDO_DEVICE void say_busy(std::uint64_t since) {
    m_.counters.busy_since = since;
    P::store_relaxed(&reinterpret_cast<counters_line*>(args_.counters)->busy_since, since);
  }
  // By one thread alone: a kernel that waits for room is seen to have done what it did.
  RONDO_DEVICE void show_counters() { write_counters(0, 1); }

 protected:
  RONDO_DEVICE void publish_counters() {
    if (is_first()) m_.counters.polls += polls_;
    polls_ = 0;
    x_.sync_warp();
    write_counters(x_.thread(), x_.lanes());
    x_.sync_warp();
  }

  const X& x_;
  const launch_args& args_;
  memory_of<H, K>& m_;
  std::uint32_t polls_ = 0;  // not yet counted

 private:
  // Counted in the block's memory: a load from the device's would hold up a batch.
  RONDO_DEVICE void count_latency(
      std::uint64_t (ring::latency_counts::*which)[RONDO_LATENCY_BUCKETS], std::uint32_t bucket,
      std::uint32_t n) {
    auto& shown = reinterpret_cast<latency_block*>(args_.latencies)->counts;
    P::store_relaxed(&(shown.*which)[bucket], (m_.latencies.*which)[bucket] += n);
  }

  RONDO_DEVICE void write_counters(std::uint32_t first, std::uint32_t stride) {
    auto* to = reinterpret_cast<ring::chunk*>(args_.counters);
    constexpr std::uint32_t pieces = sizeof(counters_line) / sizeof(ring::chunk);
    RONDO_KEEP_LOOP
    for (std::uint32_t i = first; i < pieces; i += stride) {
      ring::chunk c;
      __builtin_memcpy(&c,
                       __builtin_assume_aligned(
                           reinterpret_cast<const std::byte*>(&m_.counters) + i * sizeof c, 16),
                       sizeof c);
      P::store_chunk(to + i, c);
    }
  }
};

}  // namespace rondo::device
