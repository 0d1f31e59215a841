// Memory for one queue that the host can address: of each lane both control lines, the claim line
// and, unless they lie elsewhere, the slots, and one wake line, in one aligned block. For backends
// and for tests.
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
  // Counted publication: RONDO_RING_HEADERS_APART, for rings whose other end reads them through
  // rondo/ring too. Streams of small messages are faster so. Not where slots lie elsewhere.
  bool headers_apart = false;
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

  // OK, OUT_OF_MEMORY, INVALID_ARGUMENT (lanes), UNSUPPORTED (two lanes, or headers apart, with
  // slots that lie elsewhere), or what make_geometry() says. DEFAULT publication is the caller's to
  // resolve.
  static rondo_status create(const rondo_queue_params& params, ring_memory& out, int fill = zeroed,
                             const ring_storage& storage = {}) {
    if (params.lanes == 0 || params.lanes > RONDO_MAX_LANES) return RONDO_INVALID_ARGUMENT;
    const bool headers_apart = storage.headers_apart && params.publication == RONDO_PUBLISH_COUNTED;
    if ((params.lanes > 1 || headers_apart) && storage.slots != nullptr) return RONDO_UNSUPPORTED;
    ring::geometry shape;
    const ring::publication how = ring::publication_of(params.publication, headers_apart);
    const bool timed = (params.flags & RONDO_QUEUE_TIMED) != 0;
    const rondo_status status =
        ring::make_geometry(how, params.capacity, params.payload_capacity, timed, shape);
    if (status != RONDO_OK) return status;
    const bool needs_ready = shape.is_counted() && (params.flags & RONDO_QUEUE_ONE_PRODUCER) == 0;
    const std::size_t slots_bytes = storage.slots == nullptr ? shape.slots_bytes() : 0;
    const std::size_t ready_bytes = needs_ready ? shape.capacity * sizeof(std::uint64_t) : 0;
    // Slots are aligned to 32 bytes at least, lanes to a line.
    const std::size_t lane_bytes = round_to_line(sizeof(lines) + slots_bytes + ready_bytes);
    const std::size_t bytes = params.lanes * lane_bytes;
    if (bytes / params.lanes != lane_bytes) return RONDO_CAPACITY_OVERFLOW;
    ring_memory memory;
    void* const block = storage.allocate != nullptr ? storage.allocate(storage.self, bytes)
                                                    : std::aligned_alloc(ring::line_bytes, bytes);
    memory.block_ = std::unique_ptr<std::byte, detail::free_block>(
        static_cast<std::byte*>(block), detail::free_block{storage, bytes});
    if (memory.block_ == nullptr) return RONDO_OUT_OF_MEMORY;
    memory.map_ = {sizeof(rondo_ring_map),
                   ring::layout_version,
                   params.publication,
                   headers_apart ? std::uint32_t{RONDO_RING_HEADERS_APART} : 0,
                   shape.capacity,
                   shape.stride,
                   shape.payload_capacity,
                   params.flags,
                   params.lanes,
                   {},
                   nullptr};
    for (std::uint32_t lane = 0; lane < params.lanes; ++lane) {
      std::byte* const at = memory.block_.get() + lane * lane_bytes;
      auto* control = ::new (at) lines{};
      std::byte* const own = at + sizeof(lines);
      std::byte* const slots = storage.slots == nullptr ? own : storage.slots;
      std::byte* const ready = own + slots_bytes;
      std::memset(own, fill, slots_bytes);
      std::memset(ready, 0, ready_bytes);
      memory.map_.lanes[lane] = {slots, &control->producer, &control->consumer, &control->claim,
                                 needs_ready ? ready : nullptr};
      if (lane == 0) memory.map_.wake_line = &control->wake;
    }
    out = std::move(memory);
    return RONDO_OK;
  }

  const rondo_ring_map& map() const { return map_; }
  // RONDO_RING_*: what both sides do about parking.
  void add_flags(std::uint32_t flags) { map_.flags |= flags; }
  ring::wake_line* wake_line() const { return static_cast<ring::wake_line*>(map_.wake_line); }

  std::uint32_t lanes() const { return map_.lane_count; }

  // Cannot fail for a lane that there is: the map was made here.
  ring::view view(std::uint32_t lane = 0) const {
    ring::view v;
    if (ring::make_view(map_, lane, true, v) != RONDO_OK) std::abort();
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
