// Memory for one ring that the host can address: both control lines, the claim line, the wake line
// and, unless they lie elsewhere, the slots in one aligned block. For backends and for tests.
#pragma once

#include <rondo/ring/map.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace rondo::backend {

// Where the block comes from, and where the slots lie if not in it. The default is the heap.
struct ring_storage {
  void* self = nullptr;
  // Aligned to ring::line_bytes; nullptr if there is none.
  void* (*allocate)(void* self, std::size_t bytes) = nullptr;
  void (*release)(void* self, void* block, std::size_t bytes) = nullptr;
  std::byte* slots = nullptr;  // the caller's, large enough; the flags say how it is written to
};

namespace detail {

struct free_block {
  ring_storage storage{};
  std::size_t bytes = 0;
  void operator()(std::byte* p) const {
    if (storage.release != nullptr) storage.release(storage.self, p, bytes);
    else std::free(p);
  }
};

}  // namespace detail

class ring_memory {
 public:
  // What slots hold before the first message; tests pass something that looks like garbage.
  static constexpr int zeroed = 0;
  static constexpr int poisoned = 0xa5;

  ring_memory() = default;

  // OK, OUT_OF_MEMORY, INVALID_ARGUMENT (lanes), or what make_geometry() says. DEFAULT publication
  // is the caller's to resolve.
  static rondo_status create(const rondo_queue_params& params, ring_memory& out, int fill = zeroed,
                             const ring_storage& storage = {}) {
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
    const bool has_slots = storage.slots == nullptr;
    const std::size_t bytes =
        round_to_line(sizeof(lines) + (has_slots ? slots_bytes : 0) + ready_bytes);
    ring_memory memory;
    void* const block = storage.allocate != nullptr ? storage.allocate(storage.self, bytes)
                                                    : std::aligned_alloc(ring::line_bytes, bytes);
    memory.block_ = std::unique_ptr<std::byte, detail::free_block>(
        static_cast<std::byte*>(block), detail::free_block{storage, bytes});
    if (memory.block_ == nullptr) return RONDO_OUT_OF_MEMORY;
    auto* control = ::new (memory.block_.get()) lines{};
    std::byte* const own = memory.block_.get() + sizeof(lines);
    std::byte* const slots = has_slots ? own : storage.slots;
    std::byte* const ready = has_slots ? own + slots_bytes : own;
    if (has_slots) std::memset(slots, fill, slots_bytes);
    std::memset(ready, 0, ready_bytes);
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
                     needs_ready ? ready : nullptr},
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
  std::unique_ptr<std::byte, detail::free_block> block_;
  rondo_ring_map map_{};
};

}  // namespace rondo::backend
