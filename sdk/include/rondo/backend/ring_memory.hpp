// Host memory for one ring: both control lines, the claim line, the wake line and the slots in one
// aligned block. For backends whose queues the host can address, and for tests.
#pragma once

#include <rondo/ring/map.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace rondo::backend {

class ring_memory {
 public:
  // What slots hold before the first message; tests pass something that looks like garbage.
  static constexpr int zeroed = 0;
  static constexpr int poisoned = 0xa5;

  ring_memory() = default;

  // OK, OUT_OF_MEMORY, INVALID_ARGUMENT (lanes), or what make_geometry() says. DEFAULT publication
  // is the caller's to resolve.
  static rondo_status create(const rondo_queue_params& params, ring_memory& out,
                             int fill = zeroed) {
    if (params.lanes != 1) return params.lanes == 2 ? RONDO_UNSUPPORTED : RONDO_INVALID_ARGUMENT;
    ring::geometry shape;
    const auto how = static_cast<ring::publication>(params.publication);
    const bool timed = (params.flags & RONDO_QUEUE_TIMED) != 0;
    const rondo_status status =
        ring::make_geometry(how, params.capacity, params.payload_capacity, timed, shape);
    if (status != RONDO_OK) return status;
    const bool needs_ready =
        how == ring::publication::counted && (params.flags & RONDO_QUEUE_ONE_PRODUCER) == 0;
    const std::size_t slots_bytes = shape.capacity * shape.stride;
    const std::size_t ready_bytes = needs_ready ? shape.capacity * sizeof(std::uint64_t) : 0;
    const std::size_t bytes = round_to_line(sizeof(lines) + slots_bytes + ready_bytes);
    ring_memory memory;
    memory.block_.reset(static_cast<std::byte*>(std::aligned_alloc(ring::line_bytes, bytes)));
    if (memory.block_ == nullptr) return RONDO_OUT_OF_MEMORY;
    auto* control = ::new (memory.block_.get()) lines{};
    std::byte* slots = memory.block_.get() + sizeof(lines);
    std::memset(slots, fill, slots_bytes);
    std::memset(slots + slots_bytes, 0, ready_bytes);
    memory.map_ = {sizeof(rondo_ring_map),
                   ring::layout_version,
                   params.publication,
                   0,
                   shape.capacity,
                   shape.stride,
                   shape.payload_capacity,
                   params.flags,
                   1,
                   {{slots, &control->producer, &control->consumer, &control->claim,
                     needs_ready ? slots + slots_bytes : nullptr},
                    {}},
                   &control->wake};
    out = std::move(memory);
    return RONDO_OK;
  }

  const rondo_ring_map& map() const { return map_; }
  // RONDO_RING_*: what both sides do about parking.
  void set_flags(std::uint32_t flags) { map_.flags = flags; }
  ring::wake_line* wake_line() const { return static_cast<ring::wake_line*>(map_.wake_line); }

  // Cannot fail: the map was made here.
  ring::view view() const {
    ring::view v;
    if (ring::make_view(map_, 0, true, v) != RONDO_OK) std::abort();
    return v;
  }

 private:
  struct lines {
    ring::producer_line producer;
    ring::consumer_line consumer;
    ring::claim_line claim;
    ring::wake_line wake;
  };
  static constexpr std::size_t round_to_line(std::size_t n) {
    return (n + ring::line_bytes - 1) / ring::line_bytes * ring::line_bytes;
  }
  struct free_block {
    void operator()(std::byte* p) const { std::free(p); }
  };

  std::unique_ptr<std::byte, free_block> block_;
  rondo_ring_map map_{};
};

}  // namespace rondo::backend
